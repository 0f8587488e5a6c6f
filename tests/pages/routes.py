"""The pages there are: every route a person opens with GET, and why the rest of them is no page."""

from functools import cache
from urllib.parse import parse_qsl, urlsplit

from django.urls import Resolver404, resolve

from tests.access.routes import all_routes

NO_PAGE = {
    "core:healthz": "for monitors",
    "core:readyz": "for monitors",
    "account_inactive": "allauth leads there for inactive accounts; ours get a sentence on the sign-in page",
    "account_set_password": "leads to the change of the password for everybody who has one",
    "mfa_index": "leads to the security page",
    "mfa_list_webauthn": "leads to the security page",
    "mfa_download_recovery_codes": "a file",
    "mfa_login_webauthn": "JSON for the passkey script",
    "registry:alias": "leads to the version behind the alias",
    "registry:artifact": "a file",
    "registry:bom": "a file",
    "registry:card_markdown": "a file",
    "registry:statement": "a file",
    "registry:scan_now": "a part of the version's page",
    "registry:data_version_archive": "leads to the version",
    "audit:export_file": "a file",
    "audit:verifier": "a file",
    "audit:event_row": "a part of the list of events",
    "accounts:join_link": "leads to the page that joins",
    "deployments:endpoint_live": "a part of the endpoint's page",
    "deployments:model_usage": "a part of the model's page",
    "deployments:data_usage": "a part of the page of a data set version",
    "deployments:version_usage": "a part of the version's page",
    "deployments:version_gates": "a part of the version's page",
    "pipelines:batch_prediction_file": "a file",
    "pipelines:version_evaluations": "a part of the version's page",
    "deployments:endpoint_try": "leads to the endpoint's page",
    "deployments:rollout_pause": "a question about a rollout under way; looked at in tests/deployments/pages",
    "deployments:rollout_resume": "leads to the endpoint's page",
    "deployments:rollout_abort": "a question about a rollout under way; looked at in tests/deployments/pages",
    "deployments:rollout_advance": "a question about a rollout under way; looked at in tests/deployments/pages",
    "deployments:rollout_advance_withdraw": "leads to the endpoint's page",
    "deployments:endpoint_rehearse": "leads to the endpoint's page",
    "deployments:environment_drills": "leads to the environment's page",
    "deployments:policy_propose": "leads to the change",
    "deployments:policy_reject": "leads to the change",
    "deployments:promotion_live": "a part of the request's page",
    "deployments:promotion_decision": "leads to the request",
    "deployments:promotion_withdraw": "leads to the request",
    "deployments:promotion_resubmit": "leads to the request",
    "deployments:promotion_comment": "leads to the request",
    "deployments:promotion_dossier_file": "a file",
    "deployments:bypass_refuse": "leads to the bypass",
    "deployments:bypass_withdraw": "leads to the bypass",
    "deployments:bypass_review": "leads to the bypass",
}


def names() -> set[str]:
    """Names of all routes a browser may open with GET; programs have theirs under `api` and `headless`."""
    found = {route.name for route in all_routes() if "GET" in route.methods}
    return {name for name in found if not name.startswith(("api:", "headless:"))}


@cache
def pages() -> set[str]:
    """Names of all routes that have to be seen."""
    return names() - NO_PAGE.keys()


def name_of(path: str) -> str:
    """The route's name, or "" for an address that is none of ours."""
    try:
        return resolve(urlsplit(path).path).view_name
    except Resolver404:
        return ""


def kind_of(path: str) -> tuple[str, ...]:
    """Route and names of the parameters: links of one kind look alike."""
    return (name_of(path), *sorted({key for key, _ in parse_qsl(urlsplit(path).query)}))
