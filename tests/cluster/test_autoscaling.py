"""A Deployment whose number of replicas is left to the cluster's autoscaler, between the bounds of its revision."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from deployments.adapters.kubernetes.cluster import Cluster
from serving.contract import Limits, RevisionSpec
from tests.cluster.conftest import Side
from tests.cluster.controller import DEPLOYMENTS, SCALERS
from tests.waiting import wait_until

pytestmark = pytest.mark.cluster


def spec(side: Side) -> RevisionSpec:
    return replace(side.spec(1), limits=Limits(replicas_min=2, replicas_max=4, cpu_millis=500))


def by_number(side: Side, replicas: int | None) -> Cluster:
    """The runtime where the file says `replicas`."""
    found = side.other_settings(replicas=replicas)
    assert isinstance(found, Cluster)
    return found


def scaled(side: Side) -> Cluster:
    """Revision 1, ready, with its autoscaler."""
    free = by_number(side, None)
    free.ensure_revision(spec(side))
    wait_until(lambda: free.revision("1").state == "ready", 20, "two replicas to be ready")
    assert (free.revision("1").drift, free.revision("1").stale) == ("", False)
    return free


def replicas(side: Side) -> int:
    return int(side.live(DEPLOYMENTS, "rev-1")["spec"]["replicas"])


def scaler(side: Side) -> dict[str, Any]:
    found: dict[str, Any] = side.live(SCALERS, "rev-1").get("spec") or {}
    return found


def test_it_is_made_between_the_bounds_and_starts_at_the_lower_one(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    free = scaled(side)
    assert replicas(side) == 2
    assert scaler(side) == {
        "maxReplicas": 4,
        "minReplicas": 2,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "rev-1"},
        "targetCPUUtilizationPercentage": 350,
    }
    assert free.revisions()["1"] == free.revision("1")
    free.remove_revision("1")
    assert scaler(side) == {}


def test_what_it_decides_is_no_drift_and_stays(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    free = scaled(side)
    side.change(DEPLOYMENTS, "rev-1", {"spec": {"replicas": 4}}, manager="kube-controller-manager")
    wait_until(lambda: free.revision("1").state == "ready", 10, "four replicas")
    assert (free.revision("1").drift, free.revision("1").stale) == ("", False)
    free.ensure_revision(spec(side))
    assert replicas(side) == 4


def test_other_bounds_and_none_at_all_are_seen_and_put_right(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    free = scaled(side)
    side.change(SCALERS, "rev-1", {"spec": {"maxReplicas": 40}}, manager="kubectl-edit")
    found = free.revisions()["1"]
    assert (found.state, found.drift) == (
        "ready", "its autoscaler's spec.maxReplicas is 40, wanted is 4 (changed by kubectl-edit)",
    )  # fmt: skip
    free.ensure_revision(spec(side))
    assert (scaler(side)["maxReplicas"], free.revision("1").drift) == (4, "")
    side.operator.delete(f"{SCALERS}/rev-1").raise_for_status()
    assert free.revision("1").drift == "its autoscaler is gone"
    free.ensure_revision(spec(side))
    assert (scaler(side)["maxReplicas"], free.revision("1").drift) == (4, "")


def test_who_gives_the_number_may_change_without_losing_replicas(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    three = by_number(side, 3)
    three.ensure_revision(spec(side))
    free = by_number(side, None)
    assert (free.revision("1").drift, free.revision("1").stale) == ("", True)
    free.ensure_revision(spec(side))
    assert (replicas(side), scaler(side)["maxReplicas"]) == (3, 4)
    assert (free.revision("1").drift, free.revision("1").stale) == ("", False)
    assert (three.revision("1").drift, three.revision("1").stale) == ("", True)
    three.ensure_revision(spec(side))
    assert (replicas(side), scaler(side), three.revision("1").drift, three.revision("1").stale) == (3, {}, "", False)


def test_bounds_that_leave_no_choice_need_none(on: Callable[[str], Side]) -> None:
    side = on("deployments")
    free = by_number(side, None)
    free.ensure_revision(side.spec(1))
    assert scaler(side) == {}
    assert (free.revision("1").drift, free.revision("1").stale) == ("", False)
