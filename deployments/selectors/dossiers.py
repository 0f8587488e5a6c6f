"""Everything a dossier holds, read in one look at the database and put into its archive."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from deployments.dossiers import archive, page
from deployments.dossiers.archive import canonical
from deployments.dossiers.page import ERASED, Papers
from deployments.models import PromotionRequest
from deployments.selectors import dossier_log, dossier_papers
from deployments.selectors.dossier_log import Event, Log
from portal.audit.models import AuditCheckpoint
from portal.auditors.selectors import sentences
from portal.auditors.services import proofs
from portal.core import digests
from portal.core.errors import Unavailable
from registry.artifacts import bound
from registry.cards.markdown import markdown
from registry.models import RegisteredModel

README = """This is the dossier of one promotion, as a Signalbox portal wrote it. It proves itself:

    python signalbox_audit_verify.py dossier THIS_FILE --vkey KEY --since CHECKPOINT

KEY and CHECKPOINT are the public key and the first checkpoint you saved when the log was set up. Do not take them from
the portal you are checking. The program is tools/signalbox_audit_verify.py of the portal's source; it needs Python and
the package cryptography, no network and no portal. index.html is for people: open it in a browser, or print it.

manifest.json, signature.json   every other file with its size and SHA-256; signed with the portal's artifact key
request.json, votes.json, bypasses.json   who asked for what, who decided what on which evidence
evidence.json, policy.json      what the decisions rest on, and the rules they were made under
card.json, card.md              the model card of the version; card.md is for people
evaluations/, lineage.json      what was measured; where version, code and data came from
artifact/                       files, scan, signed statement, bill of materials
audit/                          the events with their proofs, the signed checkpoint, names and words

Names and words stand in the documents as {"c": hash}; audit/vault.jsonl has what was not erased since.
"""


def packed(row: PromotionRequest, since: int = 0) -> bytes:
    """The archive. Of the same records and the same signed head it is the same, byte for byte.

    It proves that the log continues the first checkpoint, and one of `since` events. Raises `Unavailable` while the
    newest events are not signed, and when rows and log do not agree; `archive.TooLarge` when it cannot be verified.
    """
    if digests.of_json(row.evidence) != row.evidence_digest:
        raise Unavailable("The evidence on record is not what was frozen. Ask who changed the database.")
    log = dossier_log.of(row)
    papers = Papers(
        request=dossier_papers.request(row, log),
        evidence=row.evidence,
        policy=dossier_papers.policy(row),
        votes=dossier_papers.votes(row, log),
        bypasses=dossier_papers.bypasses(row, log),
        card=dossier_papers.card(row),
        lineage=dossier_papers.lineage(row),
        evaluations=dict(dossier_papers.evaluations(row)),
        artifact=dossier_papers.artifact(row),
    )
    members = {
        "README.txt": README.encode(),
        "index.html": _page(row, papers, log).encode(),
        "card.md": markdown(papers.card).encode(),
        **_documents(papers),
        **_audit(log, since),
    }
    head = log.head
    facts = {
        "promotion": row.pk,
        "log": {"origin": head.note.split("\n", 1)[0], "size": head.size, "root": bytes(head.root).hex()},
        "made_by": f"Signalbox {settings.SIGNALBOX_VERSION}",
    }
    return archive.packed(members, facts, bound.key())


def _documents(papers: Papers) -> dict[str, bytes]:
    named = {"request": papers.request, "evidence": papers.evidence, "policy": papers.policy, "votes": papers.votes,
             "card": papers.card, "bypasses": papers.bypasses, "lineage": papers.lineage}  # fmt: skip
    found = {f"{name}.json": value for name, value in named.items()}
    found |= {f"evaluations/{number}.json": value for number, value in papers.evaluations.items()}
    return {name: canonical(value) for name, value in (found | dict(papers.artifact)).items()}


def _audit(log: Log, since: int) -> dict[str, bytes]:
    size = log.head.size
    events = [
        {"idx": one.index, "id": one.body["id"], "canon": one.canon.decode(), "path": proofs.path(one.index, size)}
        for one in log.events
    ]
    vault = [{"c": c, "salt": salt, "value": value} for c, (salt, value) in log.vault.items()]
    return {
        "audit/checkpoint.txt": log.head.note.encode(),
        "audit/events.jsonl": _lines(events),
        "audit/vault.jsonl": _lines(vault),
        "audit/consistency.json": canonical(
            {str(old): proofs.consistency(old, size) for old in sorted({_first(), since}) if 0 < old <= size}
        ),
    }


def _first() -> int:
    """The size of the first checkpoint that held an event, which auditors keep."""
    first = AuditCheckpoint.objects.filter(size__gt=0).order_by("id").first()
    return first.size if first else 0


def _lines(values: list[Any]) -> bytes:
    return b"".join(canonical(value) + b"\n" for value in values)


def _page(row: PromotionRequest, papers: Papers, log: Log) -> str:
    def named(committed: Any) -> str:
        found = log.words(committed)
        return ERASED if found is None else found

    head = log.head
    shown = page.context(
        papers,
        named,
        [_event(one, named) for one in log.events],
        _owner(row.version.model),
        {
            "size": head.size,
            "origin": head.note.split("\n", 1)[0],
            "signed_at": head.signed_at.strftime("%Y-%m-%d %H:%M:%S"),
        },
    )
    css = (Path(settings.BASE_DIR) / "static" / "css" / "dossier.css").read_text()
    shown |= {"status": row.status_words.lower(), "styles": SafeString(f"<style>\n{css}</style>")}
    return render_to_string("deployments/dossier_print.html", shown)


def _event(event: Event, named: Any) -> dict[str, Any]:
    body = event.body
    said = sentences.sentence(
        body["type"], named(body["actor"]["name"]), body["subject"]["name"], body["data"], body["outcome"]
    )
    return {"index": event.index, "at": body["at"], "sentence": said, "words": named(body["reason"])}


def _owner(model: RegisteredModel) -> str:
    """Who can say what the records do not."""
    if model.owner is None:
        return f"team {model.team.name}, which has named no owner of {model.name}"
    return f"person:{model.owner_id} ({ERASED})" if dossier_log.erased(model.owner.pk) else str(model.owner)
