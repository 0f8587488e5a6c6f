"""What is still answered when four times as much is asked as can be: the rest must be refused at once, with words."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bench.ground import PATH, Portal
from bench.load import closed_loop
from bench.measure import Effort, estimate
from bench.open_loop import Callers, Heard
from bench.results import Row
from bench.wire import Line, UnexpectedAnswerError

TIMES = 4
CONNECTIONS = 32
"""For the peak: as many callers as a revision answers in one turn."""
MOST_PEAK = 100.0
"""Answers a second: a question gets so many rows that there are no more, so that callers in Python can ask four times
as often, and it is still small enough that refusing it is not all about carrying it."""
MOST_ROWS = 8192
DEADLINE = {"x-deadline-ms": "1000", "content-type": "application/json"}
REFUSED = (429, 503)
PROMISED_MS = 200.0
"""Within this a caller is told that it comes too often."""
WARM_UP = 1 / 3
"""The first part of a round under load is not counted: what one answer takes has to be found out first."""


def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    """Good answers a second at four times the peak, beside the peak itself, and how soon the rest is refused.

    Servers and callers are pinned already.
    """
    rows, body = sized(portal, effort.seconds / 4)
    peaks, goods, asked, refusals = [], [], [], list[float]()
    codes: Counter[int] = Counter()
    for _ in range(max(2, effort.rounds // 2)):
        peak = closed_loop(lambda: Line(portal.gateway_url), PATH, body, CONNECTIONS, effort.seconds).rate
        found = asyncio.run(_beyond(portal.gateway_url + PATH, body, TIMES * peak, 2 * effort.seconds))
        peaks.append(peak)
        goods.append(found.good)
        asked.append(found.asked / peak)
        refusals += found.refusals
        codes += found.codes
    refused, late = sum(codes[one] for one in REFUSED) / codes.total(), codes[504] / codes.total()
    note = (
        f"theirs is our own peak, of {rows} rows a question; {min(asked):.1f} times as many questions: {refused:.0%} "
        f"refused with retry-after, {late:.0%} too late"
    )
    yield Row("predictions.goodput_at_4_times_the_peak", estimate(goods), estimate(peaks), "requests/s", "more", note)
    if refusals:
        within = sum(one <= PROMISED_MS for one in refusals) / len(refusals)
        note = f"as the callers heard it, of {len(refusals):,} refusals; {within:.1%} within {PROMISED_MS:.0f} ms"
        yield Row("predictions.refusal_at_4_times_the_peak.p95", estimate(refusals, 95), None, "ms", note=note)


def sized(portal: Portal, seconds: float) -> tuple[int, bytes]:
    """How many rows a question has to have for at most `MOST_PEAK` answers a second, and a question with them."""
    rows = 1
    while True:
        body = portal.example(rows)
        rate = closed_loop(lambda: Line(portal.gateway_url), PATH, body, CONNECTIONS, seconds).rate
        if rate <= MOST_PEAK or rows >= MOST_ROWS:
            return rows, body
        rows *= 2


@dataclass(frozen=True, slots=True)
class Found:
    """Good answers and questions a second after the warm-up, milliseconds until each refusal was heard, and how many of
    all had which code."""

    good: float
    asked: float
    refusals: list[float]
    codes: "Counter[int]"


async def _beyond(url: str, body: bytes, rate: float, seconds: float) -> Found:
    """Ask so often, whether or not the last ones were answered."""
    heard = await Callers(url, body, DEADLINE).ask(rate, seconds)
    codes = Counter(_code(one) for one in heard)
    first, length = WARM_UP * seconds, (1 - WARM_UP) * seconds
    return Found(
        good=sum(one.status == 200 and first <= one.at < seconds for one in heard) / length,
        asked=sum(first <= one.asked < seconds for one in heard) / length,
        refusals=[
            1000 * (one.at - one.asked) for one in heard if one.status in REFUSED and first <= one.asked < seconds
        ],
        codes=codes,
    )


def _code(heard: Heard) -> int:
    """Anything else than an answer, a refusal that says when to come again, or a deadline that passed, is an error."""
    told = heard.status in REFUSED and heard.headers.get("retry-after", "").isdigit()
    if heard.status not in (200, 504) and not told:
        raise UnexpectedAnswerError(f"Beyond the peak: {heard.status} {heard.body[:500].decode(errors='replace')}")
    return heard.status
