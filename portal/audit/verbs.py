"""The verbs of the log: each with its name, version, sentence and required data. An unknown verb raises."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """`name` is noun.past_participle, never renamed or reused. `sentence` may use {actor}, {subject} and data keys;
    `untouched` stands for it where the data says `before_traffic`: nothing had moved."""

    name: str
    sentence: str
    version: int = 1
    required: tuple[str, ...] = ()
    untouched: str = ""


VERBS: dict[str, Verb] = {}


def register(*found: Verb) -> None:
    for verb in found:
        known = VERBS.get(verb.name)
        if known is not None and known != verb:
            raise ValueError(f"The verb {verb.name} is registered twice, differently.")
        VERBS[verb.name] = verb


def get(name: str) -> Verb:
    try:
        return VERBS[name]
    except KeyError:
        raise ValueError(f"The verb {name!r} is not registered; see docs/audit.md.") from None
