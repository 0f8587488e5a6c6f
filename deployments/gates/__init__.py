"""Gates: what must hold before a version may be promoted. Pure: facts and limits in, an answer out.

A new gate is one file with an `answer` and a `limits` function, and one line in `catalogue.py`; see CONTRIBUTING.md.
"""
