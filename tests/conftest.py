"""Fixtures every test may use. The databases are started earlier, by `tests/settings.py` through `tests.services`."""
