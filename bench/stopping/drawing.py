"""Tables and curves of the simulation, as Markdown and as SVG that is readable on light and dark pages."""

from collections.abc import Sequence

from bench.stopping.callers import Told
from bench.stopping.cases import CURVES, Result

WIDE, HIGH, LEFT, TOP = 250, 150, 42, 26
STROKE, INK, GRID = "#2f6fb3", "#7a828c", "#b9c0c8"


def false_stops(results: Sequence[Result]) -> str:
    rows = [
        f"| {one.case.name} | {one.n:,} | {one.stopped:,} | {one.share:.2%} |" for one in results if not one.case.curve
    ]
    return "\n".join(["| The new version is | Rollouts | Stopped | Share |", "|---|---|---|---|", *rows])


def power(results: Sequence[Result]) -> str:
    rows = [
        f"| {one.case.name} | {one.n:,} | {one.share:.0%} | {f'{one.requests:,}' if one.requests else '–'} |"
        for one in results
        if one.case.curve
    ]
    head = "| The new version has | Rollouts | Stopped | Requests to it until then (median) |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def callers(told: Sequence[Told]) -> str:
    rows = [
        f"| {one.callers.name} | {one.n:,} | {one.stopped:,} | {one.stopped / one.n:.1%} | {_by(one)} | "
        f"{one.split:,} | {one.few:,} |"
        for one in told
    ]
    head = "| The callers are | Rollouts | Stopped | Share | By | Asked: split | Asked: one or two callers |"
    return "\n".join([head, "|---|---|---|---|---|---|---|", *rows])


def _by(told: Told) -> str:
    return ", ".join(f"{guard} {n:,}" for guard, n in told.by.most_common()) or "–"


def svg(results: Sequence[Result]) -> str:
    """One panel for each curve: how bad it is, and the share that was stopped."""
    panels = [_panel(at, name, [one for one in results if one.case.curve == name]) for at, name in enumerate(CURVES)]
    width, height = len(panels) * (WIDE + LEFT) + 12, HIGH + TOP + 44
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="sans-serif" font-size="11">\n'
        "<title>Share of rollouts that were stopped, by how much worse the new version is</title>\n"
        + "\n".join(panels)
        + "\n</svg>\n"
    )


def _panel(at: int, name: str, results: Sequence[Result]) -> str:
    x0 = at * (WIDE + LEFT) + LEFT
    sizes = [one.case.size for one in results]
    low, high = min(sizes), max(sizes)
    points = [
        (x0 + (one.case.size - low) / (high - low) * (WIDE - 16) + 8, TOP + HIGH * (1 - one.share)) for one in results
    ]
    grid = "".join(
        f'<line x1="{x0}" x2="{x0 + WIDE}" y1="{TOP + HIGH * (1 - tick):.1f}" y2="{TOP + HIGH * (1 - tick):.1f}" '
        f'stroke="{GRID}" stroke-width="0.5"/>'
        f'<text x="{x0 - 6}" y="{TOP + HIGH * (1 - tick) + 4:.1f}" text-anchor="end" fill="{INK}">{tick:.0%}</text>'
        for tick in (0.0, 0.5, 1.0)
    )
    ticks = "".join(
        f'<text x="{x:.1f}" y="{TOP + HIGH + 16}" text-anchor="middle" fill="{INK}">{size:g}</text>'
        for (x, _), size in zip(points, sizes, strict=True)
    )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{STROKE}"/>' for x, y in points)
    label = f'<text x="{x0 + WIDE / 2}" y="{TOP + HIGH + 34}" text-anchor="middle" fill="{INK}">{name}</text>'
    return f'{grid}{ticks}<polyline points="{line}" fill="none" stroke="{STROKE}" stroke-width="2"/>{dots}{label}'
