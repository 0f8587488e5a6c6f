"""State machines as data, and `move()`, the only writer of a status."""
