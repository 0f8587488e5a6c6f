from django.urls import path

from deployments.api import endpoints, gates, promotions, usage

app_name = "deployments_api"
ENDPOINT = "endpoints/<slug:environment>/<slug:name>/"
PROMOTION = "promotions/<int:number>/"
urlpatterns = [
    path("environments/", endpoints.Environments.as_view(), name="environments"),
    path("environments/<slug:name>/", endpoints.EnvironmentView.as_view(), name="environment"),
    path("environments/<slug:name>/rules/", endpoints.EnvironmentRules.as_view(), name="environment_rules"),
    path("endpoints/", endpoints.Endpoints.as_view(), name="endpoints"),
    path(ENDPOINT, endpoints.EndpointView.as_view(), name="endpoint"),
    path(f"{ENDPOINT}history/", endpoints.History.as_view(), name="endpoint_history"),
    path(f"{ENDPOINT}rollback/", endpoints.Rollback.as_view(), name="endpoint_rollback"),
    path(f"{ENDPOINT}try/", endpoints.TryIt.as_view(), name="endpoint_try"),
    path("rollouts/", endpoints.Rollouts.as_view(), name="rollouts"),
    path("rollouts/<int:number>/", endpoints.RolloutView.as_view(), name="rollout"),
    path("gates/check/", gates.GateCheck.as_view(), name="gate_check"),
    path("promotions/", promotions.Promotions.as_view(), name="promotions"),
    path(PROMOTION, promotions.Promotion.as_view(), name="promotion"),
    path(f"{PROMOTION}comments/", promotions.Comments.as_view(), name="promotion_comments"),
    path(f"{PROMOTION}approve/", promotions.Approve.as_view(), name="promotion_approve"),
    path(f"{PROMOTION}request-changes/", promotions.RequestChanges.as_view(), name="promotion_request_changes"),
    path(f"{PROMOTION}reject/", promotions.Reject.as_view(), name="promotion_reject"),
    path(f"{PROMOTION}withdraw/", promotions.Withdraw.as_view(), name="promotion_withdraw"),
    path(f"{PROMOTION}resubmit/", promotions.Resubmit.as_view(), name="promotion_resubmit"),
    path("data-sets/<str:name>/versions/<int:number>/usage/", usage.DataUsage.as_view(), name="data_usage"),
    path("inbox/", promotions.Inbox.as_view(), name="inbox"),
]
