"""Template tags by what they show. All are builtins: templates need no `load`."""
