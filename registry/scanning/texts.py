"""Text: JSON, YAML, lists of requirements, boosters, and whatever else holds no instructions."""

import json
import re
from pathlib import PurePath
from typing import Any, Final

import yaml

from registry.scanning.parts import CHUNK, Look, Part, Stop
from serving.formats import HARMLESS_TYPES

YAML_BYTES: Final = 4 * 1024**2
ALIASES: Final = 100
CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")
CODE_NAMES: Final = frozenset({".py", ".pyw", ".pth", ".sh", ".bash", ".js", ".r", ".R", ".jl", ".pl", ".rb", ".lua"})
REMOTE: Final = re.compile(
    r"^\s*(-[ie]\b|--(extra-)?index-url|--find-links|-f\b|-r\s*\S*:)|@\s*\w+\+?\w*:|^\s*\w+\+\w+:"
)
LOADERS: Final = frozenset({"mlflow.sklearn", "mlflow.onnx", "mlflow.xgboost", "mlflow.lightgbm"})
"""MLflow's loaders that read one file of a format known here and run none of the author's code beside it."""


def is_text(part: Part, head: bytes) -> bool:
    """UTF-8 without control characters, from the first byte to the last."""
    if CONTROL.search(head):
        return False
    kept = b""
    for chunk in part.chunks():
        if CONTROL.search(chunk):
            return False
        text = (kept + chunk).decode("utf-8", "ignore").encode()
        kept = (kept + chunk)[len(text) :]
        if len(kept) > 3:
            return False
    return not kept


def read(look: Look, part: Part) -> str:
    """What kind of text it is; a name that says it is code makes it so."""
    path = PurePath(part.name.rsplit("!", 1)[-1])
    head = part.read(0, CHUNK)
    if path.suffix in CODE_NAMES or path.name == "MLproject" or head.startswith(b"#!"):
        look.note(part, "text.code", "It is source code, which runs with the rights of whoever loads it.")
        return "source code"
    if path.name == "MLmodel" or path.suffix in (".yaml", ".yml"):
        return _yaml(look, part, path.name == "MLmodel")
    if path.name == "requirements.txt":
        _requirements(look, part)
        return "list of requirements"
    if head.lstrip()[:1] in (b"{", b"["):
        return _json(part)
    return "LightGBM text" if head.startswith(b"tree\nversion=") else "text"


def _json(part: Part) -> str:
    try:
        found = json.loads(part.whole("reader.failed"))
    except (ValueError, RecursionError):
        return "text"
    return "XGBoost JSON" if isinstance(found, dict) and {"learner", "version"} <= set(found) else "JSON"


def _yaml(look: Look, part: Part, describes: bool) -> str:
    if part.size > YAML_BYTES:
        raise Stop("yaml.bomb", f"It is larger than {YAML_BYTES // 1024**2} MiB.")
    text, aliases = part.read(0, part.size).decode(), 0
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            aliases += isinstance(event, yaml.AliasEvent)
            tag = str(getattr(event, "tag", None) or "")
            if tag.startswith("tag:yaml.org,2002:python"):
                raise Stop("yaml.tag", f"The tag {tag} builds an object instead of data.")
        if aliases > ALIASES:
            raise Stop("yaml.bomb", f"It repeats itself by {aliases} aliases, as a bomb does.")
        if describes:
            _mlmodel(look, part, yaml.safe_load(text))
    except (yaml.YAMLError, RecursionError) as error:
        raise Stop("yaml.unreadable", "It is no plain YAML.") from error
    return "MLmodel" if describes else "YAML"


def _mlmodel(look: Look, part: Part, found: Any) -> None:
    """The description names the loader; a loader that runs code of the author makes any file code."""
    flavors = found.get("flavors") if isinstance(found, dict) else None
    function = flavors.get("python_function") if isinstance(flavors, dict) else None
    if not isinstance(flavors, dict) or not isinstance(function, dict):
        look.note(part, "mlmodel.code", "It names no loader that is known.")
        return
    loader = function.get("loader_module")
    if loader not in LOADERS:
        look.note(part, "mlmodel.code", f"It names the loader {loader}, which is not known to run no code.")
    for place in (found, function, *(one for one in flavors.values() if isinstance(one, dict))):
        if named := [name for name in ("code", "python_model", "model_code_path") if place.get(name)]:
            look.note(part, "mlmodel.code", f"It names {named[0]}, code that its author wrote.")
    trusted = (flavors.get("sklearn") or {}).get("skops_trusted_types") or []
    for name in sorted({str(one) for one in trusted} - HARMLESS_TYPES):
        look.note(part, "mlmodel.code", f"It asks to trust the type {name}, which is not listed.")


def _requirements(look: Look, part: Part) -> None:
    for line in part.read(0, YAML_BYTES).decode().splitlines():
        if REMOTE.search(line):
            look.note(part, "text.requirement", f"A requirement comes from elsewhere than the index: {line.strip()}")
