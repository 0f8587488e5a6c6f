"""Model cards: what has to be said about a version, filled from records where there are any. Pure."""
