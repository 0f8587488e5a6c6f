"""What the log says about environments, endpoints, promotions and rollouts."""

from portal.audit.verbs import Verb, register

register(
    Verb("environment.created", "{actor} created the environment {subject}"),
    Verb("environment.rules_changed", "{actor} changed the rules of {subject}", required=("rules_version",)),
    Verb("endpoint.created", "{actor} created the endpoint {subject}"),
    Verb("endpoint.changed", "{actor} changed {subject}"),
    Verb("endpoint.routed", "{actor} set the traffic of {subject}", required=("generation",)),
    Verb("endpoint.tried", "{actor} tried {subject} from its page"),
    Verb("revision.requested", "{actor} asked for {subject}", required=("digest",)),
    Verb("revision.loading_started", "{actor} began to load {subject}"),
    Verb("revision.warmed", "{actor} found {subject} warm"),
    Verb("revision.failed", "{actor} could not load {subject}", required=("why",)),
    Verb("revision.retired", "{actor} retired {subject}"),
    Verb("revision.removed", "{actor} removed {subject}"),
    Verb("promotion.submitted", "{actor} asked for {subject}", required=("evidence_digest",)),
    Verb("promotion.resubmitted", "{actor} sent {subject} again", required=("evidence_digest", "revision")),
    Verb(
        "promotion.approved", "{actor} approved {subject} as {rule}", required=("evidence_digest", "rule", "step_up_at")
    ),
    Verb("promotion.approved_in_full", "{subject} has all its approvals"),
    Verb("promotion.changes_requested", "{actor} asked for changes to {subject}", required=("evidence_digest",)),
    Verb("promotion.rejected", "{actor} rejected {subject}", required=("evidence_digest",)),
    Verb("promotion.withdrawn", "{actor} withdrew {subject}"),
    Verb("promotion.expired", "{subject} expired"),
    Verb("promotion.superseded", "{subject} was superseded"),
    Verb("promotion.voided", "The approvals of {subject} were voided", required=("why", "revision")),
    Verb("promotion.commented", "{actor} commented on {subject}"),
    Verb("promotion.executed", "{subject} began to be carried out", required=("evidence_digest",)),
    Verb("promotion.promoted", "{subject} was promoted"),
    Verb("promotion.failed", "{subject} failed to roll out", required=("why",)),
    Verb("promotion.rolled_back", "{actor} rolled {subject} back"),
    Verb("rollout.created", "{actor} planned {subject}", required=("kind", "plan")),
    Verb("rollout.started", "{actor} started {subject}"),
    Verb("rollout.cancelled", "{actor} cancelled {subject}"),
    Verb("rollout.paused", "{actor} paused {subject}"),
    Verb("rollout.resumed", "{actor} resumed {subject}"),
    Verb("rollout.completed", "{actor} completed {subject}"),
    Verb("rollout.abort_started", "{actor} is taking {subject} back"),
    Verb("rollout.aborted", "{actor} aborted {subject}"),
    Verb("rollback.requested", "{actor} ordered {subject}", required=("reason_code",)),
)
