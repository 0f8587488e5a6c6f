"""The plans that come with the portal, as somebody would write them."""

from typing import Any

Json = dict[str, Any]

AT_ONCE = "at-once"
"""The plan of whoever asks for none."""


GUARDS: dict[str, Json] = {
    "errors": {"limit": 0.01, "alpha": 0.002, "fewest": 500},
    "p95": {"limit": 2.0, "alpha": 0.002, "fewest": 500},
    "p99": {"limit": 3.0, "alpha": 0.002, "fewest": 1000},
    "answers": {"limit": 0.1, "alpha": 0.002, "fewest": 500},
    "memory": {"limit": 2.0, "alpha": 0.002, "fewest": 100},
}
"""What each measure is held to."""


def _guards(alpha: float) -> list[Json]:
    """The guards of one step; `alpha` is shared among them evenly."""
    part = round(alpha / len(GUARDS), 6)
    return [{"measure": name, **guard, "alpha": part} for name, guard in GUARDS.items()]


def _judged(weights: list[int], *, alpha: float, give_up: int, pause: int) -> list[Json]:
    """Each weight, a while to settle, and a judgement; the chance of a false stop is shared among the weights."""
    found: list[Json] = []
    for weight in weights:
        found += [
            {"do": "weight", "weight": weight},
            {"do": "pause", "until": {"seconds": pause}},
            {"do": "analyse", "guards": _guards(alpha / len(weights)), "give_up": give_up},
        ]
    return found


def _shadow(*, predictions: int, give_up: int) -> Json:
    """Everything that is asked is asked again, within reason."""
    return {
        "do": "shadow", "share": 10_000, "per_second": 50, "until": {"predictions": predictions}, "give_up": give_up,
        "threshold": None, "segments": [], "costs": {},
    }  # fmt: skip


def _ab_test(*, units: int, give_up: int) -> Json:
    """How often each version is right, with the guards of a canary meanwhile; a score counts as a class from 0.5 on."""
    right = {
        "name": "Right answers", "from": "correct", "better": "higher", "alpha": 0.05, "smallest": 0.01, "fewest": 200,
    }  # fmt: skip
    return {
        "do": "ab_test", "until": {"units": units}, "give_up": give_up, "metrics": [right], "guards": _guards(0.03),
        "threshold": 0.5,
    }  # fmt: skip


PLANS: dict[str, Json] = {
    AT_ONCE: {"steps": [{"do": "switch"}]},
    "blue-green": {"steps": [{"do": "switch"}, {"do": "hold", "seconds": 600}]},
    "canary": {
        "steps": [
            *_judged([500, 2500, 5000], alpha=0.03, give_up=3600, pause=60),
            {"do": "switch"},
            {"do": "hold", "seconds": 600},
        ]
    },
    "shadow-canary": {
        "steps": [
            _shadow(predictions=2000, give_up=3600),
            {"do": "pause", "until": {"person": True}},
            *_judged([500, 2500, 5000], alpha=0.03, give_up=3600, pause=60),
            {"do": "switch"},
            {"do": "hold", "seconds": 600},
        ]
    },
    "ab-test": {
        "steps": [
            {"do": "weight", "weight": 5000},
            _ab_test(units=2000, give_up=86_400),
            {"do": "switch"},
            {"do": "hold", "seconds": 600},
        ]
    },
    "linear": {
        "steps": [
            *_judged([1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000], alpha=0.045, give_up=3600, pause=60),
            {"do": "switch"},
            {"do": "hold", "seconds": 600},
        ]
    },
}
TITLES = {
    AT_ONCE: "Switch at once",
    "blue-green": "Blue-green",
    "canary": "Canary",
    "shadow-canary": "Shadow, then canary",
    "ab-test": "A/B test",
    "linear": "Linear",
}
