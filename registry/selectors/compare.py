"""Two to four versions side by side: differences against a base, metrics first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from portal.core.errors import BadInput
from registry.models import ModelVersion

LIMIT = 4
UNKNOWN = "not known"
"""What stands where nobody looked; it is no difference."""


Packages = Mapping[int, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a name, a value per version, and for numbers the difference against the base."""

    name: str
    values: tuple[Any, ...]
    differences: tuple[float | None, ...] = ()

    @property
    def differs(self) -> bool:
        return len({repr(v) for v in self.values if v != UNKNOWN}) > 1

    @property
    def pairs(self) -> list[tuple[Any, float | None]]:
        """Value and difference per version; no difference where there is none to say."""
        return list(zip(self.values, self.differences or (None,) * len(self.values), strict=True))


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    anchor: str
    rows: tuple[Row, ...]
    note: str = ""

    @property
    def differing(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.differs)


@dataclass(frozen=True, slots=True)
class Head:
    """A version's column: its identity, and where the page leads that makes it the base."""

    version: ModelVersion
    identity: str
    as_base: str


def numbers_of(given: list[str], base: str = "") -> list[int]:
    """The version numbers asked for, the base first; raises `BadInput` for anything but up to four different ones."""
    wanted = [text for text in given if text]
    numbers = [int(text.removeprefix("v")) for text in wanted if text.removeprefix("v").isdigit()]
    if len(numbers) != len(wanted) or len(set(numbers)) != len(numbers) or len(numbers) > LIMIT:
        raise BadInput(
            f"Compare two to {LIMIT} different versions, like ?v=1&v=2.", fields={"v": "?v=1&v=2"}, status=400
        )
    if not base:
        return numbers
    first = base.removeprefix("v")
    if not first.isdigit() or int(first) not in numbers:
        raise BadInput(
            "base must be one of the versions that are compared.", fields={"base": "not among v"}, status=400
        )
    return [int(first), *(number for number in numbers if number != int(first))]


def heads(versions: list[ModelVersion], identities: tuple[str, ...], *, everything: bool) -> list[Head]:
    """The columns in their order; the address keeps what is shown."""

    def address(base: ModelVersion) -> str:
        numbers = [base.number, *(one.number for one in versions if one != base)]
        return "?" + urlencode([*(("v", number) for number in numbers), *([("diff", 0)] if everything else [])])

    return [Head(one, identity, address(one)) for one, identity in zip(versions, identities, strict=False)]


def sections(versions: list[ModelVersion], packages: Packages) -> list[Section]:
    """Metrics, parameters, data, signature, environment and tags of the versions; the first version is the base.
    `packages` are what lists of requirements name, by a version's key, of those that have one."""
    listed = _plain([_environment(v) for v in versions]) + _packages(versions, packages)
    return [
        Section("Metrics of the source runs", "point-values", metrics(versions)),
        Section("Parameters", "parameters", _plain([v.params for v in versions])),
        Section("Data", "data", _plain([_data(v) for v in versions])),
        Section("Signature", "signature", _plain([_columns(v) for v in versions])),
        Section("Environment", "environment", listed, _unlisted(versions, packages)),
        Section("Tags", "tags", _plain([v.tags for v in versions])),
    ]


def metrics(versions: list[ModelVersion]) -> tuple[Row, ...]:
    """The point values that the source runs logged, with differences to the first."""
    return _numeric([v.metrics for v in versions])


def _packages(versions: list[ModelVersion], packages: Packages) -> tuple[Row, ...]:
    """Python first, then every package; None where a list does not name it, `UNKNOWN` where there is no list."""
    found = [packages.get(v.pk) for v in versions]
    names = sorted({name for one in found if one for name in one}, key=lambda name: (name != "python", name))
    return tuple(
        Row(
            f"package {name}" if name != "python" else "Python",
            tuple(one.get(name) if one else UNKNOWN for one in found),
        )
        for name in names
    )


def _unlisted(versions: list[ModelVersion], packages: Packages) -> str:
    missing = [v.short_name for v in versions if v.pk not in packages]
    if not missing:
        return ""
    return f"The packages of {', '.join(missing)} are not known: no scan has read a list of requirements there."


def _names(maps: list[dict[str, Any]]) -> list[str]:
    return sorted({name for found in maps for name in found})


def _plain(maps: list[dict[str, Any]]) -> tuple[Row, ...]:
    return tuple(Row(name, tuple(found.get(name) for found in maps)) for name in _names(maps))


def _numeric(maps: list[dict[str, Any]]) -> tuple[Row, ...]:
    rows = []
    for name in _names(maps):
        values = tuple(found.get(name) for found in maps)
        base = values[0]
        rows.append(
            Row(
                name,
                values,
                tuple(
                    v - base if i and isinstance(v, int | float) and isinstance(base, int | float) else None
                    for i, v in enumerate(values)
                ),
            )
        )
    return tuple(rows)


def _columns(version: ModelVersion) -> dict[str, Any]:
    """Inputs by name, and outputs marked as such."""
    return {
        f"{'output ' if side == 'outputs' else ''}{column.get('name', at)}": (
            f"{column.get('type')}{'' if column.get('required', True) else ', optional'}"
        )
        for side in ("inputs", "outputs")
        for at, column in enumerate(version.signature.get(side) or [])
    }


def _data(version: ModelVersion) -> dict[str, Any]:
    if version.run is None:
        return {}
    return {
        f"{d['name']} ({d['context']})" if d.get("context") else d["name"]: d["digest"] for d in version.run.datasets
    }


def _environment(version: ModelVersion) -> dict[str, Any]:
    return {f"{flavor} {key}": value for flavor, found in version.flavors.items() for key, value in found.items()}
