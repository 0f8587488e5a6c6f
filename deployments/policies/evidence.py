"""What a request rests on, computed from plain facts: what changes, the metrics against the champion, the checks.

Everything here is deterministic, so that the same rows give the same digest.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from deployments.engine import plans, ready_made, wording
from deployments.gates import signature
from deployments.gates.answers import BLOCKING, shown
from deployments.policies import serving_limits

Json = dict[str, Any]

HIGHER_IS_BETTER = ("accuracy", "precision", "recall", "f1", "auc", "r2", "ndcg", "map")
LOWER_IS_BETTER = ("loss", "error", "brier", "rmse", "mae", "mape", "mse", "latency")
THRESHOLDS = ("decision_threshold", "threshold")
COUNTS = ("n", "n_rows", "rows", "support")

PLAN: list[Json] = wording.pinned(plans.parse(ready_made.PLANS[ready_made.AT_ONCE]))
"""The plan of a request that names none."""


def better(name: str) -> str | None:
    """Whether higher or lower values of a metric are better, by its usual name; None when the name does not say."""
    lowered = name.lower()
    if any(lowered.endswith(part) or part in lowered.split("_") for part in LOWER_IS_BETTER):
        return "lower"
    if any(part in lowered for part in HIGHER_IS_BETTER):
        return "higher"
    return None


def short(digest: str) -> str:
    return f"{digest[:13]}…{digest[-4:]}" if len(digest) > 20 else digest


def metrics(now: Json, champion: Json | None) -> list[Json]:
    """One row per metric of the version, with the champion's value and the difference where both are known."""
    rows = []
    for name in sorted(now):
        if name in COUNTS or not isinstance(now[name], int | float):
            continue
        was = (champion or {}).get(name)
        old = float(was) if isinstance(was, int | float) else None
        rows.append(
            {
                "name": name,
                "value": float(now[name]),
                "champion": old,
                "difference": float(now[name]) - old if old is not None else None,
                "better": better(name),
            }
        )
    return rows


def _check(code: str, label: str, verdict: str, measured: str, limit: str, note: str) -> Json:
    return {"code": code, "label": label, "verdict": verdict, "measured": measured, "limit": limit, "note": note}


def checks(version: Json, champion: Json | None, gates: Sequence[Json] = ()) -> list[Json]:
    """The built-in checks and the answers of the policy's gates, each with what was found, what is wanted, and one of
    pass, needs review, fail, running, unknown. The quality gate stands in for the point values of the source runs,
    the signature gate for the built-in check.
    """
    ready = version["status"] == "ready"
    found = [
        _check(
            "validated",
            "Artifact validated",
            "pass" if ready and version["digest"] else "fail",
            short(version["digest"]) or "no digest",
            "a digest over all files",
            version["status_words"],
        ),
        _check(
            "format",
            "Artifact format",
            "needs_review" if version["executes_code"] else "pass",
            "runs code when loaded" if version["executes_code"] else "data only",
            "data only",
            "It is loaded in the sandbox of its revision process only." if version["executes_code"] else "",
        ),
    ]
    asked = {answer["code"] for answer in gates}
    if "signature" not in asked:
        found.append(_signature_check(version["signature"], champion["signature"] if champion else None))
    if "quality" not in asked:
        rows = metrics(version["metrics"], champion["metrics"] if champion else None)
        found.append(_metrics_check(rows, champion))
    order = ("fail", "needs_review", "unknown", "running", "pass")
    return sorted([*found, *gates], key=lambda check: order.index(check["verdict"]))


def _signature_check(new: Json, old: Json | None) -> Json:
    """The signature gate under the limits that hold where no policy asks for it."""
    return shown("signature", signature.LABEL, signature.judged(new, old, signature.BUILT_IN))


def blocking(evidence: Json, past: Collection[str] = ()) -> list[Json]:
    """The checks past which nobody can approve: failed, still running, or not known, and not in `past`."""
    checks = evidence.get("checks", [])
    return [check for check in checks if check["verdict"] in BLOCKING and check["code"] not in past]


def blocked(evidence: Json, past: Collection[str] = ()) -> str:
    """Why nobody can approve this evidence; "" when somebody can. A bypass leads past the gates it names."""
    return " ".join(f"{check['label']}: {check['note'] or check['measured']}" for check in blocking(evidence, past))


def _metrics_check(rows: list[Json], champion: Json | None) -> Json:
    code, label, limit = "metrics", "Metrics against the champion", "none worse"
    if not rows:
        return _check(code, label, "needs_review", "none logged", limit, "Log metrics in the source run to compare.")
    if champion is None:
        return _check(code, label, "pass", f"{len(rows)} measured", "measured", "There is no champion yet.")
    both = [row for row in rows if row["difference"] is not None and row["better"]]
    worse = [r["name"] for r in both if (r["difference"] < 0) == (r["better"] == "higher") and r["difference"] != 0]
    measured = f"{len(both) - len(worse)} of {len(both)} not worse"
    if not both:
        return _check(code, label, "needs_review", "not comparable", limit, "The champion has none of these metrics.")
    note = "Point values from the source runs, without intervals." + (f" Worse: {', '.join(worse)}." if worse else "")
    return _check(code, label, "needs_review" if worse else "pass", measured, limit, note)


def changes(version: Json, champion: Json | None, endpoint: Json, plan: Json | None = None) -> list[Json]:
    """What will be different when the request is carried out, row by row: label, was, now, note."""
    was = f"v{champion['number']} 100 %" if champion else "nothing serves"
    rows = [
        {
            "label": f"Traffic, {endpoint['name']}",
            "was": was,
            "now": f"v{version['number']} 100 %",
            "note": wording.way(plans.of_pinned((plan or {"steps": PLAN})["steps"])),
        },
        {
            "label": "Artifact digest",
            "was": short(champion["digest"]) if champion else "–",
            "now": short(version["digest"]) or "not known yet",
            "note": "",
        },
    ]
    if endpoint["alias"]:
        pointed = f"v{champion['number']}" if champion else "not set"
        rows.insert(
            1,
            {
                "label": f"Alias {endpoint['alias']}",
                "was": pointed,
                "now": f"v{version['number']}",
                "note": "when all traffic has moved",
            },
        )
    return [*rows, *_threshold(version, champion), *_inputs(version, champion)]


def _threshold(version: Json, champion: Json | None) -> list[Json]:
    """The score from which on a row counts as positive, where the runs logged it under a usual name."""
    was, now = (_logged_threshold(one) for one in (champion or {}, version))
    if was == now or now is None:
        return []
    return [{"label": "Decision threshold", "was": was or "not logged", "now": now, "note": "as the run logged it"}]


def _logged_threshold(version: Json) -> str | None:
    params = version.get("params") or {}
    return next((str(params[name]) for name in THRESHOLDS if name in params), None)


def _inputs(version: Json, champion: Json | None) -> list[Json]:
    """How many columns a call has, and the names that come and go."""
    if champion is None:
        return []
    before, after = (
        signature.columns(champion["signature"], "inputs"),
        signature.columns(version["signature"], "inputs"),
    )
    come, go = sorted(set(after) - set(before)), sorted(set(before) - set(after))
    named = [f"+ {name}{'' if signature.required(after[name]) else ', optional'}" for name in come] + [
        f"− {name}" for name in go
    ]
    if not named:
        return []
    return [
        {
            "label": "Inputs",
            "was": f"{len(before)} features",
            "now": f"{len(after)} features",
            "note": ", ".join(named),
        }
    ]


def stays(champion: Json | None, warm_hours: int) -> str:
    """One sentence on what does not change."""
    if champion is None:
        return "The address of the endpoint and who may call it."
    return (
        "The address of the endpoint, who may call it and the environment's rules. "
        f"v{champion['number']} stays warm for {warm_hours} hours as the rollback target."
    )


def assemble(
    *,
    version: Json,
    champion: Json | None,
    endpoint: Json,
    policy: Json,
    gates: Sequence[Json] = (),
    evaluations: Sequence[Json] = (),
    plan: Json | None = None,
    limits: Mapping[str, int] = MappingProxyType({}),
    former_limits: Mapping[str, int] = MappingProxyType({}),
) -> Json:
    """The evidence of a request: what its digest covers and its approvers sign. `plan` is pinned, or all at once.

    `limits` are those it is to run under, `former_limits` the champion's, both without what holds unless said.
    """
    plan = plan or {"steps": PLAN}
    return {
        "version": {
            key: version[key]
            for key in ("model", "number", "digest", "signature", "size_bytes", "run_id", "executes_code")
        },
        "champion": {key: champion[key] for key in ("number", "digest", "metrics")} if champion else None,
        "metrics": metrics(version["metrics"], champion["metrics"] if champion else None),
        "checks": checks(version, champion, gates),
        "plan": plan,
        "policy": policy,
        "endpoint": {"environment": endpoint["environment"], "name": endpoint["name"]},
        "changes": [
            *changes(version, champion, endpoint, plan),
            *serving_limits.changes(former_limits, limits, first=champion is None),
        ],
        "stays": stays(champion, policy["rules"]["warm_hours"]),
        **({"evaluations": list(evaluations)} if evaluations else {}),
        **({"limits": dict(limits)} if limits else {}),
    }
