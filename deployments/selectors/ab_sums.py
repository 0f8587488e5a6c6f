"""The sums an A/B test is judged by, made in the database: values gathered by arm and unit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count

from deployments.analysis.experiment import Clusters
from deployments.engine.steps import AbMetric
from deployments.models import AbPrediction, AbRun

ARMS = ("stable", "canary")
VALUES = {
    "correct": ("(label = true_label)::int::float8", "label <> '' AND true_label <> ''"),
    "error": ("abs(number - true_number)", "number IS NOT NULL AND true_number IS NOT NULL"),
}
BUSINESS = ("(true_values ->> %s)::float8", "true_values ? %s")


@dataclass(frozen=True, slots=True)
class Reach:
    """One arm: `labels` rows with ground truth, whether they named a unit or not; rows that named their unit and their
    units, how many of them have ground truth, the newest prediction that has, and the rows that named none."""

    labels: int = 0
    nameless: int = 0
    rows: int = 0
    labelled: int = 0
    units: int = 0
    labelled_units: int = 0
    known_until: datetime | None = None
    newest: datetime | None = None


def clusters(run: AbRun, metric: AbMetric) -> Mapping[str, Clusters]:
    """The metric's values of both arms, gathered by unit."""
    named = metric.source.removeprefix("value:") if metric.source.startswith("value:") else None
    value, known = BUSINESS if named is not None else VALUES[metric.source]
    # Only the two constant texts above are put in; names and numbers go as parameters.
    query = f"""
        SELECT arm, count(*), sum(n), sum(y), sum(y * y), sum(n * y), sum(n * n)
        FROM (
            SELECT arm, unit, count(*) AS n, sum({value}) AS y FROM {AbPrediction._meta.db_table}
            WHERE run_id = %s AND unit <> '' AND {known}
            GROUP BY arm, unit
        ) AS units GROUP BY arm
    """  # noqa: S608
    given: list[str | int] = [named, run.pk, named] if named is not None else [run.pk]
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        rows = {arm: Clusters(int(u), int(n), y, yy, ny, int(nn)) for arm, u, n, y, yy, ny, nn in cursor.fetchall()}
    return {arm: rows.get(arm, Clusters()) for arm in ARMS}


def reach(run: AbRun) -> Mapping[str, Reach]:
    """How much of each arm is there, and how much of it has ground truth."""
    query = f"""
        SELECT arm,
               coalesce(sum(known), 0),
               coalesce(sum(n) FILTER (WHERE unit = ''), 0),
               coalesce(sum(n) FILTER (WHERE unit <> ''), 0),
               coalesce(sum(known) FILTER (WHERE unit <> ''), 0),
               count(*) FILTER (WHERE unit <> ''),
               count(*) FILTER (WHERE unit <> '' AND known > 0),
               max(until) FILTER (WHERE unit <> ''),
               max(newest) FILTER (WHERE unit <> '')
        FROM (
            SELECT arm, unit, count(*) AS n, count(true_at) AS known,
                   max(at) FILTER (WHERE true_at IS NOT NULL) AS until, max(at) AS newest
            FROM {AbPrediction._meta.db_table} WHERE run_id = %s GROUP BY arm, unit
        ) AS units GROUP BY arm
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query, [run.pk])
        rows = {
            arm: Reach(int(labels), int(nameless), int(n), int(known), units, labelled, until, newest)
            for arm, labels, nameless, n, known, units, labelled, until, newest in cursor.fetchall()
        }
    return {arm: rows.get(arm, Reach()) for arm in ARMS}


def aged(run: AbRun, until: datetime) -> Mapping[str, tuple[int, int]]:
    """Of each arm, the units whose first prediction is not after `until`: those with ground truth, and all."""
    query = f"""
        SELECT arm, count(*) FILTER (WHERE known > 0), count(*)
        FROM (
            SELECT arm, unit, count(true_at) AS known, min(at) AS first FROM {AbPrediction._meta.db_table}
            WHERE run_id = %s AND unit <> '' GROUP BY arm, unit
        ) AS units WHERE first <= %s GROUP BY arm
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query, [run.pk, until])
        rows = {arm: (known, units) for arm, known, units in cursor.fetchall()}
    return {arm: rows.get(arm, (0, 0)) for arm in ARMS}


def seen_since(run: AbRun, since: datetime | None) -> Mapping[str, int]:
    """The units of each arm that have asked since then, or since the test began. One that asked before counts too."""
    rows = AbPrediction.objects.filter(run=run).exclude(unit="")
    if since is not None:
        rows = rows.filter(at__gte=since)
    found = dict(rows.values_list("arm").annotate(units=Count("unit", distinct=True)))
    return {arm: found.get(arm, 0) for arm in ARMS}
