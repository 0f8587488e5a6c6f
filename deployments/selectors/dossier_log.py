"""What the log holds about one promotion: its events with their proofs, and the names and words in the vault."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from deployments.models import PolicyVersion, PromotionRequest
from portal.audit import canonical
from portal.audit.erasure import ERASED
from portal.audit.models import AuditCheckpoint, AuditEvent, AuditPii
from portal.auditors.services import proofs
from portal.core.errors import Unavailable

OWN = ("dossier.",)
"""Events about dossiers are no part of one, so that asking again changes nothing."""
OF_VERSIONS = ("model_version.registered", "model_version.validated", "model_version.scanned")


@dataclass(frozen=True, slots=True)
class Event:
    """One event with its place in the log. `body` is what `canon` says."""

    index: int
    canon: bytes
    body: dict[str, Any]

    @property
    def type(self) -> str:
        return str(self.body["type"])

    @property
    def subject(self) -> tuple[str, str]:
        return self.body["subject"]["type"], self.body["subject"]["id"]

    @property
    def happened(self) -> bool:
        """Whether it records an act, not a refused attempt."""
        return bool(self.body["outcome"] == "success")


@dataclass(frozen=True, slots=True)
class Log:
    """The events in the order of the log, the checkpoint they are proven by, and the vault rows they need.

    `vault` maps a commitment to its salt and value; what was erased is missing. Only names of who acted and what they
    wrote are in it: addresses and browsers belong to the audit log and stay there.
    """

    head: AuditCheckpoint
    events: tuple[Event, ...]
    vault: dict[str, tuple[str, str]] = field(default_factory=dict)

    def about(self, kind: str, number: object, *types: str) -> list[Event]:
        """What happened to one subject; refused attempts are no acts."""
        found = [event for event in self.events if event.subject == (kind, str(number)) and event.happened]
        return [event for event in found if not types or event.type in types]

    def words(self, committed: Any) -> str | None:
        """The value behind a commitment; "" for none, None once it is erased."""
        if not committed:
            return ""
        if "plain" in committed:
            return str(committed["plain"])
        return self.vault.get(committed["c"], (None, None))[1]


def of(row: PromotionRequest) -> Log:
    """Everything the log holds about the request, its bypasses, rollouts, policy, version and evaluations.

    Raises `Unavailable` while any of it waits for its place or its signature, or when the signed log is not the one in
    the database.
    """
    head = AuditCheckpoint.objects.order_by("-id").first()
    rows = AuditEvent.objects.filter(_concerns(row)).select_related("leaf").order_by("leaf__idx")
    found = [one for one in rows if not one.type.startswith(OWN)]
    if head is None or any(not hasattr(one, "leaf") or one.leaf.idx >= head.size for one in found):
        raise Unavailable("The newest events of this promotion are not signed yet; the signer does so within seconds.")
    if proofs.TREE.root(head.size) != bytes(head.root):
        raise Unavailable("The log in the database is not the one that was signed. Have it verified.")
    events = tuple(Event(one.leaf.idx, bytes(one.canon), canonical.parse(bytes(one.canon))) for one in found)
    return Log(head, events, _vault(events))


def _concerns(row: PromotionRequest) -> Q:
    numbers: dict[str, Iterable[object]] = {
        "promotion_request": [row.pk],
        "bypass": [one.pk for one in row.bypasses.all()],
        "rollout": list(row.rollouts.values_list("pk", flat=True)),
        "revision": list(row.rollouts.values_list("to_revision", flat=True)),
        "evaluation": [one["number"] for one in row.evidence.get("evaluations", [])],
        "policy_version": _policy(row),
    }
    found = Q(subject_type="model_version", subject_id=str(row.version_id), type__in=OF_VERSIONS)
    for kind, keys in numbers.items():
        found |= Q(subject_type=kind, subject_id__in=[str(key) for key in keys])
    return found


def _policy(row: PromotionRequest) -> list[int]:
    """The version of the policy that the evidence pins; older requests pin one without an id."""
    pin = row.evidence["policy"]
    rows = PolicyVersion.objects.filter(policy=pin.get("id"), number=pin["rules_version"])
    return list(rows.values_list("pk", flat=True))


def _vault(events: Iterable[Event]) -> dict[str, tuple[str, str]]:
    wanted = {part["c"] for event in events for part in (event.body["actor"]["name"], event.body["reason"])
              if part and "c" in part}  # fmt: skip
    rows = AuditPii.objects.filter(commitment__in=[bytes.fromhex(one) for one in wanted]).order_by("commitment")
    return {bytes(row.commitment).hex(): (bytes(row.salt).hex(), row.value) for row in rows}


def erased(person_id: int) -> bool:
    """Whether somebody was erased from the log; then a dossier does not name them either."""
    return AuditEvent.objects.filter(type=ERASED, subject_type="person", subject_id=str(person_id)).exists()
