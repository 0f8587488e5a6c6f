"""What lists are asked for, by address or form: each value read, or refused by its name."""

from collections.abc import Iterable, Mapping

from portal.core.errors import BadInput


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
    """Parameters that mean nothing on a page; it shows them as chips to remove."""
    return sorted(set(sent) - set(known))
