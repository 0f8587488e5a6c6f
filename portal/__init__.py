"""Signalbox: the bottom layer and the composition root."""
