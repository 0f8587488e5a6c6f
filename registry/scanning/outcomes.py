"""What a look at a file comes to: findings, each by a rule, and one of four outcomes."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

Outcome = Literal["clean", "not_scanned", "unknown", "dangerous"]
Severity = Literal["low", "medium", "high"]
Kind = Literal["", "code", "unread"]

RULES_VERSION: Final = 1
"""Raised with every change of what is found; versions that were scanned under older rules are scanned again."""

ORDER: Final[tuple[Outcome, ...]] = ("clean", "not_scanned", "unknown", "dangerous")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a finding makes of its file. `kind` is what a policy may admit: code that runs, or a format nobody reads."""

    outcome: Outcome
    severity: Severity
    kind: Kind = ""


RULES: Final[dict[str, Rule]] = {
    "pickle.forbidden_import": Rule("dangerous", "high"),
    "pickle.hidden_import": Rule("dangerous", "high"),
    "pickle.unlisted_import": Rule("unknown", "medium", "code"),
    "pickle.unreadable": Rule("unknown", "medium", "code"),
    "pickle.trailing": Rule("unknown", "medium", "code"),
    "archive.path": Rule("dangerous", "high"),
    "archive.link": Rule("dangerous", "high"),
    "archive.twice": Rule("dangerous", "high"),
    "archive.trick": Rule("dangerous", "high"),
    "archive.bomb": Rule("dangerous", "high"),
    "archive.limit": Rule("unknown", "medium"),
    "archive.unreadable": Rule("unknown", "medium"),
    "archive.trailing": Rule("unknown", "medium"),
    "array.unreadable": Rule("unknown", "medium"),
    "safetensors.header": Rule("dangerous", "high"),
    "onnx.external_data": Rule("dangerous", "high"),
    "onnx.operator": Rule("unknown", "medium", "code"),
    "onnx.unreadable": Rule("unknown", "medium"),
    "skops.forbidden_type": Rule("dangerous", "high"),
    "skops.unlisted_type": Rule("unknown", "medium", "code"),
    "skops.unreadable": Rule("unknown", "medium"),
    "keras.lambda": Rule("dangerous", "high"),
    "keras.layers": Rule("unknown", "medium", "code"),
    "yaml.tag": Rule("dangerous", "high"),
    "yaml.bomb": Rule("dangerous", "high"),
    "yaml.unreadable": Rule("unknown", "medium"),
    "mlmodel.code": Rule("unknown", "medium", "code"),
    "text.code": Rule("unknown", "medium", "code"),
    "text.requirement": Rule("clean", "medium"),
    "native.code": Rule("unknown", "high", "code"),
    "format.unread": Rule("not_scanned", "medium", "unread"),
    "reader.failed": Rule("unknown", "medium"),
    "scan.failed": Rule("unknown", "medium"),
    "scan.nothing": Rule("not_scanned", "medium"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`file` is the path in the version, with `!` before each member of an archive."""

    file: str
    rule: str
    sentence: str
    severity: Severity

    @property
    def of(self) -> Rule:
        return RULES[self.rule]


@dataclass(frozen=True, slots=True)
class FileScan:
    path: str
    format: str
    outcome: Outcome


@dataclass(slots=True)
class Scan:
    """A whole version. `packages` are what its lists of requirements name."""

    files: list[FileScan] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    packages: list[dict[str, str]] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """The worst of all files; without any, nothing was scanned."""
        if not self.files:
            return worst(self.findings) if self.findings else "not_scanned"
        return max((file.outcome for file in self.files), key=ORDER.index)

    def as_json(self) -> dict[str, Any]:
        return {
            "outcome": self.outcome,
            "rules": RULES_VERSION,
            "files": [asdict(file) for file in self.files],
            "findings": [asdict(found) for found in self.findings],
            "packages": self.packages,
        }


def found(file: str, rule: str, sentence: str) -> Finding:
    return Finding(printable(file)[:500], rule, printable(sentence)[:500], RULES[rule].severity)


def printable(text: str) -> str:
    """The text as it may be shown: what a terminal or a page would act on is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def worst(findings: Iterable[Finding]) -> Outcome:
    """What findings make of a file; without any it is clean."""
    return max((one.of.outcome for one in findings), key=ORDER.index, default="clean")


def failed(rule: str, sentence: str) -> dict[str, Any]:
    """The answer when no scan came about: nothing is known of any file."""
    return Scan(findings=[found("", rule, sentence)]).as_json()
