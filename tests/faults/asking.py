"""What a person and a program are answered by the portal, each question asked once."""

import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import httpx

from demo import people
from demo.client import Session
from tests.faults.ground import Ground

OURS = ("Traceback", "psycopg", "OperationalError", "redis.", "ConnectionError", "signalbox_app")
"""What only somebody sees who is shown a fault from within."""
SIGN_IN = "sign in"


@dataclass(frozen=True)
class Asking:
    """A person's session, who may read the log, and a program's token."""

    person: httpx.Client
    program: httpx.Client
    questions: dict[str, str]

    def answers(self) -> dict[str, int]:
        """The status of every question; a refusal must say what is away and when to ask again."""
        found = {name: self._ask(name, path) for name, path in self.questions.items()}
        return {name: checked(name, answer) for name, answer in found.items()}

    def signing_in(self) -> int:
        """Of a stranger: 400 where it can be judged."""
        wrong = {"email": f"{uuid.uuid4().hex}@signalbox.example", "password": "not-the-password"}
        with httpx.Client(base_url=self.program.base_url, timeout=20) as client:
            client.get("/_allauth/browser/v1/auth/session")
            token = next((cookie.value for cookie in client.cookies.jar if cookie.name.endswith("csrf")), None)
            headers = {"X-CSRFToken": token or "", "Referer": str(client.base_url), "Accept": "application/json"}
            return checked(SIGN_IN, client.post(Session.LOGIN, json=wrong, headers=headers))

    def _ask(self, name: str, path: str) -> httpx.Response:
        return (self.person if name.startswith("page") else self.program).get(path)


def checked(name: str, answer: httpx.Response) -> int:
    status, said = answer.status_code, answer.text
    assert not [word for word in OURS if word in said], f"{name}: {said[:2000]}"
    if status >= 500:
        assert status == 503, f"{name}: {status} {said[:2000]}"
        if name == "readyz":
            assert answer.json() == {"status": "not ready", "database": "away"}
            return status
        assert answer.headers["retry-after"].isdecimal(), name
        if name.startswith("page"):
            assert "away" in said, f"{name}: {said[:2000]}"
        else:
            problem = answer.json()
            assert problem.get("detail") or problem.get("message"), f"{name}: {said}"
    return status


@contextmanager
def at(ground: Ground) -> Iterator[Asking]:
    story, stack = ground.story, ground.stack
    email = next(person.email for person in people.PEOPLE if person.key == "auditor")
    session = Session(stack.url, email, stack.people["auditor"]["password"])
    token = {"Authorization": f"Bearer {stack.tokens['data_scientist']}", "Accept": "application/json"}
    questions = {
        "readyz": "/readyz",
        "page of all": "/",
        "page of the model": f"/models/{story.model}/",
        "page of the endpoint": f"/endpoints/production/{story.model}/",
        "api": story.endpoint,
        "mlflow": f"/api/2.0/mlflow/registered-models/get?name={story.model}",
    }
    with closing(session.http) as person, httpx.Client(base_url=stack.url, headers=token, timeout=20) as program:
        person.headers["Accept"] = "text/html"
        yield Asking(person, program, questions)
