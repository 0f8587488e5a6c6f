"""What the lists of requirements beside a model name: package, how it is pinned, and where that stands."""

import re
from typing import Any, Final

import yaml

from registry.scanning.parts import Part

MOST = 2_000
BYTES = 1024 * 1024
NAMED: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,120})(?:\[[^\]]*\])?\s*(.*)")
LISTS: Final = frozenset({"requirements.txt", "conda.yaml", "python_env.yaml"})


def read(part: Part) -> list[dict[str, str]]:
    """The packages of one list as `{name, version, wanted, source}`; `version` only where it is pinned exactly."""
    text = part.read(0, BYTES).decode("utf-8", "replace")
    if part.name == "requirements.txt":
        lines = text.splitlines()
    else:
        try:
            lines = list(_lines(yaml.safe_load(text)))
        except (yaml.YAMLError, RecursionError, ValueError):
            return []
    found = [_package(line.split(" #")[0].strip(), part.name) for line in lines[:MOST]]
    return [one for one in found if one]


def _lines(found: Any) -> list[str]:
    """Of conda's dependencies those of pip and Python itself; of an environment the build's too."""
    if not isinstance(found, dict):
        return []
    lines = [f"python=={found['python']}"] if found.get("python") else []
    for key in ("dependencies", "build_dependencies"):
        for one in found.get(key) or []:
            nested = one.get("pip") if isinstance(one, dict) else None
            lines += [str(line) for line in nested] if isinstance(nested, list) else []
            lines += [re.sub(r"(?<![=<>!~])=(?!=)", "==", one, count=1)] if isinstance(one, str) else []
    return lines


def _package(line: str, source: str) -> dict[str, str] | None:
    found = NAMED.fullmatch(line.split(";")[0].strip())
    if found is None or line.startswith(("-", "#")):
        return None
    wanted = found[2].strip()
    pinned = re.fullmatch(r"={2,3}\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)", wanted)
    name = re.sub(r"[-_.]+", "-", found[1]).lower()
    return {"name": name, "version": pinned[1] if pinned else "", "wanted": wanted[:120], "source": source}
