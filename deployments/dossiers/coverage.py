"""What supervisors ask for, paragraph by paragraph, and whether the records answer it. Pure.

`annex` is the point of Annex IV of Regulation (EU) 2024/1689. SR 26-2 (which replaced SR 11-7) asks by subject, so `sr`
names the subject.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

USE, VALIDATION, GOVERNANCE = "Development and use", "Validation and monitoring", "Governance and controls"
MATERIALITY, VENDORS = "Materiality", "Vendor and other third-party products"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that is asked for. `key` is what has to be known, `section` where in the page it stands."""

    what: str
    key: str
    section: str = ""
    sr: str = ""
    annex: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is asked for with what the records say; "" when they say nothing."""

    wanted: Wanted
    said: str


WANTED: Final = (
    Wanted("Version, and its relation to earlier ones", "version", "request", GOVERNANCE, "1(a)"),
    Wanted("Intended purpose and provider", "purpose", "model", USE, "1(a)"),
    Wanted("What it must not be used for", "outside", "model", USE, "1(a)"),
    Wanted("How it works together with other software and hardware", "interaction", "model", USE, "1(b)"),
    Wanted("Versions of the software it needs", "software", "artifact", USE, "1(c)"),
    Wanted("How it is put into service", "endpoint", "carried-out", USE, "1(d)"),
    Wanted("The hardware it is meant for", "hardware", "model", "", "1(e)"),
    Wanted("The product it is a part of, where it is one", "product", "model", "", "1(f)"),
    Wanted("The interface of those who use it, and their instructions", "instructions", "model", USE, "1(g), 1(h)"),
    Wanted("How material the model is", "tier", "model", MATERIALITY),
    Wanted("How it was developed: the run, the code, parts of others", "development", "development", USE, "2(a)"),
    Wanted("Its logic and design choices", "design", "model", USE, "2(b)"),
    Wanted("Its assumptions", "assumptions", "model", USE, "2(b)"),
    Wanted("Whom its answers affect", "affected", "model", "", "2(b), 3"),
    Wanted("Its architecture and the computing it took", "architecture", "model", "", "2(c)"),
    Wanted("Where its data came from, and what was done to it", "data", "development", USE, "2(d)"),
    Wanted("Models, data and software of third parties", "third_parties", "artifact", VENDORS, "2(a)"),
    Wanted("Human oversight of its answers, and how they are read", "oversight", "model", USE, "2(e), 3"),
    Wanted("Changes that were planned beforehand", "planned_changes", "model", "", "2(f)"),
    Wanted("Tests with their data, measures and results", "tests", "testing", VALIDATION, "2(g)"),
    Wanted("Who signed the results, and when", "votes", "governance", VALIDATION, "2(g)"),
    Wanted("Security of the artifact", "security", "artifact", GOVERNANCE, "2(h)"),
    Wanted("What it can do and where its limits are", "limits", "model", USE, "3"),
    Wanted("Accuracy for groups of people and cases", "groups", "testing", VALIDATION, "3"),
    Wanted("What its inputs must be", "inputs", "testing", USE, "3"),
    Wanted("Effective challenge: who asked, who decided, apart from each other", "votes", "governance", GOVERNANCE),
    Wanted("Exceptions from the rules, and their review", "exceptions", "governance", GOVERNANCE),
    Wanted("Why these measures are the right ones", "measures", "model", VALIDATION, "4"),
    Wanted("Risk management over its life", "risks", "model", GOVERNANCE, "5"),
    Wanted("Changes over its life", "changes", "carried-out", GOVERNANCE, "6"),
    Wanted("Standards that were applied", "standards", "model", "", "7"),
    Wanted("The EU declaration of conformity", "declaration", "model", "", "8"),
    Wanted("How it is watched in service", "monitoring", "model", VALIDATION, "9"),
)


def lines(answers: Mapping[str, str]) -> tuple[Line, ...]:
    """Each thing in the order of Annex IV with what the records say. `answers` has "" or no member for the unknown."""
    return tuple(Line(wanted, answers.get(wanted.key, "")) for wanted in WANTED)
