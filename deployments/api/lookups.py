"""A closer look at what an API call names: whether it is there, and whether it can be so."""

from functools import partial

from deployments.selectors import plans
from deployments.services import endpoints, promotions
from portal.core.actors import Actor
from portal.core.api.inputs import Look, Sent
from portal.core.errors import NotFound


def environment(sent: Sent) -> None:
    endpoints.find_environment(sent["environment"])


def plan(sent: Sent) -> None:
    """An empty name stands for the one there is without it."""
    if sent["plan"]:
        plans.find(sent["plan"])


def wished_plan(sent: Sent) -> None:
    """A plan that may say its version, such as `canary@1`."""
    if sent["plan"]:
        plans.asked_for(sent["plan"])


def endpoint_name(sent: Sent) -> None:
    endpoints.check_name(sent["name"])


def of_model(actor: Actor) -> dict[str, Look]:
    return {"model": lambda sent: endpoints.find_model(actor=actor, name=sent["model"])}


def of_version(actor: Actor) -> dict[str, Look]:
    """A model, one of its versions, and where it is to serve."""
    return {**of_model(actor), "version": partial(_version, actor), "environment": environment}


def _version(actor: Actor, sent: Sent) -> None:
    try:
        model = endpoints.find_model(actor=actor, name=sent.get("model", ""))
    except NotFound:
        return  # said of the model
    promotions.candidate(model, sent["version"])


def words(member: str) -> Look:
    """The words that a decision needs; a rehearsal says itself that they are missing."""
    return lambda sent: sent.get("dry_run") or promotions.reason(sent[member], member)


COMMENT, REASON = {"comment": words("comment")}, {"reason": words("reason")}
