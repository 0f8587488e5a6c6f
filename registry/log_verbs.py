"""What the log says about models, versions, aliases, data sets and evaluations."""

from portal.audit.verbs import Verb, register

register(
    Verb("registered_model.requested", "{actor} asked MLflow to change {subject}", required=("route",)),
    Verb("registered_model.created", "{actor} created the registered model {subject}"),
    Verb("registered_model.changed", "{actor} changed {subject}"),
    Verb("registered_model.deleted", "{actor} deleted the registered model {subject}"),
    Verb(
        "registered_model.request_closed", "{actor} closed a request to MLflow that had no outcome", required=("route",)
    ),
    Verb("registry.drift_found", "{actor} found that {subject} was changed outside the portal", required=("what",)),
    Verb("model_version.registered", "{actor} registered {subject}"),
    Verb("model_version.changed", "{actor} changed {subject}"),
    Verb("model_version.deleted", "{actor} deleted {subject}"),
    Verb("model_version.validation_started", "{actor} began to validate {subject}"),
    Verb("model_version.validated", "{actor} validated {subject}", required=("digest",)),
    Verb("model_version.validation_failed", "{actor} found {subject} not fit to serve", required=("why",)),
    Verb("model_version.scanned", "{actor} scanned {subject}: {outcome}", required=("outcome", "rules", "statement")),
    Verb("model_version.scan_requested", "{actor} asked for a new scan of {subject}"),
    Verb("model_version.archived", "{actor} archived {subject}"),
    Verb("model_version.held", "{actor} put a hold on {subject}", required=("why",)),
    Verb("model_version.hold_lifted", "{actor} lifted a hold on {subject}", required=("why",)),
    Verb("data_set.created", "{actor} created the data set {subject}"),
    Verb("data_set.changed", "{actor} changed the data set {subject}"),
    Verb("data_set.checks_set", "{actor} set the checks of {subject}, list {number}", required=("number",)),
    Verb("data_set_version.registered", "{actor} registered {subject}", required=("source",)),
    Verb("data_set_version.validation_started", "{actor} began to validate {subject}"),
    Verb("data_set_version.validated", "{actor} validated {subject}", required=("digest", "rows")),
    Verb("data_set_version.validation_failed", "{actor} could not take in {subject}", required=("why",)),
    Verb("data_set_version.checked", "{actor} checked {subject}: {verdict}", required=("checks", "verdict")),
    Verb("data_set_version.archived", "{actor} archived {subject}"),
    Verb("evaluation.requested", "{actor} asked for {subject}", required=("version", "data", "settings_digest")),
    Verb("evaluation.begun", "{actor} began {subject}"),
    Verb("evaluation.finished", "{actor} finished {subject}", required=("digest",)),
    Verb("evaluation.failed", "{actor} could not finish {subject}", required=("why",)),
    Verb("evaluation.cancelled", "{actor} cancelled {subject}"),
    Verb("evaluation.retried", "{actor} asked for {subject} again"),
    Verb("alias.pointed", "{actor} pointed {alias} of {subject} to version {version}", required=("alias", "version")),
    Verb("alias.deleted", "{actor} deleted the alias {alias} of {subject}", required=("alias",)),
    Verb("alias.drift_found", "{actor} found {alias} of {subject} moved outside the portal", required=("alias",)),
)
