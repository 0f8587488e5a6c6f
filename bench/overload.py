"""What is still answered when four times as much is asked as can be: the rest must be refused at once, with words."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import httpx

from bench.ground import PATH, Portal
from bench.load import closed_loop
from bench.measure import Effort, estimate, timed
from bench.results import Row
from bench.wire import Line, UnexpectedAnswerError

TIMES = 4
CONNECTIONS = 4
ANSWER_MS = 10.0
"""A question gets so many rows that one answer takes as long: callers in Python can then ask four times as often, and
it is still small enough that refusing it is not all about carrying it."""
TRIES = 5
MOST_ROWS = 8192
DEADLINE = {"x-deadline-ms": "1000", "content-type": "application/json"}
WARM_UP = 1 / 3
"""The first part of a round under load is not counted: what one answer takes has to be found out first."""


def measure(portal: Portal, effort: Effort) -> Iterator[Row]:
    """Good answers a second at four times the peak, beside the peak itself. Servers and callers are pinned already."""
    rows, body = _rows(portal)
    peaks, goods, asked = [], [], []
    codes: Counter[int] = Counter()
    for _ in range(max(2, effort.rounds // 2)):
        peak = closed_loop(lambda: Line(portal.gateway_url), PATH, body, CONNECTIONS, effort.seconds).rate
        found = asyncio.run(_beyond(portal.gateway_url + PATH, body, TIMES * peak, 2 * effort.seconds))
        peaks.append(peak)
        goods.append(found.good)
        asked.append(found.asked / peak)
        codes += found.codes
    refused, late = (codes[429] + codes[503]) / codes.total(), codes[504] / codes.total()
    note = (
        f"theirs is our own peak, of {rows} rows a question; {min(asked):.1f} times as many questions: {refused:.0%} "
        f"refused with retry-after, {late:.0%} too late"
    )
    yield Row("predictions.goodput_at_4_times_the_peak", estimate(goods), estimate(peaks), "requests/s", "more", note)


def _rows(portal: Portal) -> tuple[int, bytes]:
    """How many rows take `ANSWER_MS`, at best, and a question with them."""
    rows, line = 1, Line(portal.gateway_url)
    while True:
        body = portal.example(rows)
        best = min(timed(partial(line.ask, "POST", PATH, body)) for _ in range(TRIES))
        if best >= ANSWER_MS or rows >= MOST_ROWS:
            line.close()
            return rows, body
        rows *= 2


@dataclass(frozen=True, slots=True)
class Found:
    """Good answers and questions a second after the warm-up, and how many of all had which code."""

    good: float
    asked: float
    codes: "Counter[int]"


async def _beyond(url: str, body: bytes, rate: float, seconds: float) -> Found:
    """Ask so often, whether or not the last ones were answered."""
    sent: list[float] = []
    done: list[tuple[float, int]] = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
    async with httpx.AsyncClient(timeout=30, limits=limits, trust_env=False) as client:

        async def ask() -> None:
            sent.append(time.perf_counter() - began)
            code = _code(await client.post(url, content=body, headers=DEADLINE))
            done.append((time.perf_counter() - began, code))

        began, tasks = time.perf_counter(), []
        for number in range(round(rate * seconds)):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(ask()))
        await asyncio.gather(*tasks)
    first, length = WARM_UP * seconds, (1 - WARM_UP) * seconds
    return Found(
        good=sum(code == 200 and first <= at < seconds for at, code in done) / length,
        asked=sum(first <= at < seconds for at in sent) / length,
        codes=Counter(code for _, code in done),
    )


def _code(answer: httpx.Response) -> int:
    """Anything else than an answer, a refusal that says when to come again, or a deadline that passed, is an error."""
    code = answer.status_code
    told = code in (429, 503) and answer.headers.get("retry-after", "").isdigit()
    if code not in (200, 504) and not told:
        raise UnexpectedAnswerError(f"Beyond the peak: {code} {answer.text[:500]}")
    return code
