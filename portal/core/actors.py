"""Who acts. Every verb takes an actor; the system is an actor with a reason."""

from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["user", "token", "system", "anonymous"]
Via = Literal["page", "api", "gate", "worker", "command"]


@dataclass(frozen=True, slots=True)
class Grant:
    """A role held globally (`team_id` None) or in one team."""

    role: str
    team_id: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a token or the system at the moment of one act.

    `id` is opaque and stable ("person:7", "token:<uuid>", "system"); `person_id` is the person behind the act: the
    user, the token's owner, or the responsible human of a service account. `scopes` is None for people in a session.
    """

    kind: Kind
    id: str
    label: str
    person_id: int | None = None
    service_account_id: int | None = None
    grants: frozenset[Grant] = frozenset()
    scopes: frozenset[str] | None = None
    token_team_id: int | None = None
    via: Via = "page"
    request_id: str = ""
    auth_method: str = ""
    session_or_token_id: str = ""
    on_behalf_of: str = ""
    reason: str = ""
    source_ip: str = field(default="", repr=False)
    user_agent: str = field(default="", repr=False)

    @property
    def is_authenticated(self) -> bool:
        return self.kind != "anonymous"

    @property
    def is_person(self) -> bool:
        return self.kind == "user"

    @property
    def initials(self) -> str:
        words = [w for w in self.label.split() if w[:1].isalnum()]
        return "".join(w[0] for w in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"

    def through(self, via: Via) -> "Actor":
        return replace(self, via=via)


def begins(words: str) -> str:
    """The words as the beginning of a sentence: a token's label begins large, and names stay as people write them."""
    return f"T{words[1:]}" if words.startswith("token “") else words


ANONYMOUS = Actor(kind="anonymous", id="anonymous", label="Anonymous")


def system(reason: str, *, via: Via = "worker", request_id: str = "") -> Actor:
    """The portal itself, with the reason it acts for; the reason is shown in the log."""
    return Actor(kind="system", id="system", label="Signalbox", via=via, reason=reason, request_id=request_id)
