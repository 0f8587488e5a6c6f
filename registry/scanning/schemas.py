"""The JSON files inside archives that say what a loader builds: skops' schema and Keras' configuration."""

import json
from collections.abc import Iterator
from typing import Any, Final

from registry.scanning import names
from registry.scanning.parts import Look, Part, Stop

BUILDERS: Final = names.listed(
    "DictNode DefaultDictNode ListNode SetNode TupleNode BytesNode BytearrayNode SliceNode TypeNode ObjectNode "
    "JsonNode NdArrayNode MaskedArrayNode DTypeNode RandomStateNode RandomGeneratorNode SparseMatrixNode LossNode "
    "TreeNode CachedNode"
)
"""What skops builds data with."""
CALLERS: Final = frozenset({"OperatorFuncNode", "MethodNode"})
"""What has been a way to call anything from a file whose types were all trusted."""


def skops(look: Look, part: Part) -> str:
    """Every node's type and the way it is built, against the lists."""
    try:
        schema = json.loads(part.whole("skops.unreadable"))
    except (ValueError, RecursionError) as error:
        raise Stop("skops.unreadable", "Its schema is no JSON.") from error
    for node in _objects(schema):
        if "__class__" in node or "__loader__" in node:
            _node(look, part, node)
    return "skops schema"


def _node(look: Look, part: Part, node: dict[str, Any]) -> None:
    loader, module, name = (node.get(key) for key in ("__loader__", "__module__", "__class__"))
    if not all(isinstance(value, str) for value in (loader, module, name)):
        raise Stop("skops.unreadable", "A node of its schema says neither type nor loader.")
    if loader in CALLERS:
        look.note(part, "skops.forbidden_type", f"It calls {module}.{name} while it is loaded.")
    elif loader not in BUILDERS:
        look.note(part, "skops.unlisted_type", f"It builds {module}.{name} by {loader}, which is not listed.")
    match names.answer(str(module), str(name), names.SKOPS):
        case "forbidden":
            look.note(part, "skops.forbidden_type", f"It holds {module}.{name}, which no data needs.")
        case "unlisted":
            look.note(part, "skops.unlisted_type", f"It holds the type {module}.{name}, which is not listed.")


def keras(look: Look, part: Part) -> str:
    """A Lambda layer holds code. Any other layer may be code of its author, so it stays not known."""
    try:
        found = json.loads(part.whole("keras.layers"))
    except (ValueError, RecursionError) as error:
        raise Stop("keras.layers", "Its configuration is no JSON.") from error
    if any(node.get("class_name") in ("Lambda", "__lambda__") for node in _objects(found)):
        look.note(part, "keras.lambda", "A Lambda layer runs code of its author while it is loaded.")
    look.note(part, "keras.layers", "What its layers do when they are loaded is not read.")
    return "keras configuration"


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a JSON document, without recursion."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            yield one
            left += one.values()
        elif isinstance(one, list):
            left += one
