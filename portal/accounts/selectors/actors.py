"""Actors from people and tokens, with the rights they hold at this moment."""

from collections.abc import Iterable

from django.db.models import Q
from django.http import HttpRequest

from portal.accounts.limits import client_ip
from portal.accounts.models import ApiToken, Person, RoleGrant
from portal.core import digests
from portal.core.actors import Actor, Grant, Via


def grants_of(*, person_id: int | None = None, service_account_id: int | None = None) -> frozenset[Grant]:
    """What the person or the service account holds now; read anew for each request, so a revocation acts at once."""
    holder = Q(person_id=person_id) if person_id is not None else Q(service_account_id=service_account_id)
    held = RoleGrant.objects.filter(holder).values_list("role", "team_id")
    return frozenset(Grant(role, team_id) for role, team_id in held)


def people_behind(actor_ids: Iterable[str]) -> dict[str, int]:
    """The people behind ids of actors ("person:7", "token:<uuid>"); who has nobody behind them is left out."""
    wanted = set(actor_ids)
    found = {one: int(one.removeprefix("person:")) for one in wanted if one.startswith("person:")}
    keys = [one.removeprefix("token:") for one in wanted if one.startswith("token:")]
    for token in ApiToken.objects.filter(pk__in=keys).select_related("service_account") if keys else ():
        human = token.service_account.responsible_id if token.service_account else token.person_id
        found |= {f"token:{token.pk}": human} if human else {}
    return found


def session_name(session_key: str) -> str:
    """Names a session in the log without giving its cookie away."""
    return "session:" + digests.of_bytes(session_key.encode()).removeprefix("sha256:")[:32]


def actor_of_person(person: Person, request: HttpRequest | None = None, *, via: Via = "page") -> Actor:
    """The person as they act now; `request` adds the session, the address and the request id."""
    session_key = ""
    if request is not None and hasattr(request, "session"):
        session_key = request.session.session_key or ""
    return Actor(
        kind="user",
        id=f"person:{person.pk}",
        label=person.name or person.email,
        person_id=person.pk,
        grants=grants_of(person_id=person.pk),
        via=via,
        request_id=getattr(request, "request_id", ""),
        auth_method=_auth_method(request, person),
        session_or_token_id=session_name(session_key) if session_key else "",
        source_ip=client_ip(request) if request is not None else "",
        user_agent=request.headers.get("User-Agent", "")[:300] if request is not None else "",
    )


def _auth_method(request: HttpRequest | None, person: Person) -> str:
    """How the session was signed in, such as "password+totp"."""
    if request is None or not hasattr(request, "session"):
        return ""
    from allauth.account.internal.flows.login import get_authentication_records

    records = [r for r in get_authentication_records(request, person) if not r.get("reauthenticated")]
    return "+".join(str(r.get("type") or r.get("method")) for r in records)


def actor_of_token(
    token: ApiToken, *, via: Via, request_id: str = "", source_ip: str = "", user_agent: str = ""
) -> Actor:
    """The token with the current rights of its owner; what it may do is these rights within its scopes."""
    account = token.service_account
    human = account.responsible_id if account is not None else token.person_id
    return Actor(
        kind="token",
        id=f"token:{token.pk}",
        label=f"token “{token.name}” of {account.name if account is not None else token.person}",
        person_id=human,
        service_account_id=token.service_account_id,
        grants=grants_of(person_id=token.person_id, service_account_id=token.service_account_id),
        scopes=frozenset(token.scopes),
        token_team_id=token.team_id,
        via=via,
        request_id=request_id,
        auth_method="token",
        session_or_token_id=str(token.pk),
        on_behalf_of=f"person:{human}",
        source_ip=source_ip,
        user_agent=user_agent[:300],
    )
