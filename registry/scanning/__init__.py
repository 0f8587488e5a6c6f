"""Looks at the bytes of a version without ever loading them. What is here runs inside the sandbox and knows no Django.

Classified by bytes, never by name: a name may only make an answer stricter. Nothing is `clean` unless a reader that
cannot execute has accounted for each of its bytes.
"""
