"""Latency and memory of the version under the evaluation's calls, one row at a time."""

from deployments.gates import limits as read
from deployments.gates.answers import GateAnswer, Limits, done, link, number, unknown
from deployments.gates.facts import GateFacts

LABEL = "Latency and memory"


def limits(place: str, given: object) -> read.Json:
    """`p95_ms`, milliseconds of a single row, and `memory_mib`, the peak of the process; and `data`."""
    found = read.known(place, given, "p95_ms", "memory_mib", "data")
    return {
        "p95_ms": read.amount(place, found, "p95_ms", low=0.01, high=600_000),
        "memory_mib": read.amount(place, found, "memory_mib", low=1, high=1_000_000),
        "data": read.text(place, found, "data", default=""),
    }


def answer(facts: GateFacts, limits: Limits) -> GateAnswer:
    limit = f"p95 {number(limits['p95_ms'])} ms, {limits['memory_mib']:.0f} MiB"
    found = done(facts, limits, limit, compared=False)
    if isinstance(found, GateAnswer):
        return found
    assert found.results is not None
    seen = found.results.performance
    if seen is None or "p95" not in seen.latency_ms or not seen.memory_bytes:
        return unknown(limit, "The evaluation measured no calls. Ask for one with load calls.", link(found))
    p95, memory = seen.latency_ms["p95"], seen.memory_bytes / 1024**2
    over = [
        name
        for name, value, most in (("latency", p95, limits["p95_ms"]), ("memory", memory, limits["memory_mib"]))
        if value > most
    ]
    sentence = f"Above the limit: {' and '.join(over)}." if over else "Both are within the limit."
    return GateAnswer(
        "fail" if over else "pass", f"p95 {number(p95)} ms, {memory:.0f} MiB", limit, sentence,
        p95, sample=int(seen.latency_ms.get("n", 0)), link=link(found),
    )  # fmt: skip
