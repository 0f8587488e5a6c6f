"""Parent and restarter of the revision processes: imports the libraries once, then forks."""
