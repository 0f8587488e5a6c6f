"""What a batch prediction may be asked for. Pure: from what was sent to complete settings, or the fields at fault."""

from collections.abc import Mapping, Sequence
from typing import Any

MOST_KEPT = 200
OURS = ("row", "prediction")


def checked(
    keep: Sequence[str], inputs: Sequence[str], columns: Sequence[Mapping[str, Any]], signature: Mapping[str, Any]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Complete settings, and what is wrong by field. `columns` are the data's, `signature` is the version's."""
    known = [str(column["name"]) for column in columns]
    wrong = {
        name: said
        for name, said in (
            ("keep", _listed(keep, known, MOST_KEPT) or _taken(keep)),
            ("inputs", _listed(inputs, known, len(known)) or _needless(inputs, signature)),
            ("data_version", lacking(known, signature)),
        )
        if said
    }
    return {"keep": list(keep), "inputs": list(inputs)}, wrong


def lacking(known: Sequence[str], signature: Mapping[str, Any]) -> str:
    """Which columns the version needs and the data lack, as a sentence; empty when none."""
    needed = [str(one["name"]) for one in _named(signature) if one.get("required", True)]
    gone = [name for name in needed if name not in known]
    if not gone:
        return ""
    shown = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    return f"The data lack {shown}, which the version needs."


def keepable(known: Sequence[str]) -> list[str]:
    """The columns that can stand in the file beside its own."""
    return [name for name in known if not _is_ours(name)]


def takes_columns(signature: Mapping[str, Any]) -> bool:
    """Whether the signature names the columns by itself, so that `inputs` need not."""
    return bool(_named(signature))


def _named(signature: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The columns of a signature; none for tensors."""
    found = [one for one in signature.get("inputs") or [] if isinstance(one, Mapping)]
    return [one for one in found if one.get("type") != "tensor" and one.get("name")]


def _listed(names: Sequence[str], known: Sequence[str], most: int) -> str:
    if unknown := [name for name in names if name not in known]:
        return f"{unknown[0][:80]} is not a column of the data."
    if len(set(names)) < len(names):
        return "A column is named twice."
    return f"At most {most} columns." if len(names) > most else ""


def _taken(keep: Sequence[str]) -> str:
    clash = next((name for name in keep if _is_ours(name)), None)
    return f"{clash} is what a column of the file is called; the data's own cannot be kept beside it." if clash else ""


def _needless(inputs: Sequence[str], signature: Mapping[str, Any]) -> str:
    return "The signature of the version names its columns; leave this out." if inputs and _named(signature) else ""


def _is_ours(name: str) -> bool:
    return name in OURS or name.startswith("prediction_")
