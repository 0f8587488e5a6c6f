"""Lists and drawings of data: key and value, before and after, split bar, interval, sparkline, progress."""

import json
from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.ui import diff, svg
from portal.ui.library import register
from portal.ui.tags import marks


@register.inclusion_tag("components/kv.html")
def kv(rows: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """`{% kv facts %}` with pairs of label and value; empty values show a dash. For markup write the dl yourself."""
    return {"rows": rows}


@register.inclusion_tag("components/changes.html")
def change_rows(changes: Sequence[Any], *, stays: str = "", role: str = "chall") -> dict[str, Any]:
    """`{% change_rows preview.changes stays="Alert rules, access." %}`.

    Each change has `label`, `was`, `now` and perhaps `note`, as attributes or keys. `role` is what the version that
    comes is now: a challenger, "third" for one that waits to be gone back to, or "champ" for the champion of a rollout.
    """
    return {"changes": changes, "stays": stays, "role": role}


SHARING = ("chall", "third", "fourth")


@register.simple_tag
def change_value(value: Any, label: str, identity: str) -> SafeString | str:
    """A value as what it is: a digest in its own face, versions that take traffic with their marks: the first has this
    identity, and what shares with a champion is its challenger."""
    if str(value).startswith("sha256:"):
        return format_html('<code class="digest">{}</code>', value)
    if str(label).startswith("Traffic") and str(value).startswith("v"):
        marks_of = zip(str(value).split(", "), (identity, *SHARING), strict=False)
        return format_html_join(", ", '<span class="ver {}">{}</span>', ((mark, said) for said, mark in marks_of))
    return str(value)


@register.inclusion_tag("components/diff.html")
def json_diff(before: Any, after: Any, *, everything: bool = False, raw: bool = True) -> dict[str, Any]:
    """`{% json_diff event.before event.after %}`: field by field, both raw values one click away."""
    return {
        "rows": diff.rows(before or {}, after or {}, everything=everything),
        "before": before,
        "after": after,
        "raw": raw,
    }


@register.simple_tag
def json_value(value: Any, label: str) -> SafeString | str:
    """`{% json_value value name %}`: one member of an object: text as it is, digests to copy, the rest as JSON."""
    if isinstance(value, dict | list) and value:
        return json_view(value, label)
    if str(value).startswith("sha256:"):
        return marks.digest(value, label=label)
    return value if isinstance(value, str) and value else json.dumps(value)


@register.simple_tag
def json_view(value: Any, label: str = "JSON") -> SafeString:
    """`{% json_view payload %}`: pretty-printed, scrolls in its own box."""
    shown = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)
    return format_html('<pre class="json" tabindex="0" aria-label="{}"><code>{}</code></pre>', label, shown)


@register.inclusion_tag("components/split.html")
def split_bar(parts: Sequence[tuple[str, float, str]], *, label: str = "", thin: bool = False) -> dict[str, Any]:
    """`{% split_bar parts %}`: parts are (label, weight, kind) with kind `champ`, `chall` or `other`."""
    spoken = label or "Traffic: " + ", ".join(f"{name} {weight:g} percent" for name, weight, _ in parts)
    return {"segments": svg.segments(parts), "label": spoken, "thin": thin}


@register.inclusion_tag("components/interval.html")
def interval(
    value: float,
    low: float,
    high: float,
    *,
    scale: svg.Scale,
    limit: float | None = None,
    better: str = "higher",
    tone: str | None = None,
) -> dict[str, Any]:
    """`{% interval row.value row.low row.high scale=scale limit=-0.02 %}`: one row of an interval plot.

    `scale` comes from `portal.ui.svg.scale_of` over all rows. The numbers stand in the table beside it.
    """
    return {
        "tone": svg.tone_of(low, high, better=better) if tone is None else tone,
        "zero": scale.x(0),
        "limit": None if limit is None else scale.x(limit),
        "low": scale.x(low),
        "high": scale.x(high),
        "at": scale.x(value),
    }


@register.inclusion_tag("components/interval_head.html")
def interval_head(scale: svg.Scale, *, better: str = "higher") -> dict[str, Any]:
    """The head of the interval column: worse on one side of the line, better on the other."""
    left, right = ("worse", "better") if better == "higher" else ("better", "worse")
    return {"zero": scale.x(0), "left": left, "right": right, "lx": scale.x(0) - 5, "rx": scale.x(0) + 5}


# Changes of a quarter or more reach the edge: what matters is the side, and the numbers stand beside it.
LEAN = svg.Scale(-0.25, 0.25)


@register.inclusion_tag("components/lean.html")
def lean(was: float | None, now: float | None, better: str | None) -> dict[str, Any]:
    """`{% lean row.champion row.value row.better %}`: the relative change, better to the right; a dash when unknown."""
    if was is None or now is None or not was or better not in ("higher", "lower"):
        return {"known": False}
    share = (now - was) / abs(was) * (1 if better == "higher" else -1)
    return {"known": True, **interval(share, min(share, 0), max(share, 0), scale=LEAN, tone=_lean_tone(share))}


def _lean_tone(share: float) -> str:
    return "good" if share > 0 else "badc" if share < 0 else ""


@register.inclusion_tag("components/interval_head.html")
def lean_head() -> dict[str, Any]:
    return interval_head(LEAN)


@register.simple_tag
def sparkline(values: Sequence[float | None], kind: str = "", *, label: str) -> SafeString:
    """`{% sparkline values "champ" label="p95 over 2 h, between 18 and 20 ms" %}`."""
    line, dots = svg.spark_paths(values)
    return format_html(
        '<svg class="spark {}" viewBox="0 0 120 26" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path d="{}"/><path class="dot" d="{}"/></svg>',
        kind,
        label,
        line,
        dots,
    )


@register.simple_tag
def progress_bar(value: float, maximum: float, label: str, *, tone: str = "") -> SafeString:
    """`{% progress_bar 29 46 "Slices, 29 of 46" %}`: never without numbers in the label."""
    return format_html(
        '<progress class="{}" value="{}" max="{}" aria-label="{}"></progress>', tone, value, maximum, label
    )
