from django.urls import path

from deployments.views import (
    bypasses,
    changes,
    decisions,
    dossiers,
    endpoints,
    environments,
    inbox,
    policies,
    promotions,
    rollbacks,
    usage,
)
from portal.ui import search

app_name = "deployments"
PROMOTION = "promotions/<int:number>/"
BYPASS = "bypasses/<int:number>/"
CHANGE = "settings/policies/changes/<int:change_id>/"
ENDPOINT = "endpoints/<slug:environment>/<slug:name>/"
urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("search/", search.page, name="search"),
    path("promotions/", promotions.listing, name="promotions"),
    path("promotions/new/", promotions.new, name="promotion_new"),
    path(PROMOTION, promotions.detail, name="promotion"),
    path(f"{PROMOTION}live/", promotions.live, name="promotion_live"),
    path(f"{PROMOTION}decision/", decisions.decide, name="promotion_decision"),
    path(f"{PROMOTION}sign/", decisions.sign, name="promotion_sign"),
    path(f"{PROMOTION}withdraw/", decisions.withdraw, name="promotion_withdraw"),
    path(f"{PROMOTION}resubmit/", decisions.resubmit, name="promotion_resubmit"),
    path(f"{PROMOTION}comment/", decisions.comment, name="promotion_comment"),
    path(f"{PROMOTION}dossier/", dossiers.page, name="promotion_dossier"),
    path(f"{PROMOTION}dossier/<int:pk>/file/", dossiers.download, name="promotion_dossier_file"),
    path(f"{PROMOTION}bypass/", bypasses.ask, name="promotion_bypass"),
    path("bypasses/", bypasses.listing, name="bypasses"),
    path(BYPASS, bypasses.detail, name="bypass"),
    path(f"{BYPASS}grant/", bypasses.grant, name="bypass_grant"),
    path(f"{BYPASS}refuse/", bypasses.refuse, name="bypass_refuse"),
    path(f"{BYPASS}withdraw/", bypasses.withdraw, name="bypass_withdraw"),
    path(f"{BYPASS}review/", bypasses.review, name="bypass_review"),
    path("environments/", environments.listing, name="environments"),
    path("environments/<slug:name>/", environments.detail, name="environment"),
    path("settings/policies/", policies.listing, name="policies"),
    path("settings/policies/new/", changes.new, name="policy_new"),
    path("settings/policies/<int:policy_id>/", policies.detail, name="policy"),
    path("settings/policies/<int:policy_id>/retire/", changes.retire, name="policy_retire"),
    path("settings/policies/<int:policy_id>/versions/<int:number>/", policies.version, name="policy_version"),
    path(CHANGE, policies.change, name="policy_change"),
    path(f"{CHANGE}edit/", changes.edit, name="policy_edit"),
    path(f"{CHANGE}propose/", changes.propose, name="policy_propose"),
    path(f"{CHANGE}sign/", changes.sign, name="policy_sign"),
    path(f"{CHANGE}reject/", changes.reject, name="policy_reject"),
    path(f"{CHANGE}withdraw/", changes.withdraw, name="policy_withdraw"),
    path("endpoints/", endpoints.listing, name="endpoints"),
    path("endpoints/new/", endpoints.new, name="endpoint_new"),
    path(ENDPOINT, endpoints.detail, name="endpoint"),
    path(f"{ENDPOINT}live/", endpoints.live, name="endpoint_live"),
    path(f"{ENDPOINT}try/", endpoints.try_it, name="endpoint_try"),
    path(f"{ENDPOINT}rollback/", rollbacks.roll_back, name="endpoint_rollback"),
    path("models/<str:model>/usage/", usage.of_model, name="model_usage"),
    path("models/<str:model>/versions/<int:number>/usage/", usage.of_version, name="version_usage"),
    path("models/<str:model>/versions/<int:number>/gates/", usage.gates_of_version, name="version_gates"),
    path("data-sets/<str:name>/versions/<int:number>/usage/", usage.of_data, name="data_usage"),
]
