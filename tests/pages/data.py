"""A data set for its pages, which the example world does not have: one version that was checked, one that failed."""

from contextlib import closing

from demo import people
from demo.client import Session
from tests.stack import Stack
from tests.waiting import wait_until

NAME = "a-data-set-of-these-tests"
ROWS = "carrier,delay,day\n" + "".join(
    f"{carrier},{delay},2013-01-{delay % 28 + 1:02}\n" for carrier in ("UA", "B6") for delay in range(-3, 40)
)


def fill(stack: Stack) -> None:
    emails = {person.key: person.email for person in people.PEOPLE}
    lead = Session(stack.url, emails["ml_lead"], stack.people["ml_lead"]["password"])
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
