"""Bounds that all steps of a plan share."""

LONGEST = 7 * 86_400
"""Seconds any one step may last."""
PATIENCE = 86_400
"""Seconds after which too few requests are a person's to judge, unless the step says otherwise."""
MOST_REQUESTS = 1_000_000_000
LEAST_ALPHA, MOST_ALPHA = 1e-6, 0.2
"""Chances of a wrong answer that a guard or a metric may have; plans of before may have less than the least."""
MOST_ROWS = 200_000
"""Answers a step keeps to put ground truth beside; what comes beyond is counted and left out."""
