"""Policies, their versions, and changes of them: a draft of production's, and a proposal for staging's."""

from collections.abc import Mapping
from typing import Any

from tests.access_matrix import ADMIN, SCOPES, World, call, page


def policy(world: World) -> Mapping[str, Any]:
    return {"policy_id": world.policy_draft.policy_id}


def version(world: World) -> Mapping[str, Any]:
    return {**policy(world), "number": 1}


def draft(world: World) -> Mapping[str, Any]:
    """Begun by the administrator."""
    return {"change_id": world.policy_draft.pk}


def proposal(world: World) -> Mapping[str, Any]:
    """Begun and proposed by another administrator."""
    return {"change_id": world.policy_proposal.pk}


def seen(world: World) -> Mapping[str, Any]:
    return {"seen": world.policy_draft.digest}


def decide(world: World) -> Mapping[str, Any]:
    return {"seen": world.policy_proposal.digest, "comment": "Not yet."}


def begin(world: World) -> Mapping[str, Any]:
    return {"environment": "staging", "tier": "high"}


CHANGES: dict[str, Any] = {"may": (ADMIN,), "scopes": ("policies",)}

PAGES = (
    page("deployments:policies"),
    page("deployments:policy_new", may=(ADMIN,)),
    page("deployments:policy_new", "POST", may=(ADMIN,), ok=303, send=begin),
    page("deployments:policy", kwargs=policy),
    page("deployments:policy_version", kwargs=version),
    page("deployments:policy_retire", may=(ADMIN,), kwargs=policy),
    page("deployments:policy_retire", "POST", may=(ADMIN,), ok=409, kwargs=policy),
    page("deployments:policy_change", kwargs=draft),
    page("deployments:policy_edit", may=(ADMIN,), kwargs=draft),
    page("deployments:policy_edit", "POST", may=(ADMIN,), ok=422, kwargs=draft),
    page("deployments:policy_propose", ok=303, kwargs=draft),
    page("deployments:policy_propose", "POST", may=(ADMIN,), ok=303, kwargs=draft, send=seen),
    page("deployments:policy_sign", may=(ADMIN,), kwargs=proposal),
    page("deployments:policy_sign", "POST", may=(ADMIN,), ok=422, kwargs=proposal, send=decide),
    page("deployments:policy_reject", ok=303, kwargs=proposal),
    page("deployments:policy_reject", "POST", may=(ADMIN,), ok=303, kwargs=proposal, send=decide),
    page("deployments:policy_withdraw", may=(ADMIN,), kwargs=draft),
    page("deployments:policy_withdraw", "POST", may=(ADMIN,), ok=303, kwargs=draft),
)

CALLS = (
    call("api:deployments_api:policies", scopes=SCOPES),
    call("api:deployments_api:policies_export", scopes=SCOPES),
    call(
        "api:deployments_api:policies_apply", "PUT", **CHANGES, send=lambda w: {"yaml": "policies: []"}
    ),
    call("api:deployments_api:policy", kwargs=policy, scopes=SCOPES),
    call("api:deployments_api:policy_versions", kwargs=policy, scopes=SCOPES),
    call("api:deployments_api:policy_version", kwargs=version, scopes=SCOPES),
    call("api:deployments_api:policy_changes", scopes=SCOPES),
    call("api:deployments_api:policy_changes", "POST", **CHANGES, ok=201, send=begin),
    call("api:deployments_api:policy_change", kwargs=draft, scopes=SCOPES),
    call(
        "api:deployments_api:policy_change", "PUT", **CHANGES, kwargs=draft,
        send=lambda w: {**seen(w), "rules": w.policy_draft.content},
    ),
    call("api:deployments_api:policy_replay", kwargs=draft, scopes=SCOPES),
    call("api:deployments_api:policy_propose", "POST", **CHANGES, kwargs=draft, send=seen),
    call("api:deployments_api:policy_approve", "POST", may=(), kwargs=proposal, send=decide),
    call("api:deployments_api:policy_reject", "POST", may=(ADMIN,), kwargs=proposal, send=decide),
    call("api:deployments_api:policy_withdraw", "POST", **CHANGES, kwargs=draft),
)  # fmt: skip

RULES = (*PAGES, *CALLS)
