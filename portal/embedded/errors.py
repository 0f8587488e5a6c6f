"""What the commands refuse with."""


class StartError(Exception):
    """A sentence for the person at the terminal: what is wrong and what to do about it."""
