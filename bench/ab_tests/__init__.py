"""A/B tests of a known truth, looked at again and again: how often the answer is wrong, and how soon it is right.

    python -m bench.ab_tests                 2,000 tests a case, a few minutes on one core
    python -m bench.ab_tests --tests 200

Writes docs/img/ab-tests.svg and the tables between the marks of docs/ab-tests.md.
"""
