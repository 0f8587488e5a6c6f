"""What became of a rollout, held against what the papers say must become of it. Pure."""

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from demo.cases import FEWEST, TIMEOUT, Case

Json = dict[str, Any]
LOOK_SECONDS: Final = 3.0
LOOKING_SECONDS: Final = 2.0
"""What a look itself takes on a busy machine."""
DEADLINE_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Outcome:
    """A rollout that is over. `failed` counts callers' failures by (arm, code); `last` are the newest answers, by
    (version, arm); `measured` is the last weight under which both versions were measured, None without one."""

    status: str
    note: str
    champion: int
    challenger: int
    measured: Json | None
    ended_at: str
    asked: int
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    last: tuple[tuple[str, str], ...] = ()
    shown: str = ""
    """What its report has shown, in words."""

    @property
    def requests(self) -> int:
        """What the new version was asked under that weight."""
        return int(self.measured["requests"]) if self.measured else 0

    @property
    def weight(self) -> int:
        return int(self.measured["weight"]) if self.measured else 0

    @property
    def seconds(self) -> float:
        """From that weight being seen in force until the rollout was over."""
        return between(self.measured["began_at"], self.ended_at) if self.measured else 0.0

    @property
    def most(self) -> int:
        """The requests it may have had at most when it was stopped after `FEWEST` and a look, at the rate they came."""
        if not self.measured or not self.requests:
            return 0
        lasted = max(1.0, between(self.measured["began_at"], self.measured["read_at"]))
        late = DEADLINE_SECONDS if any(code == TIMEOUT for _, code in self.failed) else 0.0
        return FEWEST + round(self.requests / lasted * (LOOK_SECONDS + LOOKING_SECONDS + late))


def between(began: str, ended: str) -> float:
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


def wrong(case: Case, found: Outcome) -> list[str]:
    """Everything that is not as it must be; empty when all is."""
    codes = {code for _, code in found.failed}
    serves = found.challenger if case.status == "completed" else found.champion
    holds = {
        f"it ended as {found.status}: {found.note}": found.status == case.status,
        f"it says: {found.note}": not case.sentence or re.search(case.sentence, found.note),
        f"callers were told {sorted(codes)}": codes <= case.codes,
        "the champion failed a request": not any(arm == "stable" for arm, _ in found.failed),
        f"{found.requests} requests, {found.most} are the most": not guarded(case) or found.requests <= found.most,
        "nobody asked": found.asked > 0,
        f"version {serves} should answer, last were {Counter(found.last)}": {one for one, _ in found.last}
        == {str(serves)},
    }
    return [said for said, so in holds.items() if not so]


def guarded(case: Case) -> bool:
    """Whether a guard has to stop it after so many requests."""
    return case.bound.startswith("after")


HEAD: Final = (
    "| Version | Plan | What became of it | At | Requests to it | Seconds | Stated | Callers' requests that failed |",
    "|---|---|---|---|---|---|---|---|",
)


def row(case: Case, found: Outcome) -> str:
    """One line of the table."""
    stopped = case.status == "aborted" and not case.keeps
    became = f"taken back by itself: {found.note}" if stopped else found.shown or "at 100 %, every guard passed"
    share = f"{found.weight / 100:g} %" if stopped else "–"
    stated = f"{case.bound}: {found.most}" if guarded(case) else case.bound or "–"
    counted = (f"{found.requests}", f"{found.seconds:.0f}") if stopped else ("–", "–")
    failed = ", ".join(f"{count} {code}" for (_, code), count in sorted(found.failed.items())) or "0"
    cells = (case.name, case.plan, became, share, *counted, stated, f"{failed} of {found.asked:,}")
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def of_shadow(report: Json) -> str:
    """What a shadow has shown, in words."""
    whole, flips = report["agreement"], sum(one["rows"] for one in report["flips"])
    return f"{whole['same']} of {whole['rows']} rows the same, {flips} another class"


def of_test(report: Json) -> str:
    """What an A/B test has shown, metric by metric."""
    return ", ".join(
        f"{one['name']} {one['answer']}: {one['old']:.3f} to {one['new']:.3f}" for one in report["metrics"]
    )
