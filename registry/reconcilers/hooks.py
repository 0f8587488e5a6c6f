"""Asks MLflow to tell us of changes, and looks at what it told: within seconds instead of at the next full pass."""

from datetime import datetime, timedelta

from django.conf import settings

from portal.core import clock, work
from portal.core.leases import Lease
from registry.adapters import mlflow_rest
from registry.adapters.mlflow_rest import MlflowUnavailable
from registry.models import AliasState, HookDelivery
from registry.policies import hooks as policy
from registry.reconcilers import sync

NAME = "signalbox"
EVENTS = (
    ("registered_model", "created"),
    ("model_version", "created"),
    ("model_version_tag", "set"),
    ("model_version_tag", "deleted"),
    ("model_version_alias", "created"),
    ("model_version_alias", "deleted"),
)
KEPT = timedelta(days=2)


def ensure() -> None:
    """See that MLflow has our webhook, with the address and the secret of now; without a secret, that it has none."""
    source, secret = mlflow_rest.client(), settings.SIGNALBOX_MLFLOW_HOOK_SECRET
    described = {"url": settings.SIGNALBOX_MLFLOW_HOOK_URL, "description": f"secret {policy.mark(secret)}"}
    wanted = described if secret else {}
    there = [hook for hook in source.webhooks() if hook.get("name") == NAME]
    good = [hook for hook in there if wanted and wanted.items() <= hook.items() and hook.get("status") == "ACTIVE"]
    for hook in there:
        if hook not in good[:1]:
            source.delete_webhook(str(hook["webhook_id"]))
    if wanted and not good:
        events = [{"entity": entity.upper(), "action": action.upper()} for entity, action in EVENTS]
        source.create_webhook({"name": NAME, "secret": secret, "events": events, "status": "ACTIVE", **wanted})
    HookDelivery.objects.filter(at__lt=clock.now() - KEPT, next_reconcile_at=None).delete()


def look(lease: Lease) -> datetime | None:
    """Compare the model that a message names. What the gate is changing itself right now is looked at afterwards,
    but for the aliases that promotions have pointed: those have one right place at any time.
    """
    row = HookDelivery.objects.get(pk=lease.pk)
    for state in AliasState.objects.filter(model__name=row.name):
        AliasState.objects.filter(pk=state.pk).update(next_reconcile_at=clock.now())
        work.ring("registry.alias", state.pk)
    try:
        if not sync.compare_one(row.name):
            return clock.now() + sync.SETTLING
    except MlflowUnavailable:
        return clock.now() + timedelta(seconds=5)
    return None
