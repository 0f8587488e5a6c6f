"""Verbs about the log itself: reading and exporting it is recorded too."""

from portal.audit.verbs import Verb, register

register(
    Verb("audit.viewed", "{actor} searched the audit log", required=("query",)),
    Verb("audit.exported", "{actor} exported {count} events", required=("query", "count")),
    Verb("audit.export_removed", "{actor} removed the file of export {export}", required=("export", "days")),
    Verb("audit.verified", "{actor} verified the log up to {size} events", required=("size", "ok")),
    Verb("audit.pii_erased", "{actor} erased the personal data of {subject}", required=("commitments",)),
)
