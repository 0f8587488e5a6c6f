"""Registers the reconcilers of this app."""
