"""What the log says about people, rights and credentials."""

from portal.audit.verbs import Verb, register

register(
    Verb("auth.login_succeeded", "{actor} signed in"),
    Verb("auth.login_failed", "Somebody failed to sign in"),
    Verb("auth.logged_out", "{actor} signed out"),
    Verb("auth.password_changed", "{actor} changed the password of {subject}"),
    Verb("auth.mfa_enrolled", "{actor} enrolled a second factor", required=("method",)),
    Verb("auth.mfa_removed", "{actor} removed a second factor", required=("method",)),
    Verb("auth.step_up_succeeded", "{actor} proved to be present", required=("method", "binding")),
    Verb("auth.step_up_failed", "{actor} failed to prove to be present", required=("method",)),
    Verb("authz.denied", "{actor} was refused"),
    Verb("person.created", "{actor} created {subject}"),
    Verb("person.invited", "{actor} invited {subject}"),
    Verb("person.invitation_sent", "{actor} mailed {subject}"),
    Verb("person.invitation_accepted", "{actor} joined"),
    Verb("person.invitation_revoked", "{actor} took back the invitation of {subject}"),
    Verb("person.changed", "{actor} changed {subject}"),
    Verb("person.disabled", "{actor} disabled {subject}"),
    Verb("person.enabled", "{actor} enabled {subject}"),
    Verb("team.created", "{actor} created the team {subject}"),
    Verb("team.changed", "{actor} changed the team {subject}"),
    Verb("role.granted", "{actor} granted {role} to {subject}", required=("role", "team")),
    Verb("role.revoked", "{actor} revoked {role} of {subject}", required=("role", "team")),
    Verb("service_account.created", "{actor} created the service account {subject}"),
    Verb("service_account.changed", "{actor} changed the service account {subject}"),
    Verb("token.created", "{actor} created the token {subject}", required=("scopes", "expires_at")),
    Verb("token.rotated", "{actor} rotated the token {subject}"),
    Verb("token.revoked", "{actor} revoked the token {subject}"),
)
