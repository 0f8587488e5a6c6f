"""From labels and answers as arrays to the results of an evaluation: runs in a process of its own, without Django."""
