"""What rollouts are shown on: each case with the plan it goes by and what must become of it. Pure.

The plans are the ready-made ones with shorter waits, fewer requests and, since few requests tell less, wider limits.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

Json = dict[str, Any]

FEWEST: Final = 200
GUARDS: Final[list[Json]] = [
    {"measure": "errors", "limit": 0.05, "alpha": 0.002, "fewest": FEWEST},
    {"measure": "p95", "limit": 3.0, "alpha": 0.002, "fewest": FEWEST},
    {"measure": "answers", "limit": 0.25, "alpha": 0.002, "fewest": FEWEST},
    {"measure": "memory", "limit": 2.0, "alpha": 0.002, "fewest": FEWEST},
]
WEIGHTS: Final = (1000, 2500, 5000)
JUDGED: Final[list[Json]] = [
    step
    for weight in WEIGHTS
    for step in ({"do": "weight", "weight": weight}, {"do": "analyse", "guards": GUARDS, "give_up": 300})
]
ENDING: Final[list[Json]] = [{"do": "switch"}, {"do": "hold", "seconds": 5}]
SHADOW: Final[Json] = {
    "do": "shadow", "share": 10_000, "per_second": 50, "until": {"predictions": 500}, "give_up": 120,
    "threshold": 0.3, "segments": ["origin"], "costs": {"0 → 1": 15.0, "1 → 0": 40.0},
}  # fmt: skip
TEST: Final[Json] = {
    "do": "ab_test", "until": {"units": 1000}, "give_up": 300, "threshold": 0.5, "guards": GUARDS[:1],
    "metrics": [
        {"name": "Right answers", "from": "correct", "better": "higher", "alpha": 0.05, "smallest": 0.01,
         "fewest": 300},
        {"name": "Euros a flight", "from": "value:cost", "better": "lower", "alpha": 0.05, "smallest": 0.5,
         "fewest": 300},
    ],
}  # fmt: skip
CANARY, SHADOW_CANARY, AB_TEST = "canary-fast", "shadow-canary-fast", "ab-test-fast"
PLANS: Final[dict[str, tuple[str, list[Json]]]] = {
    CANARY: ("Canary, fast", [*JUDGED, *ENDING]),
    SHADOW_CANARY: (
        "Shadow, then canary, fast",
        [SHADOW, {"do": "pause", "until": {"person": True}}, *JUDGED, *ENDING],
    ),
    AB_TEST: ("A/B test, fast", [{"do": "weight", "weight": 5000}, TEST, *ENDING]),
}
TIMEOUT, BROKE = "deadline_exceeded", "revision_broke"
AWAY: Final = "revision_unavailable"
"""What was in flight was to be sent again, and the router had been told meanwhile that the process is away."""
AFTER: Final = r"\[.*\], limit .*, after [\d\s]+ requests"


@dataclass(frozen=True)
class Case:
    """One rollout. `sentence` is a pattern of what a stopped one says; `codes` is what its callers may be told."""

    name: str
    champion: str
    challenger: str
    plan: str
    status: Literal["completed", "aborted"]
    sentence: str = ""
    codes: frozenset[str] = frozenset()
    keeps: str = ""
    """Why a person keeps the champion when the plan asks; "" goes on."""
    bound: str = ""
    """When docs/rollouts.md says it is stopped."""


ON_REQUESTS: Final = f"after {FEWEST} requests and a look"
CASES: Final = (
    Case("ab-test", "schedule", "weather", AB_TEST, "completed"),
    Case("slow", "weather", "slow", CANARY, "aborted", rf"p95 latency .*× {AFTER}", frozenset({"busy"}),
         bound=ON_REQUESTS),
    Case("wrong", "weather", "wrong", CANARY, "aborted", rf"Predictions .* pp {AFTER}", bound=ON_REQUESTS),
    Case("late", "weather", "late", CANARY, "aborted",
         rf"Error rate .* {AFTER}, [\d\s]+ of which failed because it (did not answer in time|had no time for them)",
         frozenset({TIMEOUT, "busy"}), bound=f"after {FEWEST} requests, a deadline and a look"),
    Case("crashing", "weather", "crashing", CANARY, "aborted",
         r"Its process ended [3-5] times without a minute of quiet between\. .*ended with code 9\.",
         frozenset({BROKE, AWAY, "busy"}), bound="at the third end and a look"),
    Case("shadow", "weather", "wrong", SHADOW_CANARY, "aborted", r"It squeezes .*",
         keeps="It squeezes every score to the middle: the report shows it, and no caller has seen it."),
    Case("good", "weather", "fresher", CANARY, "completed"),
)  # fmt: skip
