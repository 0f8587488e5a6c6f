"""What a benchmark says: rows for the table and for `results.json`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.measure import Estimate

Better = Literal["less", "more"]
FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of ours beside the rival's. `better` says which direction is good."""

    name: str
    ours: Estimate
    theirs: Estimate | None
    unit: str
    better: Better = "less"
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better we are: below 1 the rival is. None without a rival."""
        if self.theirs is None or not self.ours.value or not self.theirs.value:
            return None
        theirs_over_ours = self.theirs.value / self.ours.value
        return theirs_over_ours if self.better == "less" else 1 / theirs_over_ours

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ours": _short(self.ours.value),
            "theirs": _short(self.theirs.value) if self.theirs else None,
            "unit": self.unit,
            "ratio": _short(self.ratio) if self.ratio is not None else None,
            "better": self.better,
            "ours_interval": _interval(self.ours),
            "theirs_interval": _interval(self.theirs) if self.theirs else None,
            "note": self.note,
        }


def _short(value: float) -> float:
    """Four digits are more than such a measurement knows."""
    return float(f"{value:.4g}")


def _interval(figure: Estimate) -> list[float]:
    return [_short(figure.low), _short(figure.high)]


def table(rows: Sequence[Row]) -> str:
    """The rows as text, with intervals in brackets."""
    cells = [("", "ours", "theirs", "unit", "ratio", "")]
    for row in rows:
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else "-"
        cells.append((row.name, _cell(row.ours), _cell(row.theirs), row.unit, ratio, row.note))
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, [*widths, 0], strict=True)) for line in cells]
    return "\n".join(line.rstrip() for line in lines)


def _cell(figure: Estimate | None) -> str:
    if figure is None:
        return "-"
    return f"{figure.value:,.4g} [{figure.low:,.3g}, {figure.high:,.3g}]"


def write(rows: Sequence[Row], circumstances: dict[str, Any], file: Path = FILE) -> None:
    """Put the rows into the file, each with when and where it was measured; rows measured earlier stay."""
    kept = json.loads(file.read_text()) if file.exists() else []
    new = [{**row.as_json(), **circumstances} for row in rows]
    names = {entry["name"] for entry in new}
    everything = [entry for entry in kept if entry["name"] not in names] + new
    file.write_text(json.dumps(everything, indent=1) + "\n")


def without_interval(value: float) -> Estimate:
    """A figure that was read once, such as an amount of memory."""
    return Estimate(**dict.fromkeys(("value", "low", "high"), value))
