"""Starts, watches and stops everything a Signalbox on one machine consists of. Imports no Django."""
