"""The signature of a model as plain data: what it takes, what it gives, which parameters it knows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCALARS = frozenset({"boolean", "integer", "long", "float", "double", "string", "binary", "datetime"})


class BadSignature(ValueError):
    """A signature this data plane cannot read."""


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is one of MLflow's scalar types, or `any` for lists, objects and maps, which MLflow itself checks."""

    name: str
    kind: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Tensor:
    """`shape` holds -1 where any size fits; a single tensor may have no name."""

    name: str
    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    kind: str
    default: Any
    is_list: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """Either columns or tensors, or neither where the model was registered without a signature.

    `as_array` says that the loaded model takes its columns as one plain array too; see `arrays`.
    """

    columns: tuple[Column, ...] = ()
    tensors: tuple[Tensor, ...] = ()
    outputs: tuple[Column | Tensor, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    as_array: bool = False

    @property
    def known(self) -> bool:
        return bool(self.columns or self.tensors)

    @property
    def simple(self) -> bool:
        """Whether everything it takes is checked here, so that MLflow need not check it again."""
        return self.known and all(column.kind != "any" for column in self.columns)


def read(raw: Mapping[str, Any] | None) -> Signature:
    """Read a signature as `MLmodel` stores it. Raises `BadSignature`."""
    if not raw:
        return Signature()
    try:
        inputs, outputs = _fields(raw.get("inputs")), _fields(raw.get("outputs"))
        columns = tuple(f for f in inputs if isinstance(f, Column))
        tensors = tuple(f for f in inputs if isinstance(f, Tensor))
        parameters = tuple(_parameter(p) for p in _loaded(raw.get("params")) or [])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise BadSignature(f"the signature cannot be read: {error}") from error
    if columns and tensors:
        raise BadSignature("the signature mixes columns and tensors")
    return Signature(columns, tensors, outputs, parameters)


def _loaded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _fields(value: Any) -> tuple[Column | Tensor, ...]:
    found = _loaded(value) or []
    return tuple(_field(item, index, len(found)) for index, item in enumerate(found))


def _field(item: Mapping[str, Any], index: int, count: int) -> Column | Tensor:
    if item["type"] == "tensor":
        spec = item["tensor-spec"]
        return Tensor(item.get("name") or "", str(spec["dtype"]), tuple(int(n) for n in spec["shape"]))
    kind = str(item["type"])
    name = str(item.get("name") or ("" if count == 1 else index))
    return Column(name, kind if kind in SCALARS else "any", bool(item.get("required", True)))


def _parameter(item: Mapping[str, Any]) -> Parameter:
    kind = str(item.get("type") or item.get("dtype"))
    return Parameter(str(item["name"]), kind, item.get("default"), item.get("shape") is not None)
