"""Live measures in Prometheus' text format (0.0.4): one family after the other, every sample with the same labels."""

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate

from serving.contract import LATENCY_EDGES_MS, Measures, RevisionSpec

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
EVERY = 3
NAMED = ("environment", "endpoint", "model", "version")

Counted = tuple[RevisionSpec, int, Measures]
Sample = tuple[str, Mapping[str, str], float]


def _requests(found: Measures) -> Iterable[Sample]:
    return (("", {"arm": arm}, count) for arm, count in sorted(found.arms.items()))


def _answers(found: Measures) -> Iterable[Sample]:
    return (("", {"label": label}, count) for label, count in sorted(found.answers.items()))


def _latency(found: Measures) -> Iterable[Sample]:
    """Every third edge: a time series for each is much to keep. Without a sum: quantiles and rates need none."""
    counts = list(accumulate(found.latency))
    edges = list(zip(LATENCY_EDGES_MS[1:], counts, strict=True))
    for edge, count in edges[::-EVERY][::-1]:
        yield "_bucket", {"le": "+Inf" if edge == LATENCY_EDGES_MS[-1] else f"{edge / 1000:g}"}, count
    yield "_count", {}, counts[-1]


FAMILIES: tuple[tuple[str, str, str, Callable[[Measures], Iterable[Sample]]], ...] = (
    ("requests_total", "counter", "Predictions asked for and not refused, by the arm they came under.", _requests),
    ("errors_total", "counter", "Of these, answered 5xx or died unanswered.", lambda m: [("", {}, m.errors)]),
    (
        "hedged_total",
        "counter",
        "Predictions asked for here because another process was slow.",
        lambda m: [("", {}, m.hedged)],
    ),
    ("refused_total", "counter", "Answered 4xx: the caller's fault.", lambda m: [("", {}, m.refused)]),
    ("latency_seconds", "histogram", "Answered predictions by time since their arrival.", _latency),
    (
        "answers_total",
        "counter",
        "Answered predictions by class, or by twentieth of a score, of one row drawn at random.",
        _answers,
    ),
    ("busy_seconds_total", "counter", "Time the model was at work.", lambda m: [("", {}, m.busy_ms / 1000)]),
    ("peak_memory_bytes", "gauge", "Most resident memory of the process.", lambda m: [("", {}, m.peak_memory)]),
)


def text(counted: Iterable[Counted]) -> str:
    """The whole page."""
    rows = list(counted)
    return "".join(line + "\n" for family in FAMILIES for line in _family(rows, *family))


def _family(
    rows: list[Counted], name: str, kind: str, about: str, read: Callable[[Measures], Iterable[Sample]]
) -> Iterable[str]:
    full = f"signalbox_revision_{name}"
    yield f"# HELP {full} {about}"
    yield f"# TYPE {full} {kind}"
    for spec, replica, found in rows:
        common = {
            **{label: str(getattr(spec, label)) for label in NAMED},
            "revision": spec.id,
            "replica": str(replica),
        }
        for suffix, more, value in read(found):
            labels = ",".join(f'{label}="{_escaped(said)}"' for label, said in {**common, **more}.items())
            yield f"{full}{suffix}{{{labels}}} {value:.16g}"


def _escaped(said: str) -> str:
    return said.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
