"""Two to four versions side by side: differences against a base, metrics first."""

from dataclasses import dataclass
from typing import Any

from portal.core.errors import BadInput
from registry.models import ModelVersion

LIMIT = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a name, a value per version, and for numbers the difference against the base."""

    name: str
    values: tuple[Any, ...]
    differences: tuple[float | None, ...] = ()

    @property
    def differs(self) -> bool:
        return len({repr(v) for v in self.values}) > 1

    @property
    def pairs(self) -> list[tuple[Any, float | None]]:
        """Value and difference per version; no difference where there is none to say."""
        return list(zip(self.values, self.differences or (None,) * len(self.values), strict=True))


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    rows: tuple[Row, ...]

    @property
    def differing(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.differs)


def numbers_of(given: list[str]) -> list[int]:
    """The version numbers asked for; raises `BadInput` for anything but two to four different ones."""
    numbers = [int(text.removeprefix("v")) for text in given if text.removeprefix("v").isdigit()]
    if len(numbers) != len(given) or len(set(numbers)) != len(numbers) or len(numbers) > LIMIT:
        raise BadInput(
            f"Compare two to {LIMIT} different versions, like ?v=1&v=2.", fields={"v": "?v=1&v=2"}, status=400
        )
    return numbers


def sections(versions: list[ModelVersion]) -> list[Section]:
    """Metrics, parameters, inputs, tags and files of the versions; the first version is the base."""
    return [
        Section("Metrics", _numeric([v.metrics for v in versions])),
        Section("Parameters", _plain([v.params for v in versions])),
        Section("Inputs", _plain([_columns(v) for v in versions])),
        Section("Data", _plain([_data(v) for v in versions])),
        Section("Tags", _plain([v.tags for v in versions])),
        Section("Environment", _plain([_environment(v) for v in versions])),
    ]


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
    return {
        str(c.get("name", i)): f"{c.get('type')}{'' if c.get('required', True) else ', optional'}"
        for i, c in enumerate(version.signature.get("inputs") or [])
    }


def _data(version: ModelVersion) -> dict[str, Any]:
    if version.run is None:
        return {}
    return {
        f"{d['name']} ({d['context']})" if d.get("context") else d["name"]: d["digest"] for d in version.run.datasets
    }


def _environment(version: ModelVersion) -> dict[str, Any]:
    return {f"{flavor} {key}": value for flavor, found in version.flavors.items() for key, value in found.items()}
