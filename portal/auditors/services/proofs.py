"""The proof that an event stands in a signed tree: its index, the inclusion path and the checkpoint."""

import base64
from dataclasses import dataclass
from uuid import UUID

from portal.audit import merkle
from portal.audit.models import AuditCheckpoint, AuditLeaf


@dataclass(frozen=True, slots=True)
class Proof:
    """RFC 6962 inclusion proof; hashes as base64. `checkpoint` is the signed note of the tree of `tree_size` leaves.

    `canon` is the text the leaf hash covers, so the proof can be checked without the portal.
    """

    index: int
    leaf_hash: str
    tree_size: int
    path: list[str]
    checkpoint: str
    canon: str


def _leaves(start: int, stop: int) -> list[bytes]:
    rows = AuditLeaf.objects.filter(idx__gte=start, idx__lt=stop).order_by("idx").values_list("leaf_hash", flat=True)
    return [bytes(leaf) for leaf in rows]


# Placed leaves never change, so what is computed once serves all later proofs of this process.
TREE = merkle.Tree(_leaves)


def of(event_id: UUID | str) -> Proof | None:
    """The proof, or None while the event waits for its place or its checkpoint."""
    leaf = AuditLeaf.objects.filter(event_id=UUID(str(event_id))).select_related("event").first()
    if leaf is None:
        return None
    checkpoint = AuditCheckpoint.objects.filter(size__gt=leaf.idx).order_by("size", "id").first()
    if checkpoint is None:
        return None
    return Proof(
        index=leaf.idx,
        leaf_hash=base64.b64encode(bytes(leaf.leaf_hash)).decode(),
        tree_size=checkpoint.size,
        path=path(leaf.idx, checkpoint.size),
        checkpoint=checkpoint.note,
        canon=bytes(leaf.event.canon).decode(),
    )


def path(index: int, size: int) -> list[str]:
    """The inclusion path of a leaf in the tree of `size` leaves."""
    return [base64.b64encode(step).decode() for step in TREE.inclusion(index, size)]


def consistency(old: int, new: int) -> list[str]:
    """The proof that the tree of `new` leaves begins with that of `old` leaves."""
    return [base64.b64encode(step).decode() for step in TREE.consistency(old, new)]
