"""People, rights, credentials and notices."""

from collections.abc import Mapping
from typing import Any

from tests.access_matrix import (
    ADMIN,
    GLOBAL,
    SCIENTIST,
    SCOPES,
    TEAM,
    TOKENS,
    World,
    call,
    open_page,
    page,
)

BINDING = "sha256:" + "0" * 64


def person(world: World) -> Mapping[str, Any]:
    """Somebody of the team whom nothing else depends on."""
    return {"person_id": world.bystander.pk}


def held(world: World) -> Mapping[str, Any]:
    return {"person_id": world.bystander.pk, "grant_id": world.bystander_grant.pk}


def invitation(world: World) -> Mapping[str, Any]:
    return {"invitation_id": world.invitation.pk}


def token(world: World) -> Mapping[str, Any]:
    """A token of the data scientist."""
    return {"token_id": world.token.pk}


def account(world: World) -> Mapping[str, Any]:
    """A service account the data scientist answers for."""
    return {"name": world.account.name}


def account_grant(world: World) -> Mapping[str, Any]:
    return {"name": world.account.name, "grant_id": world.account_grant.pk}


def account_switch(world: World) -> Mapping[str, Any]:
    return {"name": world.account.name, "state": "disable"}


def notice(world: World) -> Mapping[str, Any]:
    return {"notice_id": world.notice.pk}


def team(world: World) -> Mapping[str, Any]:
    return {"slug": world.team.slug}


OWNERS = (SCIENTIST, ADMIN)
HIDDEN: dict[str, Any] = {"otherwise": 404}
"""Those who may not see it are told that it does not exist."""
NO_STEP_UP = 422
STEP_UP_FIRST = 403

PAGES = (
    page("accounts:me"),
    page("accounts:me", "POST", ok=302, send=lambda w: {"name": "Another Name"}),
    page("accounts:preferences", "POST", ok=302, send=lambda w: {"theme": "dark"}),
    page("accounts:security"),
    page("accounts:step_up_passkey", "POST", ok=422, send=lambda w: {"binding": BINDING}),
    page("accounts:tokens"),
    page("accounts:token_new"),
    page("accounts:token_new", "POST", ok=NO_STEP_UP, send=lambda w: {"name": "x", "scopes": "read", "days": 30}),
    page("accounts:token_rotate", may=(SCIENTIST,), kwargs=token, special={ADMIN: 403}, **HIDDEN),
    page(
        "accounts:token_rotate", "POST", may=(SCIENTIST,), ok=NO_STEP_UP, kwargs=token, special={ADMIN: 403}, **HIDDEN
    ),
    page("accounts:token_revoke", may=OWNERS, kwargs=token, **HIDDEN),
    page("accounts:token_revoke", "POST", may=OWNERS, ok=302, kwargs=token, **HIDDEN),
    open_page("accounts:join", status=404),
    open_page("accounts:join", "POST", status=404),
    open_page(
        "accounts:join_link", status=302, kwargs=lambda w: {"invitation_id": w.invitation.pk, "secret": w.secret}
    ),
    open_page(
        "accounts:join_link", status=404, kwargs=lambda w: {"invitation_id": w.invitation.pk, "secret": "guessed"},
        case="wrong secret",
    ),
    page("accounts:people"),
    page("accounts:invite", may=(ADMIN,)),
    page("accounts:invite", "POST", may=(ADMIN,), ok=302, send=lambda w: {"email": "n@example.org", "role": "viewer"}),
    page("accounts:invitation_again", "POST", may=(ADMIN,), ok=302, kwargs=invitation),
    page("accounts:invitation_revoke", "POST", may=(ADMIN,), ok=302, kwargs=invitation),
    page("accounts:person", may=(*TEAM, *GLOBAL), outsider=404, kwargs=person),
    page(
        "accounts:grant", "POST", may=(ADMIN,), ok=302, outsider=404, kwargs=person,
        send=lambda w: {"role": "auditor"},
    ),
    page("accounts:grant_revoke", may=(ADMIN,), outsider=404, kwargs=held),
    page("accounts:grant_revoke", "POST", may=(ADMIN,), ok=302, outsider=404, kwargs=held),
    page("accounts:disable", may=(ADMIN,), outsider=404, kwargs=person),
    page("accounts:disable", "POST", may=(ADMIN,), ok=302, outsider=404, kwargs=person),
    page("accounts:enable", "POST", may=(ADMIN,), ok=409, outsider=404, kwargs=person),
    page("accounts:teams"),
    page("accounts:teams", "POST", may=(ADMIN,), ok=302, send=lambda w: {"name": "A new team"}),
    page("accounts:team", may=(*TEAM, *GLOBAL), outsider=404, kwargs=team),
    page("accounts:team", "POST", may=(ADMIN,), ok=302, outsider=404, kwargs=team, send=lambda w: {"name": "Renamed"}),
    page("accounts:roles"),
    page("accounts:service_accounts"),
    page("accounts:service_account_new", may=(ADMIN,)),
    page(
        "accounts:service_account_new", "POST", may=(ADMIN,), ok=302,
        send=lambda w: {"name": "another", "responsible": w.bystander.pk},
    ),
    page("accounts:service_account", may=OWNERS, kwargs=account, **HIDDEN),
    page(
        "accounts:service_account", "POST", may=(ADMIN,), ok=302, kwargs=account, special={SCIENTIST: 403},
        send=lambda w: {"description": "changed", "responsible": w.bystander.pk}, **HIDDEN,
    ),
    page("accounts:account_token_new", may=OWNERS, kwargs=account, **HIDDEN),
    page(
        "accounts:account_token_new", "POST", may=OWNERS, ok=NO_STEP_UP, kwargs=account,
        send=lambda w: {"name": "x", "scopes": "read", "days": 30}, **HIDDEN,
    ),
    page(
        "accounts:account_grant", "POST", may=(ADMIN,), ok=302, kwargs=account, special={SCIENTIST: 403},
        send=lambda w: {"role": "viewer"}, **HIDDEN,
    ),
    page(
        "accounts:account_grant_revoke", "POST", may=(ADMIN,), ok=302, kwargs=account_grant, special={SCIENTIST: 403},
        **HIDDEN,
    ),
    page(
        "accounts:service_account_switch", "POST", may=(ADMIN,), ok=302, kwargs=account_switch,
        special={SCIENTIST: 403}, **HIDDEN,
    ),
    page("notices:list"),
    page("notices:read_all", "POST", ok=302),
    page("notices:read", "POST", may=(SCIENTIST,), ok=302, kwargs=notice, **HIDDEN),
)  # fmt: skip

READ = ("read",)
MISSING = dict.fromkeys(TOKENS, 404)
"""A token that may not see people cannot tell a person from none."""
UNSEEN: dict[str, Any] = {"scope_otherwise": 404}

CALLS = (
    call("api:accounts_api:me", scopes=SCOPES),
    call("api:accounts_api:me", "PATCH", send=lambda w: {"theme": "dark"}),
    call("api:accounts_api:people", scopes=READ),
    call("api:accounts_api:person", may=(*TEAM, *GLOBAL), outsider=404, scopes=READ, kwargs=person, **UNSEEN),
    call(
        "api:accounts_api:person_disable", "POST", may=(ADMIN,), outsider=404, kwargs=person,
        special=MISSING | {"token:read": 403},
    ),
    call(
        "api:accounts_api:person_enable", "POST", may=(ADMIN,), ok=409, outsider=404, kwargs=person,
        special=MISSING | {"token:read": 403},
    ),
    call(
        "api:accounts_api:person_grants", "POST", may=(ADMIN,), ok=201, outsider=404, kwargs=person,
        special=MISSING | {"token:read": 403}, send=lambda w: {"role": "auditor"},
    ),
    call(
        "api:accounts_api:person_grant", "DELETE", may=(ADMIN,), ok=204, outsider=404, kwargs=held,
        special=MISSING | {"token:read": 403},
    ),
    call("api:accounts_api:invitations", may=(ADMIN,)),
    call(
        "api:accounts_api:invitations", "POST", may=(ADMIN,), ok=201,
        send=lambda w: {"email": "n@example.org", "role": "viewer"},
    ),
    call("api:accounts_api:invitation_again", "POST", may=(ADMIN,), kwargs=invitation),
    call("api:accounts_api:invitation_revoke", "POST", may=(ADMIN,), kwargs=invitation),
    call("api:accounts_api:teams", scopes=READ),
    call("api:accounts_api:teams", "POST", may=(ADMIN,), ok=201, send=lambda w: {"name": "A new team"}),
    call("api:accounts_api:team", may=(*TEAM, *GLOBAL), outsider=404, scopes=READ, kwargs=team, **UNSEEN),
    call(
        "api:accounts_api:team", "PATCH", may=(ADMIN,), outsider=404, kwargs=team,
        special=MISSING | {"token:read": 403}, send=lambda w: {"name": "Renamed"},
    ),
    call("api:accounts_api:roles", scopes=READ),
    call("api:accounts_api:service_accounts", scopes=SCOPES),
    call(
        "api:accounts_api:service_accounts", "POST", may=(ADMIN,), ok=201,
        send=lambda w: {"name": "another", "responsible": w.bystander.pk},
    ),
    call("api:accounts_api:service_account", may=OWNERS, otherwise=404, scope_otherwise=404, kwargs=account),
    call(
        "api:accounts_api:service_account", "PATCH", may=(ADMIN,), otherwise=404, scope_otherwise=404, kwargs=account,
        special={SCIENTIST: 403}, send=lambda w: {"description": "changed"},
    ),
    call(
        "api:accounts_api:service_account_grants", "POST", may=(ADMIN,), ok=201, otherwise=404, scope_otherwise=404,
        kwargs=account, special={SCIENTIST: 403}, send=lambda w: {"role": "viewer"},
    ),
    call(
        "api:accounts_api:service_account_grant", "DELETE", may=(ADMIN,), ok=204, otherwise=404, scope_otherwise=404,
        kwargs=account_grant, special={SCIENTIST: 403},
    ),
    call("api:accounts_api:tokens", scopes=SCOPES),
    call(
        "api:accounts_api:tokens", "POST", ok=STEP_UP_FIRST, send=lambda w: {"name": "x", "scopes": ["read"]},
    ),
    call("api:accounts_api:token", may=OWNERS, otherwise=404, scope_otherwise=404, kwargs=token),
    call(
        "api:accounts_api:token_rotate", "POST", may=OWNERS, ok=STEP_UP_FIRST, otherwise=404, scope_otherwise=404,
        kwargs=token,
    ),
    call("api:accounts_api:token_revoke", "POST", may=OWNERS, otherwise=404, scope_otherwise=404, kwargs=token),
    call(
        "api:accounts_api:step_up", "POST", ok=201,
        send=lambda w: {"method": "password", "password": w.password, "binding": BINDING},
    ),
    call("api:accounts_api:step_up_challenge", "POST", ok=422, send=lambda w: {"binding": BINDING}),
    call("api:notices_api:list", scopes=SCOPES),
    call("api:notices_api:read_all", "POST", scopes=SCOPES),
    call("api:notices_api:read", "POST", may=(SCIENTIST,), otherwise=404, scope_otherwise=404, kwargs=notice),
)  # fmt: skip

RULES = (*PAGES, *CALLS)
