"""The layers around a revision process. Each is asked for; which are in force is recorded, not assumed."""
