"""Registers the reconcilers of this app."""

from importlib import import_module

from deployments.reconcilers import bypasses, drills, endpoints, promotions, rollouts
from deployments.services import dossiers
from deployments.services import drills as drill_service
from portal.core import clearing, work

work.register(
    "deployments.rollout", "deployments.Rollout", rollouts.reconcile, words="Rollouts", lease_seconds=30, urgent=True
)
work.register("deployments.endpoint", "deployments.Endpoint", endpoints.reconcile, words="Endpoints", lease_seconds=60)
work.register("deployments.promotion", "deployments.PromotionRequest", promotions.reconcile, words="Promotion requests")
work.register("deployments.bypass", "deployments.Bypass", bypasses.reconcile, words="Bypasses")
work.register("deployments.drill", "deployments.RollbackDrill", drills.reconcile, words="Rollback drills")
work.periodic("deployments.drills", 60, drill_service.ask_due)
import_module("deployments.reconcilers.dossiers")
clearing.register(dossiers.KIND, dossiers.path_of, dossiers.note_removed)
