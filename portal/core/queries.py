"""What lists are asked for, by address or form: each value read, or refused by its name."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from portal.core.errors import BadInput, gathered

Read = Callable[[Mapping[str, str], str], object]
"""Reads the parameter of a name; raises `BadInput` naming it where it cannot."""


def text(sent: Mapping[str, str], name: str) -> str:
    """Whatever was sent, "" without it."""
    return sent.get(name, "")


def choice(known: Iterable[str]) -> Read:
    """Reads one of these."""
    return lambda sent, name: one_of(sent.get(name, ""), name, known)


def refuse(sent: Mapping[str, str], known: Mapping[str, Read]) -> None:
    """Raises one `BadInput` that names each parameter that is not known, and each that cannot be read."""
    gathered(partial(_strangers, sent, known), *(partial(read, sent, name) for name, read in known.items()))


def _strangers(sent: Iterable[str], known: Mapping[str, Read]) -> None:
    """A misspelt filter would find all."""
    names, listed = unknown(sent, known), ", ".join(known)
    if names:
        fields = dict.fromkeys(names, f"Not known here. Known: {listed}.")
        raise BadInput(f"{', '.join(names)}: not known here. Known: {listed}.", fields=fields, status=400)


def number(sent: Mapping[str, str], name: str) -> int | None:
    """A whole number of at most 18 digits, None without one; raises `BadInput` naming it."""
    text = sent.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadInput(f"{name} must be a whole number.", fields={name: "This must be a whole number."}, status=400)
    return int(text)


def one_of(given: str, name: str, known: Iterable[str]) -> str:
    """`given`, which may be empty; raises `BadInput` with what is `known`: a misspelt value would find nothing."""
    values = list(known)
    if given and given not in values:
        text = f"must be one of: {', '.join(values)}."
        raise BadInput(f"{name} {text}", fields={name: f"This {text}"}, status=400)
    return given


def unknown(sent: Iterable[str], known: Iterable[str]) -> list[str]:
    """Parameters that mean nothing here; a page shows them as chips to remove."""
    return sorted(set(sent) - set(known))
