"""What the example world does not have: data that was checked, data that was refused, evaluations, and changes of
policies under way."""

from contextlib import closing

import httpx

from demo import people
from demo.client import RefusedError, Session
from tests.stack import Stack
from tests.story import FLIGHT
from tests.waiting import wait_until

NAME = "a-data-set-of-these-tests"
ROWS = "carrier,delay,day\n" + "".join(
    f"{carrier},{delay},2013-01-{delay % 28 + 1:02}\n" for carrier in ("UA", "B6") for delay in range(-3, 40)
)


LABELLED = "labelled-data-of-these-tests"
CARRIERS = ("UA", "B6", "DL")


ICE = {
    "approvals": [],
    "request_days": 7,
    "approval_hours": 72,
    "step_up": ["password"],
    "warm_hours": 1,
    "freezes": [{"name": "Ice age", "from": "2020-01-01T00:00Z", "to": "2100-01-01T00:00Z", "reason": "it is cold"}],
    "bypass": {"by": [{"name": "ML lead", "role": "ml_lead", "team": None, "count": 1}], "hours": 4},
}


WATCH = {name: value for name, value in ICE.items() if name != "freezes"}
RIGHT = {"name": "Right answers", "from": "correct", "better": "higher", "smallest": 0.01}
WATCHED = {
    "steps": [
        {"do": "shadow", "until": {"predictions": 2}, "segments": ["carrier"]},
        {"do": "weight", "weight": 5000},
        {"do": "ab_test", "until": {"seconds": 86_400}, "metrics": [RIGHT], "threshold": 0.5},
        {"do": "switch"},
    ]
}


def shadowed(stack: Stack) -> None:
    """An endpoint whose next version has shadowed the one that serves and is in an A/B test, both with something to
    report."""
    found = {role: _signed_in(stack, role) for role in ("administrator", "data_scientist", "ml_lead")}
    author, asked = found["data_scientist"], {"model": "flight-delay", "environment": "watch", "why": "For looking at."}
    with closing(found["administrator"].http), closing(author.http), closing(found["ml_lead"].http):
        found["administrator"].post("/api/v1/environments/", {"name": "watch", "position": 8, "rules": WATCH})
        first = author.post("/api/v1/promotions/", {**asked, "version": 1})["number"]
        _reached(author, f"/api/v1/promotions/{first}/", "promoted")
        found["ml_lead"].post("/api/v1/plans/", {"name": "watch-only", "title": "Watch only", "body": WATCHED})
        author.post("/api/v1/promotions/", {**asked, "version": 2, "plan": "watch-only"})

        def compared() -> bool:
            url, unit = f"{stack.gateway_url}/watch/flight-delay/invocations", {"x-unit-id": "N348JB"}
            httpx.post(url, json={"dataframe_records": [FLIGHT]}, headers=unit)
            rows = author.get("/api/v1/rollouts/", environment="watch", kind="promotion")["results"]
            if not rows or rows[0]["status"] != "progressing":
                return False
            try:
                shadow, test = (
                    author.get(f"/api/v1/rollouts/{rows[0]['id']}/{what}/") for what in ("shadow", "ab-test")
                )
            except RefusedError:
                return False  # it has not begun
            return bool(shadow["agreement"] and test["report"]) and test["report"]["predictions"] > 0

        wait_until(compared, 120, "the shadow and the test to be compared")


def _signed_in(stack: Stack, role: str) -> Session:
    person = next(one for one in people.PEOPLE if one.key == role)
    return Session(stack.url, person.email, stack.people[role]["password"])


def _reached(session: Session, path: str, status: str) -> None:
    wait_until(lambda: session.get(path)["status"] == status, 120, f"{path} to be {status}")


def frozen(stack: Stack) -> int:
    """A request that waits for the end of a freeze, which an ML lead can bypass; its number."""
    found = {role: _signed_in(stack, role) for role in ("administrator", "data_scientist")}
    with closing(found["administrator"].http), closing(found["data_scientist"].http):
        found["administrator"].post("/api/v1/environments/", {"name": "ice", "position": 9, "rules": ICE})
        asked = {"model": "flight-delay", "version": 2, "environment": "ice", "why": "For looking at."}
        return int(found["data_scientist"].post("/api/v1/promotions/", asked)["number"])


def fill(stack: Stack) -> None:
    stack.facts["frozen"] = frozen(stack)
    shadowed(stack)
    emails = {person.key: person.email for person in people.PEOPLE}
    lead = Session(stack.url, emails["ml_lead"], stack.people["ml_lead"]["password"])
    for key, where in (("administrator", "production"), ("administrator_2", "staging")):
        stack.facts[f"{where} change"] = _change(Session(stack.url, emails[key], stack.people[key]["password"]), where)
    with closing(lead.http):
        team = lead.get("/api/v1/models/flight-delay/")["team"]
        lead.post("/api/v1/data-sets/", {"name": NAME, "team": team, "description": "For looking at."})
        checks = [
            {"rule": "range", "column": "delay", "min": 0},
            {"rule": "nulls", "column": "carrier", "most": 0},
            {"rule": "range", "column": "gone", "min": 0, "blocks": False},
        ]
        lead.put(f"/api/v1/data-sets/{NAME}/checks/", {"checks": checks, "why": "For looking at."})
        newest = f"/api/v1/data-sets/{NAME}/versions/"
        for number, content in enumerate((ROWS, ""), start=1):
            folder = stack.incoming / f"{NAME}-{number}"
            folder.mkdir()
            (folder / "rows.csv").write_text(content)
            lead.post(newest, {"folder": str(folder), "note": f"part {number}"})
            wait_until(lambda: lead.get(newest)["results"][0]["status"] in ("ready", "failed"), 60, "it to be taken in")
        _evaluate(stack, lead, team)


def _change(admin: Session, environment: str) -> int:
    """A draft of production's policy, or a proposal for staging's that another administrator can sign; its number."""
    path = "/api/v1/policies/"
    with closing(admin.http):
        held = next(one for one in admin.every(path) if one["name"] == environment)["in_force"]["rules"]
        rules = held | {"request_days": 3, "gates": {"calibration": {"most": 0.2}, "data_checks": {}}}
        row = admin.post(f"{path}changes/", {"environment": environment, "rules": rules, "why": "Calibrated or not."})
        if environment == "staging":
            admin.post(f"{path}changes/{row['id']}/propose/", {"seen": row["digest"]})
    return int(row["id"])


def _evaluate(stack: Stack, lead: Session, team: str) -> None:
    """One evaluation with everything a report can show, and one that failed."""
    lead.post("/api/v1/data-sets/", {"name": LABELLED, "team": team})
    lines = [
        {**FLIGHT, "carrier": CARRIERS[n % 3], "hour": n % 24, "origin_delay": float(n % 50), "late": int(n % 50 > 20)}
        for n in range(900)
    ]
    folder = stack.incoming / LABELLED
    folder.mkdir()
    text = "".join(",".join(map(str, line.values())) + "\n" for line in lines)
    (folder / "rows.csv").write_text(",".join(lines[0]) + "\n" + text)
    lead.post(f"/api/v1/data-sets/{LABELLED}/versions/", {"folder": str(folder)})
    newest = f"/api/v1/data-sets/{LABELLED}/versions/1/"
    wait_until(lambda: lead.get(newest)["status"] == "ready", 60, "the labelled data to be taken in")
    slices = {"declared": [{"column": "carrier", "value": "UA"}], "find": True, "columns": ["carrier", "hour"]}
    asked = {"model": "flight-delay", "version": 2, "baseline": 1, "data_set": LABELLED, "data_version": 1}
    settings = {"task": "classification", "target": "late", "slices": slices, "resamples": 200}
    for number, data_set in enumerate((LABELLED, NAME)):
        wrong = {"task": "regression", "target": "delay"}
        body = asked | {"data_set": data_set, "settings": wrong if number else settings}
        path = f"/api/v1/evaluations/{lead.post('/api/v1/evaluations/', body)['number']}/"
        _ended(lead, path, "failed" if number else "done")


def _ended(lead: Session, path: str, status: str) -> None:
    wait_until(lambda: lead.get(path)["status"] in ("done", "failed"), 120, "the evaluation")
    assert lead.get(path)["status"] == status, lead.get(path)
