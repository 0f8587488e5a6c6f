"""Where the things that events speak of have their pages. Each app says it for its own kinds when it is ready."""

from collections.abc import Callable

Find = Callable[[str], str]
PLACES: dict[str, Find] = {}


def register(subject_type: str, find: Find) -> None:
    """`find` takes the id of a subject as text and answers with a path, or "" when there is none any more."""
    PLACES[subject_type] = find


def of(subject_type: str, subject_id: str) -> str:
    """The page of a subject, "" without one. Whether one may open it is asked there."""
    find = PLACES.get(subject_type)
    return find(subject_id) if find and subject_id.isdigit() else ""
