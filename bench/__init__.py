"""Each claim about speed, side by side with its rival in one run: `python -m bench`."""
