"""A portal of a few lines for the tests of the builder: sessions, step-up and promotions, kept in memory."""

import json
from http.cookies import SimpleCookie
from typing import Any

import httpx

Json = dict[str, Any]
PEOPLE = {"marta": 1, "daniel": 2}


class Portal:
    """Answers like the API. `moved` counts the acts that changed something."""

    def __init__(self, versions: dict[str, int] | None = None) -> None:
        self.promotions: list[Json] = []
        self.versions = versions or {}
        self.step_ups: set[tuple[str, str]] = set()
        self.moved: list[str] = []
        self.starting = 0
        self.moving = 0
        self.status = "READY"
        self.keys: list[str] = []

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.starting:
            self.starting -= 1
            return httpx.Response(503, json={"code": "unavailable"})
        cookies = SimpleCookie(request.headers.get("cookie", ""))
        who = cookies["session"].value if "session" in cookies else ""
        if request.method == "POST":
            self.keys.append(request.headers["idempotency-key"])
            if "authorization" not in request.headers and request.headers["x-csrftoken"] != "secret":
                return problem(403, "csrf")
        body = json.loads(request.content) if request.content else {}
        return self.route(f"{request.method} {request.url.path}", who, body, dict(request.url.params))

    def route(self, what: str, who: str, body: Json, query: dict[str, str]) -> httpx.Response:
        match what.split("/api/v1"):
            case ["GET ", "/me/"]:
                return httpx.Response(200, json={"person": PEOPLE.get(who)})
            case ["GET ", "/promotions/"]:
                return self.listed(query)
            case ["POST ", "/promotions/"]:
                return self.ask(body)
            case ["POST ", "/step-up/"]:
                self.step_ups.add((who, body["binding"]))
                return httpx.Response(201, json={})
            case ["POST ", path] if path.endswith("/approve/"):
                return self.approve(self.promotions[int(path.split("/")[2]) - 1], who, body)
            case ["GET ", path] if path.startswith("/promotions/"):
                return httpx.Response(200, json=self.promotions[int(path.split("/")[2]) - 1])
        return self.registry() if what.endswith("/model-versions/search") else self.session(what, body)

    def registry(self) -> httpx.Response:
        """As MLflow answers: nothing at all when there is none."""
        rows = [
            {"version": str(number), "status": self.status, "tags": [{"key": "recipe", "value": recipe}]}
            for recipe, number in self.versions.items()
        ]
        return httpx.Response(200, json={"model_versions": rows} if rows else {})

    def session(self, what: str, body: Json) -> httpx.Response:
        if what.endswith("/auth/session"):
            return httpx.Response(401, json={}, headers={"set-cookie": "portal_csrf=secret; Path=/"})
        if what.endswith("/auth/login") and body["password"] == "right":
            return httpx.Response(200, json={}, headers={"set-cookie": f"session={body['email']}; Path=/"})
        return problem(400, "wrong")

    def listed(self, query: dict[str, str]) -> httpx.Response:
        """One row a page, so that paging is used."""
        at = int(query.get("at", 0))
        following = f"/api/v1/promotions/?at={at + 1}" if at + 1 < len(self.promotions) else None
        return httpx.Response(200, json={"results": self.promotions[at : at + 1], "next": following})

    def ask(self, body: Json) -> httpx.Response:
        number = len(self.promotions) + 1
        row = {
            "number": number,
            "version": body["version"],
            "status": "pending_review",
            "evidence_digest": f"sha256:{number}",
            "approvals": [],
        }
        self.promotions.append(row)
        self.moved.append(f"ask {body['version']}")
        return httpx.Response(201, json=row)

    def approve(self, row: Json, who: str, body: Json) -> httpx.Response:
        if self.moving:
            self.moving -= 1
            row["evidence_digest"] += "+"
            return problem(409, "evidence_outdated")
        if body["seen"] != row["evidence_digest"]:
            return problem(409, "evidence_changed")
        binding = f"{row['number']} {body['seen']}"
        if (who, binding) not in self.step_ups:
            return problem(403, "step_up_required", binding=binding)
        self.step_ups.remove((who, binding))
        row["approvals"].append({"reviewer": {"id": PEOPLE[who]}, "evidence_digest": row["evidence_digest"]})
        self.moved.append(f"{who} approves {row['version']}")
        if len(row["approvals"]) == len(PEOPLE):
            row["status"] = "promoted"
        return httpx.Response(200, json=row)


def problem(status: int, code: str, **more: Any) -> httpx.Response:
    return httpx.Response(
        status,
        json={"code": code, "detail": f"No: {code}.", **more},
        headers={"content-type": "application/problem+json"},
    )
