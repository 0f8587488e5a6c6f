"""The mathematics of evaluation: numbers in, numbers out. No Django, no files, no clock, no global random state.

Values that do not exist are `Undefined` with a sentence, never NaN and never an exception for bad data.

The same inputs give the same bytes on one build of NumPy and one kind of processor: sums are pairwise within blocks of
16,384 rows and `math.fsum` over the blocks, resampled sums are sums of whole numbers, and random weights depend on seed
and position only, not on how much memory was there.
"""
