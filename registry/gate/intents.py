"""A change of the registry leaves an intent before it goes to MLflow and an outcome after; what stays open is settled.

The outcome updates our own rows and writes the audit event in one transaction.
"""

import json
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors, crash
from portal.core.crash import crash_point
from registry.gate.authorize import Call
from registry.gate.outcomes import OUTCOMES
from registry.models import GateIntent

crash.register("gate.intent_written", "gate.forwarded")

KEPT_OF_ACTOR = ("kind", "id", "label", "person_id", "service_account_id", "via", "request_id", "auth_method",
                 "session_or_token_id", "on_behalf_of")  # fmt: skip
LONGEST = 20_000


def _kept(args: dict[str, Any]) -> dict[str, Any]:
    """The arguments that are needed to finish the call later; what is longer than that is not looked at again."""
    return {key: value for key, value in args.items() if len(json.dumps(value)) <= LONGEST}


@transaction.atomic
def open_intent(call: Call) -> GateIntent:
    """Write down what is about to be asked of MLflow, with all that is needed to finish it if this process ends."""
    actor = {name: value for name, value in asdict(call.actor).items() if name in KEPT_OF_ACTOR}
    intent = GateIntent.objects.create(
        route=call.route.name,
        subject_name=call.subject[:300],
        actor=call.actor.id,
        body={
            "method": call.route.method,
            "args": _kept(call.args),
            "team": call.team.pk if call.team else None,
            "actor": actor,
        },
    )
    _record(intent, call, "registered_model.requested", {}, outcome="success")
    return intent


def _record(intent: GateIntent, call: Call, verb: str, data: dict[str, Any], *, outcome: str) -> None:
    """An event about the request itself; experiments have none, they are in the access log."""
    if call.route.act == "registry":
        recorder.record(
            verb,
            actor=call.actor,
            subject=Subject.of("gate_intent", intent.pk, call.subject),
            data={"route": call.route.name, "method": call.route.method} | data,
            outcome=outcome,
        )


@transaction.atomic
def close(intent: GateIntent, call: Call, status: int, answer: dict[str, Any]) -> bool:
    """Write what came of it: our rows and the event when MLflow did it, the status alone when it did not.

    False when somebody else has closed it already.
    """
    mine = GateIntent.objects.filter(pk=intent.pk, closed_at=None).update(closed_at=Now(), outcome=str(status))
    if not mine:
        return False
    if status >= 400:
        _record(intent, call, "registered_model.request_closed", {"status": status}, outcome="failed")
    else:
        OUTCOMES[(call.route.method, call.route.name)](call, answer)
    return True


@transaction.atomic
def give_up(intent: GateIntent) -> None:
    """Close an intent that MLflow did not carry out, or whose object is gone."""
    if GateIntent.objects.filter(pk=intent.pk, closed_at=None).update(closed_at=Now(), outcome="not done"):
        recorder.record(
            "registered_model.request_closed",
            actor=actors.system("the request was cut off and MLflow has not carried it out"),
            subject=Subject.of("gate_intent", intent.pk, intent.subject_name),
            data={"route": intent.route, "status": None},
            outcome="failed",
        )


def written() -> None:
    """The intent is committed and nothing has been sent yet."""
    crash_point("gate.intent_written")


def forwarded() -> None:
    """MLflow has answered and the outcome is not written yet."""
    crash_point("gate.forwarded")
