from django.urls import path

from deployments.api import bypasses, changes, dossiers, endpoints, gates, keys, policies, promotions, usage

app_name = "deployments_api"
ENDPOINT = "endpoints/<slug:environment>/<slug:name>/"
PROMOTION = "promotions/<int:number>/"
BYPASS = "bypasses/<int:number>/"
CHANGE = "policies/changes/<int:change_id>/"
urlpatterns = [
    path("environments/", endpoints.Environments.as_view(), name="environments"),
    path("environments/<slug:name>/", endpoints.EnvironmentView.as_view(), name="environment"),
    path("policies/", policies.Policies.as_view(), name="policies"),
    path("policies/export/", policies.Export.as_view(), name="policies_export"),
    path("policies/apply/", policies.Apply.as_view(), name="policies_apply"),
    path("policies/changes/", changes.Changes.as_view(), name="policy_changes"),
    path(CHANGE, changes.Change.as_view(), name="policy_change"),
    path(f"{CHANGE}replay/", changes.Replay.as_view(), name="policy_replay"),
    path(f"{CHANGE}propose/", changes.Propose.as_view(), name="policy_propose"),
    path(f"{CHANGE}approve/", changes.Approve.as_view(), name="policy_approve"),
    path(f"{CHANGE}reject/", changes.Reject.as_view(), name="policy_reject"),
    path(f"{CHANGE}withdraw/", changes.Withdraw.as_view(), name="policy_withdraw"),
    path("policies/<int:policy_id>/", policies.PolicyView.as_view(), name="policy"),
    path("policies/<int:policy_id>/versions/", policies.Versions.as_view(), name="policy_versions"),
    path("policies/<int:policy_id>/versions/<int:number>/", policies.Version.as_view(), name="policy_version"),
    path("endpoints/", endpoints.Endpoints.as_view(), name="endpoints"),
    path(ENDPOINT, endpoints.EndpointView.as_view(), name="endpoint"),
    path(f"{ENDPOINT}history/", endpoints.History.as_view(), name="endpoint_history"),
    path(f"{ENDPOINT}rollback/", endpoints.Rollback.as_view(), name="endpoint_rollback"),
    path(f"{ENDPOINT}try/", endpoints.TryIt.as_view(), name="endpoint_try"),
    path(f"{ENDPOINT}keys/", keys.Keys.as_view(), name="endpoint_keys"),
    path(f"{ENDPOINT}keys/<uuid:key_id>/revoke/", keys.Revoke.as_view(), name="endpoint_key_revoke"),
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
    path(f"{PROMOTION}dossier/", dossiers.Dossiers.as_view(), name="promotion_dossiers"),
    path(f"{PROMOTION}dossier/<int:pk>/", dossiers.Dossier.as_view(), name="promotion_dossier"),
    path(f"{PROMOTION}dossier/<int:pk>/file/", dossiers.DossierFile.as_view(), name="promotion_dossier_file"),
    path(f"{PROMOTION}bypasses/", bypasses.AskForBypass.as_view(), name="promotion_bypasses"),
    path("bypasses/", bypasses.Bypasses.as_view(), name="bypasses"),
    path(BYPASS, bypasses.BypassView.as_view(), name="bypass"),
    path(f"{BYPASS}grant/", bypasses.Grant.as_view(), name="bypass_grant"),
    path(f"{BYPASS}refuse/", bypasses.Refuse.as_view(), name="bypass_refuse"),
    path(f"{BYPASS}withdraw/", bypasses.Withdraw.as_view(), name="bypass_withdraw"),
    path(f"{BYPASS}review/", bypasses.Review.as_view(), name="bypass_review"),
    path("inbox/", promotions.Inbox.as_view(), name="inbox"),
]
