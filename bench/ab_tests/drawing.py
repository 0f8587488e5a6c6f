"""Tables and curves of the simulation, as Markdown and as SVG that is readable on light and dark pages."""

from collections.abc import Sequence
from statistics import fmean

from bench.ab_tests.cases import ALPHA, EFFECTS, USUAL, Result
from bench.ab_tests.world import MEAN

WIDE, HIGH, LEFT, TOP = 290, 160, 46, 28
INK, GRID = "#7a828c", "#b9c0c8"
COLOURS = ("#2f6fb3", "#c2611f", "#8a63c8", "#2e8b57", "#b0457a")
CURVES = [case.name for case in EFFECTS if case.world == USUAL and case.effect > 0]
"""Positive effects in the usual world."""
ANSWERS = ("better", "same", "worse", "inconclusive")


def false_alarms(results: Sequence[Result]) -> str:
    rows = [
        f"| {one.case.name} | {len(one.ended):,} | {one.share('look'):.1%} | {one.share('peeking'):.0%} "
        f"| {one.share('independent'):.0%} | {one.share('once'):.1%} |"
        for one in results
        if one.case not in EFFECTS
    ]
    head = (
        "| Both arms are equal; in this world | Tests | A difference was seen | by a z-test at each look "
        "| that takes values for independent | by a z-test at the end alone |"
    )
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def effects(results: Sequence[Result]) -> str:
    rows = [
        f"| {one.case.name} | {len(one.ended):,} "
        + "".join(f"| {one.answered(answer):.0%} " for answer in ANSWERS)
        + f"| {_units(one.units)} | {_relative(one.value)} | {_relative(fmean(ended.last for ended in one.ended))} "
        f"| {one.share('lost'):.1%} |"
        for one in results
        if one.case in EFFECTS
    ]
    head = (
        f"| The new arm's values are | Tests | {' | '.join(ANSWERS)} | Units in the smaller arm at the answer (median) "
        "| Difference seen then (mean) | and at the end | The true one was ever ruled out |"
    )
    return "\n".join([head, "|---" * (len(ANSWERS) + 6) + "|", *rows])


def _units(units: float | None) -> str:
    return "–" if units is None else f"{units:,.0f}"


def _relative(value: float | None) -> str:
    return "–" if value is None else f"{value / MEAN:+.1%}".replace("-", "−")


def svg(results: Sequence[Result]) -> str:
    """Equal arms: the share of tests that saw a difference, by units. Different ones: the share that was answered."""
    by_name = {(one.case.name, one.case in EFFECTS): one for one in results}
    usual = next(one for one in results if one.case.world == USUAL and one.case not in EFFECTS)
    alarms = {
        "z-test at each look": usual.by_look("peeking"),
        "these intervals": usual.by_look("look"),
    }
    answered = {name: by_name[name, True].by_look("look") for name in CURVES}
    width, height = 2 * (WIDE + LEFT) + 24, HIGH + TOP + 44
    panels = [
        _panel(0, "Equal arms: a difference was seen", alarms, most=0.5, promised=ALPHA),
        _panel(1, "Arms that differ: answered", answered, most=1.0),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="sans-serif" font-size="11">\n'
        "<title>Share of tests that saw a difference, and that were answered, by units that took part</title>\n"
        + "\n".join(panels)
        + "\n</svg>\n"
    )


def _panel(at: int, title: str, lines: dict[str, list[float]], most: float, promised: float | None = None) -> str:
    x0 = at * (WIDE + LEFT) + LEFT
    ticks = [(tick * most, f"{tick * most:.0%}") for tick in (0.0, 0.5, 1.0)]
    if promised:
        ticks.append((promised, f"{promised:.0%}"))
    grid = "".join(_rule(x0, _y(value, most), words, dash=value == promised) for value, words in ticks)
    below = "".join(
        f'<text x="{x0 + WIDE * part:.1f}" y="{TOP + HIGH + 16}" text-anchor="middle" fill="{INK}">'
        f"{USUAL.units * part:,.0f}</text>"
        for part in (0.0, 0.5, 1.0)
    )
    drawn = "".join(
        _line(x0, name, shares, most, place, beside=promised is None)
        for place, (name, shares) in enumerate(lines.items())
    )
    return (
        f'{grid}{below}{drawn}<text x="{x0}" y="14" fill="{INK}">{title}</text>'
        f'<text x="{x0 + WIDE / 2}" y="{TOP + HIGH + 34}" text-anchor="middle" fill="{INK}">units that took part</text>'
    )


def _y(value: float, most: float) -> float:
    return TOP + HIGH * (1 - min(value, most) / most)


def _rule(x0: float, y: float, words: str, *, dash: bool) -> str:
    style = 'stroke-dasharray="4 3"' if dash else 'stroke-width="0.5"'
    return (
        f'<line x1="{x0}" x2="{x0 + WIDE}" y1="{y:.1f}" y2="{y:.1f}" stroke="{GRID}" {style}/>'
        f'<text x="{x0 - 6}" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{words}</text>'
    )


def _line(x0: float, name: str, shares: list[float], most: float, place: int, *, beside: bool) -> str:
    """A curve with its name above its end, or beside it at a height of its own."""
    colour = COLOURS[place % len(COLOURS)]
    points = [(x0 + WIDE * (at + 1) / len(shares), _y(share, most)) for at, share in enumerate(shares)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y, anchor = points[-1][0], points[-1][1] - 5, "end"
    if beside:
        height = (0.15 + 0.17 * place) * most
        x, y = points[min(range(len(shares)), key=lambda at: abs(shares[at] - height))]
        x, y, anchor = x + 6, y + 9, "start"
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{name}</text>'
    )
