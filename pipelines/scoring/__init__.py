"""Programs that run in the sandbox, one process each: one reads the data, one asks the version, one computes.

The version's process never sees the labels: it gets the input columns through a pipe and nothing else. What it answers
comes out as plain arrays. The process that computes reads those and the data, and loads no version.
"""
