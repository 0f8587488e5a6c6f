"""A Signalbox portal, asked from a shell or a CI job. Standard library only."""
