"""What a rollback would change, read from rows: traffic, bytes, callers, settings, requests; and what stays."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from deployments.gates import signature
from deployments.models import Endpoint, PromotionRequest, Revision, Rollout, RolloutKind
from deployments.policies.evidence import short
from deployments.selectors import endpoints, rehearsals
from deployments.states.promotion import OPEN
from portal.ui import text
from registry.models import BatchPrediction

Row = dict[str, Any]
THRESHOLDS = ("threshold", "decision_threshold")
"""Tags and parameters that hold the score from which on a model decides."""
SHOWN, LONGEST = 3, 24
IN_THE_WAY = ("callers do not send", "needed from now on", "of another type")


@dataclass(frozen=True, slots=True)
class Ends:
    """From where to where, and the rollout under way, if any."""

    endpoint: Endpoint
    target: Revision | None
    current: Revision | None
    running: Rollout | None


def changes(ends: Ends, seconds: float | None) -> list[Row]:
    """One row for each thing that would be another: as it is, as it will be, and a note."""
    target, current = ends.target, ends.current
    if target is None or current is None:
        return []
    rows = [_traffic(ends, target, current, seconds)]
    rows.append(_row("Artifact digest", short(current.digest), short(target.digest)))
    rows += [_callers(current, target), *_settings(current, target)]
    if ends.endpoint.primary and ends.endpoint.environment.alias:
        stable, label = ends.endpoint.stable or target, f"Alias {ends.endpoint.environment.alias}"
        if stable != target:
            was = f"v{stable.version.number}"
            rows.append(_row(label, was, f"v{target.version.number}", "when the traffic has moved"))
    return [*rows, *_schedules(ends), *_requests(ends.endpoint, current), *_batches(current)]


def _row(label: str, was: str, now: str, note: str = "") -> Row:
    return {"label": label, "was": was, "now": now, "note": note}


def _traffic(ends: Ends, target: Revision, current: Revision, seconds: float | None) -> Row:
    was = f"v{current.version.number} 100 %" if ends.running is None else _split(ends.endpoint, target, current)
    long = "not yet rehearsed" if seconds is None else f"about {text.duration(text.rough(seconds))}"
    when = f"at once, {long}" if standing(ends) == "ready" else f"once it is loaded, {cold(ends)}"
    return _row("Traffic", was, f"v{target.version.number} 100 %", f"{when}; open requests finish first")


def _split(row: Endpoint, target: Revision, current: Revision) -> str:
    """Who has what of the traffic while a rollout brings `current` in."""
    table = endpoints.current_table(row)
    if table is None or current.pk not in (table.stable_id, table.canary_id):
        return f"v{target.version.number}, v{current.version.number} starting"
    arms = ((table.stable, table.stable_weight), (table.canary, table.canary_weight))
    return ", ".join(f"v{arm.version.number} {weight / 100:g} %" for arm, weight in arms if arm)


def refuses(current: Revision | None, target: Revision | None) -> list[str]:
    """The ways in which the target would refuse what callers of the present version have to send."""
    if current is None or target is None:
        return []
    old, new = current.version.signature, target.version.signature
    before, after = signature.columns(old, "inputs"), signature.columns(new, "inputs")
    lost = sorted(name for name in before if name not in after and signature.required(before[name]))
    found = [one for one in signature.differences(old, new) if one.startswith(IN_THE_WAY)]
    return [*found, *([f"no longer taken: {signature.named(lost)}"] if lost else [])]


def differences(current: Revision | None, target: Revision | None) -> list[str]:
    """All ways in which callers of the present version could fail with the target, what they read among them."""
    if current is None or target is None:
        return []
    return signature.differences(current.version.signature, target.version.signature)


def _callers(current: Revision, target: Revision) -> Row:
    found = differences(current, target)
    now = "have to change" if refuses(current, target) else "go on unchanged"
    return _row("Callers", f"send what v{current.version.number} takes", now, "; ".join(found))


def _settings(current: Revision, target: Revision) -> list[Row]:
    """The threshold, and parameters that differ, as far as the versions say them."""
    old, new = (one.version.params | _thresholds(one) for one in (current, target))
    rows = [
        _row("Threshold", str(old.get(name, "not known")), str(new.get(name, "not known")))
        for name in THRESHOLDS
        if old.get(name) != new.get(name)
    ]
    names = sorted(n for n in old.keys() | new.keys() if n not in THRESHOLDS and old.get(n) != new.get(n))
    if names:
        shown = [[f"{n} {_cut(side.get(n, 'none'))}" for n in names[:SHOWN]] for side in (old, new)]
        more = f"and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        rows.append(_row("Parameters", ", ".join(shown[0]), ", ".join(shown[1]), more))
    return rows


def _cut(value: Any) -> str:
    """A value as short as a row has room for."""
    said = str(value)
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


def _thresholds(revision: Revision) -> dict[str, Any]:
    return {name: revision.version.tags[name] for name in THRESHOLDS if name in revision.version.tags}


def _schedules(ends: Ends) -> list[Row]:
    """What goes on by itself at this endpoint and will no longer, or anew. Taking a rollout back leaves champion and
    way back as they are, so drills and score stay."""
    rows, row = list[Row](), ends.endpoint
    hours = row.environment.drill_hours if ends.running is None else 0
    if row.frozen_since is None:
        rows.append(_row("Programs", "promote", "promote nothing", "until a person releases it"))
    if hours:
        often = f"every {hours} h"
        rows.append(_row("Drills of the way back", often, often, "they begin anew, and so does the score"))
    return rows


def _requests(row: Endpoint, current: Revision) -> list[Row]:
    found, name = [], f"v{current.version.number}"
    request = request_of(current)
    if request is not None:
        was = request.get_status_display().lower()
        note = f"{name} stays registered; it needs a new request"
        found.append(_row(f"Promotion #{request.pk}", was, "rolled back", note))
    for waiting in PromotionRequest.objects.filter(endpoint=row, status__in=OPEN):
        was, note = waiting.get_status_display().lower(), f"it was measured against {name} and is frozen anew"
        found.append(_row(f"Promotion #{waiting.pk}", was, "approvals withdrawn", note))
    return found


def _batches(current: Revision) -> list[Row]:
    """Files that the present version has written or is writing; a rollback touches none of them."""
    found = BatchPrediction.objects.filter(version=current.version).aggregate(
        done=Count("pk", filter=Q(status="done")), moving=Count("pk", filter=Q(status__in=("queued", "running")))
    )
    name, notes = f"v{current.version.number}", []
    if found["done"]:
        notes.append("what read them is not told")
    if found["moving"]:
        notes.append(f"{found['moving']} under way: cancel there what is not wanted")
    if not notes:
        return []
    return [_row("Batch predictions", f"{found['done']} done by {name}", "stay as they are", "; ".join(notes))]


def request_of(revision: Revision) -> PromotionRequest | None:
    """The request that brought this revision in and still stands as promoted or rolling out."""
    made = Rollout.objects.filter(to_revision=revision, kind=RolloutKind.PROMOTION).select_related("request").first()
    request = made.request if made else None
    return request if request and request.status in ("promoted", "rolling_out") else None


def standing(ends: Ends) -> str:
    """What the target's process is, "" without a target: as it was last seen, or by its row where nobody looked."""
    target, seen, at = ends.target, ends.endpoint.observed.get("revisions"), ends.endpoint.observed_at
    if target is None:
        return ""
    unseen = seen is None or at is None or at < target.created_at
    if target == ends.endpoint.stable or target.status != "ready" or unseen:
        return target.status
    found = str(seen.get(str(target.pk), "absent"))
    return "not loaded" if found == "absent" else found


def warming(target: Revision) -> float | None:
    """The seconds it took from the order to load it until it had answered its example; None where it has none."""
    at = (target.golden or {}).get("at")
    return (datetime.fromisoformat(at) - target.created_at).total_seconds() if at else None


def loads_in(ends: Ends) -> float | None:
    """The seconds a target that is not warm took to load; None for one that is, without one, or not known."""
    return None if ends.target is None or standing(ends) == "ready" else warming(ends.target)


def cold(ends: Ends) -> str:
    """How long a target that is not warm takes to load, in words; "" for one that is, or without one."""
    if ends.target is None or standing(ends) == "ready":
        return ""
    took = warming(ends.target)
    return "as long as its first load" if took is None else f"about {text.duration(text.rough(took))}"


def seconds(row: Endpoint) -> float | None:
    """What the way back took here when it was measured last, in a rollback or else in a drill; None when never."""
    done = rehearsals.newest_rollback(row)
    if done is not None:
        return done.seconds
    drill = row.drills.filter(passed=True).order_by("-pk").first()
    return drill.seconds if drill else None


def decisions(row: Endpoint, current: Revision | None) -> str:
    """How many requests the present version has had, as far as its counters tell, and that its predictions stay. They
    count the portal's own checks and all since it was loaded; the table by version has the last minutes of them."""
    if current is None:
        return ""
    counted = row.observed.get("counted") or {}
    mine = [count for name, count in counted.items() if name.split(".")[0] == str(current.pk)]
    name = f"v{current.version.number}"
    if not mine:
        return f"How many predictions {name} has made is not known. They are not undone. Nothing is deleted."
    if not sum(mine):
        return f"{name} has made no predictions yet. Nothing is deleted."
    amount = f"At least {text.number(sum(mine))} request{'s' if sum(mine) != 1 else ''}"
    return (
        f"{amount} came to {name} since it was loaded, the portal's own checks among them. "
        "Its predictions are not undone. Nothing is deleted."
    )
