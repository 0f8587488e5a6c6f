#!/usr/bin/env python3
"""A governed promotion and a rollback by REST alone, against a running example world.

    python docs/examples/rest_story.py [var/demo.json] [folder for the exported log]

A program's token does everything but decide: it registers two versions of a new model, asks for each, sends
predictions, rolls back and reads the log. The two decisions on each request are taken by people: the script signs the
reviewers in over the session API, and each shows once more who they are for exactly the evidence they decide on.

Needs Python 3.11 and the package `httpx`; nothing of the portal is imported.
"""

import json
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

Json = dict[str, Any]
SOURCE_MODEL = "flight-delay"
ENVIRONMENT = "production"
PATIENCE_SECONDS = 120.0
FLIGHT = {
    "carrier": "B6", "origin": "JFK", "dest": "BOS", "weekday": 5, "hour": 18, "distance": 187,
    "departures_in_hour": 24, "origin_delay": 32.5, "carrier_delay": 21.0, "aircraft_delay": 14.0,
    "temp": 78.1, "humid": 71.0, "wind_speed": 12.7, "precip": 0.06, "visib": 5.0, "pressure": 1008.4,
}  # fmt: skip


def say(text: str) -> None:
    print(text, flush=True)


def check(answer: httpx.Response) -> Json:
    """The answer's document; ends the script with the portal's own sentence when it is a refusal."""
    body: Json = answer.json() if answer.content else {}
    if not answer.is_success:
        text = body.get("detail") or body.get("message") or answer.text
        raise SystemExit(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {text}")
    return body


def wait_for(ask: Callable[[], Any], what: str) -> Any:
    """Ask again until the answer is truthy."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise SystemExit(f"Waited {PATIENCE_SECONDS:.0f} seconds for {what}.")
        time.sleep(0.3)
    return answer


def with_token(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=30, headers={"Authorization": f"Bearer {token}"})


def post(client: httpx.Client, path: str, body: Json) -> httpx.Response:
    """One intent, one key: sending the same key again would be answered, not done again."""
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    csrf = next((cookie.value for cookie in client.cookies.jar if cookie.name.endswith("csrf")), None)
    if csrf:
        headers |= {"X-CSRFToken": csrf, "Referer": str(client.base_url)}
    return client.post(path, json=body, headers=headers)


def sign_in(url: str, person: Json) -> httpx.Client:
    """A session as a browser has it. The first call hands out the CSRF cookie, and says 401 as nobody is signed in."""
    client = httpx.Client(base_url=url, timeout=30)
    client.get("/_allauth/browser/v1/auth/session")
    check(post(client, "/_allauth/browser/v1/auth/login", {"email": person["email"], "password": person["password"]}))
    return client


def register(program: httpx.Client, model: str, of_version: int) -> int:
    """Register the files of a version of the example model as a new version of `model`, over MLflow's own API."""
    api = "/api/2.0/mlflow/model-versions"
    query = {"name": SOURCE_MODEL, "version": str(of_version)}
    source = check(program.get(f"{api}/get", params=query))["model_version"]
    files = {"source": source["source"], "model_id": source["source"].removeprefix("models:/")}
    body = {"name": model, "run_id": source["run_id"], **files}
    number = check(program.post(f"{api}/create", json=body))["model_version"]["version"]

    def ready() -> bool:
        now = check(program.get(f"{api}/get", params={"name": model, "version": number}))["model_version"]
        if now["status"] == "FAILED_REGISTRATION":
            raise SystemExit(f"Version {number} was refused: {now.get('status_message', '')}")
        return bool(now["status"] == "READY")

    wait_for(ready, f"version {number} to be validated")
    say(f"Registered {model} version {number}: its files are copied, hashed and frozen.")
    return int(number)


def promote(program: httpx.Client, reviewers: list[tuple[Json, httpx.Client]], model: str, version: int) -> None:
    wish = {"model": model, "version": version, "environment": ENVIRONMENT, "why": "Told by the REST example."}
    rehearsal = check(post(program, "/api/v1/promotions/", {**wish, "dry_run": True}))
    say(f"Asking would {'work' if rehearsal['possible'] else 'lack: ' + '; '.join(rehearsal['missing'])}.")
    request = check(post(program, "/api/v1/promotions/", wish))
    path = f"/api/v1/promotions/{request['number']}/"
    say(f"Promotion #{request['number']} rests on evidence {request['evidence_digest'][:19]}…")
    refused = post(program, f"{path}approve/", {"seen": request["evidence_digest"]})
    say(f"A token that tries to approve is answered {refused.status_code}: {refused.json()['detail']}")
    for person, session in reviewers:
        approve(person, session, path)
    promoted = wait_for(lambda: settled(program, path), f"promotion #{request['number']} to be carried out")
    say(f"Promotion #{request['number']} is {promoted['status']}.")


def approve(person: Json, session: httpx.Client, path: str) -> None:
    """Look, show again who it is for exactly this evidence, approve."""
    decision = {"seen": check(session.get(path))["evidence_digest"], "comment": "Read the evidence."}
    missing = check(post(session, f"{path}approve/", {**decision, "dry_run": True}))["missing"]
    say(f"{person['name']} still lacks: {'; '.join(missing)}")
    refusal = post(session, f"{path}approve/", decision)
    if refusal.status_code == httpx.codes.FORBIDDEN and refusal.json()["code"] == "step_up_required":
        look = {"method": "password", "password": person["password"], "binding": refusal.json()["binding"]}
        check(post(session, "/api/v1/step-up/", look))
        refusal = post(session, f"{path}approve/", decision)
    say(f"{person['name']} approved; the request is now {check(refusal)['status']}.")


def settled(program: httpx.Client, path: str) -> Json | None:
    now = check(program.get(path))
    if now["status"] in ("pending_review", "approved", "rolling_out"):
        return None
    if now["status"] != "promoted":
        raise SystemExit(f"Promotion #{now['number']} ended as {now['status']}. {now['note']}")
    return now


def predict(gateway_url: str, model: str) -> tuple[str, list[float]]:
    """The version that answered, and the probabilities of arriving on time and late."""
    url = f"{gateway_url}/{ENVIRONMENT}/{model}/invocations"
    answer = httpx.post(url, json={"dataframe_records": [FLIGHT]}, headers={"x-unit-id": "N348JB"}, timeout=10)
    body = check(answer)
    say(f"Prediction {answer.headers['x-prediction-id']} by version {answer.headers['x-served-version']}: {body}")
    return answer.headers["x-served-version"], body["predictions"][0]


def roll_back(operator: httpx.Client, model: str) -> None:
    """The generation says which state of the traffic the decision was taken on; an older one would be refused."""
    path = f"/api/v1/endpoints/{ENVIRONMENT}/{model}/rollback/"
    plan = check(operator.get(path))
    for change in plan["changes"]:
        say(f"  {change['label']}: {change['was']} -> {change['now']}")
    order = {
        "reason_code": "quality",
        "note": "Told by the REST example.",
        "expect_generation": plan["expect_generation"],
    }
    rollout = check(post(operator, path, order))["id"]
    wait_for(
        lambda: check(operator.get(f"/api/v1/rollouts/{rollout}/"))["status"] == "completed", "the rollback to complete"
    )


def read_log(auditor: httpx.Client, folder: Path) -> Path:
    """Print the newest events and take the whole log away as a file."""
    for event in reversed(check(auditor.get("/api/v1/audit/events/"))["results"]):
        say(f"  {event['at']}  {event['sentence']}")
    export = check(post(auditor, "/api/v1/audit/exports/", {}))["id"]
    path = f"/api/v1/audit/exports/{export}/"
    wait_for(lambda: check(auditor.get(path))["state"] == "succeeded", "the export to be written")
    target = folder / "signalbox-audit.zip"
    with auditor.stream("GET", f"{path}file/") as answer, target.open("wb") as file:
        answer.raise_for_status()
        for chunk in answer.iter_bytes():
            file.write(chunk)
    return target


def main() -> None:
    given = [Path(argument) for argument in sys.argv[1:]]
    world = json.loads((given[0] if given else Path("var/demo.json")).read_text())
    folder = given[1] if len(given) > 1 else Path()
    if not folder.is_dir():
        raise SystemExit(f"There is no folder {folder}. Make it first; the log is put there.")
    url, gateway_url, people = world["url"], world["gateway_url"], world["people"]
    program, operator, auditor = (
        with_token(url, world["tokens"][name]) for name in ("data_scientist", "operator", "auditor")
    )
    reviewers = [(people[key], sign_in(url, people[key])) for key in ("ml_lead", "model_risk")]
    model = f"rest-story-{uuid.uuid4().hex[:6]}"
    check(program.post("/api/2.0/mlflow/registered-models/create", json={"name": model}))
    served = []
    for of_version in (1, 2):
        promote(program, reviewers, model, register(program, model, of_version))
        served.append(predict(gateway_url, model)[0])
    roll_back(operator, model)
    served.append(predict(gateway_url, model)[0])
    say(f"Versions that answered, in order: {', '.join(served)}.")
    bundle = read_log(auditor, folder)
    say(f"The log is in {bundle}. Verify it offline, with the public key you took when the portal was set up:")
    say(f"  python tools/signalbox_audit_verify.py {bundle} --vkey VKEY")


if __name__ == "__main__":
    main()
