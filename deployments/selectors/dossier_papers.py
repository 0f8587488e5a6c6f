"""The documents of a dossier, read from the records.

Whoever acted or wrote stands in them as in the log: by number, and by the commitment of a name or of words, whose value
is in the vault until it is erased.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import QuerySet

from deployments.models import Approval, Bypass, BypassGrant, PolicyVersion, PromotionRequest, Rollout
from deployments.selectors import dossier_log
from deployments.selectors.dossier_log import Event, Log
from portal.accounts.models import Person
from portal.core.errors import Unavailable
from registry.evaluations.results import BadResults, read
from registry.models import ArtifactStatement, CardText, Evaluation, Run
from registry.selectors import cards, scans
from registry.selectors.datasets import inputs_of

Json = dict[str, Any]
ASKED = ("promotion.submitted", "promotion.resubmitted")
DECISIONS = {
    "promotion.approved": "approved",
    "promotion.changes_requested": "changes_requested",
    "promotion.rejected": "rejected",
}
NO_MATCH = "The {} on record are not those in the log. Have the log verified, and ask who changed the database."


def _at(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def request(row: PromotionRequest, log: Log) -> Json:
    """Who asked what for which version, and what became of it."""
    asked = log.about("promotion_request", row.pk, *ASKED)
    if not asked:
        raise Unavailable(NO_MATCH.format("requests"))
    model = row.version.model
    return {
        "number": row.pk,
        "model": model.name,
        "version": row.version.number,
        "tier": model.tier,
        "team": model.team.slug,
        "environment": row.endpoint.environment.name,
        "endpoint": row.endpoint.name,
        "requester": _who(asked[0]),
        "uploader": f"person:{row.uploader_id}" if row.uploader_id else None,
        "why": asked[-1].body["reason"],
        "asked_at": asked[0].body["at"],
        "status": row.status,
        "revision": row.revision,
        "evidence_digest": row.evidence_digest,
        "frozen_at": _at(row.frozen_at),
        "decided_at": _at(row.decided_at),
        "rollouts": [_rollout(one) for one in _rollouts(row)],
    }


def _who(event: Event) -> Json:
    actor = event.body["actor"]
    return {"id": actor["id"], "name": actor["name"], "event": event.body["id"]}


def _rollouts(row: PromotionRequest) -> QuerySet[Rollout]:
    return row.rollouts.order_by("pk").select_related("to_revision__version", "from_revision__version")


def _rollout(row: Rollout) -> Json:
    return {
        "number": row.pk,
        "kind": row.kind,
        "status": row.status,
        "from_version": row.from_revision.version.number if row.from_revision else None,
        "to_version": row.to_revision.version.number,
        "digest": row.to_revision.digest,
        "generation": row.generation,
        "began_at": _at(row.began_at),
        "ended_at": _at(row.ended_at),
        "reason_code": row.reason_code,
    }


def policy(row: PromotionRequest) -> Json:
    """The content of the pinned version, and where it stands."""
    pin = row.evidence["policy"]
    held = PolicyVersion.objects.filter(policy=pin.get("id"), number=pin["rules_version"]).first()
    return {
        "environment": pin["environment"],
        "name": pin.get("name", f"{pin['environment']}@{pin['rules_version']}"),
        "version": pin["rules_version"],
        "digest": pin.get("digest"),
        "record": held.pk if held else None,
        "content": pin["rules"],
    }


def votes(row: PromotionRequest, log: Log) -> list[Json]:
    """Each decision on the request in the order of the log: approvals as the rows have them, beside their events.

    Raises `Unavailable` when there are other approvals on record than in the log.
    """
    given = iter(Approval.objects.filter(request=row).order_by("pk"))
    found = []
    for event in log.about("promotion_request", row.pk, *DECISIONS):
        vote = next(given, None) if event.type == "promotion.approved" else event
        if vote is None:
            raise Unavailable(NO_MATCH.format("approvals"))
        what = _approval(vote) if isinstance(vote, Approval) else _refusal(event)
        found.append({"decision": DECISIONS[event.type], **what, **_told(event)})
    if next(given, None) is not None:
        raise Unavailable(NO_MATCH.format("approvals"))
    return found


def _approval(row: Approval) -> Json:
    return {
        "who": f"person:{row.reviewer_id}",
        "rule": row.rule,
        "revision": row.request_revision,
        "evidence_digest": row.evidence_digest,
        "step_up_at": row.step_up_at.isoformat(),
        "step_up_method": row.step_up_method,
        "condition": row.condition,
    }


def _refusal(event: Event) -> Json:
    return {"who": event.body["actor"]["id"], "evidence_digest": event.body["data"]["evidence_digest"]}


def _told(event: Event) -> Json:
    """What only the log has of a decision."""
    return {
        "event": event.body["id"],
        "at": event.body["at"],
        "name": event.body["actor"]["name"],
        "comment": event.body["reason"],
        "past": event.body["data"].get("past", []),
    }


def bypasses(row: PromotionRequest, log: Log) -> list[Json]:
    """The bypasses asked for the request, with the grants and the review. Raises `Unavailable` as `votes` does."""
    return [_bypass(one, log) for one in row.bypasses.order_by("pk")]


def _bypass(row: Bypass, log: Log) -> Json:
    asked = log.about("bypass", row.pk, "bypass.asked")
    given = list(BypassGrant.objects.filter(bypass=row).order_by("pk"))
    events = log.about("bypass", row.pk, "bypass.granted")
    if len(asked) != 1 or len(given) != len(events):
        raise Unavailable(NO_MATCH.format("bypasses"))
    reviewed = log.about("bypass", row.pk, "bypass.upheld", "bypass.not_upheld")
    return {
        "number": row.pk,
        "status": row.status,
        "gates": row.gates,
        "evidence_digest": row.evidence_digest,
        "asker": _who(asked[0]),
        "reason": asked[0].body["reason"],
        "expires_at": _at(row.expires_at),
        "grants": [_grant(one, event) for one, event in zip(given, events, strict=True)],
        "used_at": _at(row.used_at),
        "passed": row.passed,
        "review_due_at": _at(row.review_due_at),
        "review": {**_who(reviewed[0]), "words": reviewed[0].body["reason"]} if reviewed else None,
    }


def _grant(row: BypassGrant, event: Event) -> Json:
    return {
        "who": f"person:{row.granter_id}",
        "rule": row.rule,
        "gates": row.gates,
        "evidence_digest": row.evidence_digest,
        "step_up_at": row.step_up_at.isoformat(),
        "step_up_method": row.step_up_method,
        **{key: value for key, value in _told(event).items() if key != "past"},
    }


def evaluations(row: PromotionRequest) -> Iterator[tuple[int, Json]]:
    """The evaluations that the evidence pins, each with what its digest covers apart from what it does not."""
    pinned = [one["number"] for one in row.evidence.get("evaluations", [])]
    rows = Evaluation.objects.filter(pk__in=pinned).order_by("pk")
    for one in rows.select_related("version__model", "baseline__model", "data__data_set"):
        yield one.pk, evaluation(one)


def evaluation(row: Evaluation) -> Json:
    """`covered` is what `digest` is the digest of."""
    try:
        results = read(row.results) if row.status == "done" else None
    except BadResults as error:
        raise Unavailable(f"Evaluation {row.pk} cannot be read: {error}") from error
    whole = results.as_json() if results else {}
    return {
        "number": row.pk,
        "status": row.status,
        "version": str(row.version),
        "baseline": str(row.baseline) if row.baseline else None,
        "data": str(row.data),
        "settings": row.settings,
        "digest": row.digest,
        "covered": {"inputs": row.inputs, "results": results.counted() if results else None},
        "measured_times": {name: value for name, value in whole.items() if name.endswith("performance")},
        "requested_by": row.requested_by,
        "requested_at": _at(row.requested_at),
        "ended_at": _at(row.ended_at),
    }


def lineage(row: PromotionRequest) -> Json:
    """From the version back to its run, the data the run named, and the code."""
    version, run = row.version, row.version.run
    return {
        "version": {
            "model": version.model.name,
            "number": version.number,
            "digest": version.digest,
            "source": version.source,
            "registered_by": version.registered_by,
            "registered_at": _at(version.registered_at),
            "flavors": version.flavors,
            "params": version.params,
            "metrics": version.metrics,
        },
        "run": _run(run) if run else {"id": version.mlflow_run_id} if version.mlflow_run_id else None,
        "commit": version.code_commit or None,
        "data": [
            {
                "name": named.get("name", ""),
                "context": named.get("context", ""),
                "version": str(ours) if ours else None,
                "digest": ours.digest if ours else None,
                "rows": ours.rows if ours else None,
            }
            for named, ours in inputs_of(run)
        ],
    }


def _run(run: Run) -> Json:
    return {
        "id": run.run_id,
        "name": run.name,
        "experiment": str(run.experiment),
        "started_at": _at(run.started_at),
    }


def card(row: PromotionRequest) -> Json:
    """The version's card as it stands now. Whoever was erased from the log reads "erased" in it.

    `digest` is that of the card itself, so it no longer fits where somebody was erased; `erased` says so.
    """
    version = row.version
    found = cards.of(version).as_json()
    written = CardText.objects.filter(version__model=version.model_id, author_person__isnull=False)
    people = (version.model.owner_id, version.registered_by_person_id, *written.values_list("author_person", flat=True))
    gone = [one for one in Person.objects.filter(pk__in=[pk for pk in people if pk]) if dossier_log.erased(one.pk)]
    names = [text for one in gone for text in (str(one), one.name, one.email) if text]
    plain: Json = _without(found, names)
    return {**plain, "erased": bool(names)}


def _without(value: Any, names: Sequence[str]) -> Any:
    """The same with "erased" in place of each of these names."""
    if isinstance(value, dict):
        return {key: _without(one, names) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without(one, names) for one in value]
    if isinstance(value, str):
        for name in names:
            value = value.replace(name, "erased")
    return value


def artifact(row: PromotionRequest) -> dict[str, Any]:
    """The files, the newest scan with its signed statement and the bill of materials, by name of their document."""
    version = row.version
    found: dict[str, Any] = {"artifact/files.json": version.files}
    statement = ArtifactStatement.objects.filter(version=version).select_related("scan").first()
    if statement is None:
        return found
    scan = statement.scan
    seen = {name: getattr(scan, name) for name in ("digest", "outcome", "rules", "files", "findings", "packages")}
    found["artifact/scan.json"] = {**seen, "at": _at(scan.at)}
    found["artifact/statement.json"] = statement.envelope
    found["artifact/bom.json"] = scans.bill(version)
    return found
