"""Health, documents, status, search."""

from tests.access_matrix import ADMIN, AUDITOR, OPERATOR, OUTSIDER, PEOPLE, SCOPES, call, open_page, page

# The outsider is an operator too, of another team; the system belongs to no team.
SEES_SYSTEM = (OPERATOR, AUDITOR, ADMIN, OUTSIDER)

RULES = (
    open_page("core:healthz", status=200),
    open_page("core:readyz", status=200),
    open_page("core:csp_report", "POST", status=204, send=lambda w: {"csp-report": {}}, json=True),
    open_page("registry:mlflow_hook", "POST", status=403, send=lambda w: {}, json=True),
    call("api:core_api:schema", scopes=SCOPES),
    call("api:core_api:docs", scopes=SCOPES),
    page("monitoring:status", may=SEES_SYSTEM),
    page("monitoring:bypass", may=SEES_SYSTEM),
    call("api:monitoring_api:status", may=SEES_SYSTEM),
    page("deployments:search", may=PEOPLE, query=lambda w: {"q": "flight"}),
)
