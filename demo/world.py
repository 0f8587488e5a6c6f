"""Build the example world in an empty portal, through the product's own verbs; a half-built one is completed.

    python -m demo.world

Needs the portal's environment (`SIGNALBOX_URL`, `SIGNALBOX_VAR`, ...), which `make run` provides. Leaves
`demo.json` in the data folder: addresses, sign-ins and tokens, readable by its owner only.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from demo import batch, cards, flights, people, state
from demo.client import Caller, LateError, RefusedError, Session, until
from demo.columns import LABEL
from demo.evaluating import SLICE_MARGIN
from demo.rules import set_rules
from demo.shelf import HOLDOUT, Shelf
from demo.story import MODEL, VALIDATION_SECONDS, Story, ready

PROJECT = Path(__file__).resolve().parent.parent
RECIPES = ("v1", "v2", "v3")
STEPS = 7 + 3 * len(RECIPES)
TOKENS = {
    "data_scientist": (
        "data_scientist",
        "training and requests",
        ["read", "mlflow", "data", "evaluate", "batch_predict", "promote", "predict", "ground_truth"],
    ),
    "operator": ("operator", "rollback from scripts", ["read", "rollback"]),
    "auditor": ("auditor", "reading the log", ["read", "audit"]),
}
ON_JUNE = {"data": HOLDOUT.data_set, "target": LABEL}
RULES = {
    "approvals": [
        {"name": "ML lead", "role": "ml_lead", "team": None, "count": 1},
        {"name": "Model risk", "role": "ml_lead", "team": "model-risk", "count": 1},
    ],
    "gates": {
        "quality": {"metric": "roc_auc", "margin": 0.005, **ON_JUNE, "models": [MODEL]},
        "slices": {"margin": SLICE_MARGIN, "columns": ["origin"], **ON_JUNE, "models": [MODEL]},
        "calibration": {"most": 0.1, **ON_JUNE, "models": [MODEL]},
        "speed": {"p95_ms": 250, "memory_mib": 1024, "data": HOLDOUT.data_set, "models": [MODEL]},
        "signature": {"models": [MODEL]},
        "data_checks": {"models": [MODEL]},
        "card": {"models": [MODEL]},
    },
}

WHY = "Two pairs of eyes from two teams: who owns the model, and model risk."


class World:
    """One run of the builder. Facts that cannot be asked for again are kept in `demo-cache/world.json`."""

    def __init__(self, url: str, gateway_url: str, var: Path) -> None:
        self.url, self.gateway_url, self.var = url, gateway_url, var
        self.kept = var / "demo-cache" / "world.json"
        self.facts: dict[str, Any] = {"passwords": {}, "tokens": {}, "scopes": {}, **state.read(self.kept)}
        self.step = 0

    def say(self, text: str) -> None:
        self.step += 1
        print(f"{self.step}/{STEPS} {text}", flush=True)

    def build(self) -> None:
        self.say("people, teams and roles")
        self.seed()
        self.say("approval rules of production")
        self.rule()
        self.say("tokens")
        self.make_tokens()
        self.say("flights of 2013")
        flights.load(self.kept.parent)
        author = Caller(self.url, self.facts["tokens"]["data_scientist"])
        story = Story(author, {key: self.sign_in(key) for key in ("ml_lead", "model_risk")})
        missing = [recipe for recipe in RECIPES if ready(author, recipe) is None]
        shelf = Shelf(author, self.kept.parent)
        with self.training() if missing else nullcontext() as training:
            self.say("data sets")
            shelf.fill()
            serving = None
            for recipe in RECIPES:
                self.say(f"training and registering {MODEL} {recipe}")
                number = self.wait_for(recipe, author, training)
                self.say(f"evaluation and card of version {number}")
                shelf.wait()
                cards.write(author, MODEL, recipe, number)
                story.evaluated(number, serving)
                self.say(f"promotion of version {number}")
                story.promote(recipe, number)
                serving = number
        self.say("batch prediction of June")
        batch.predicted(author, MODEL)
        self.sign_in("auditor").post("/api/v1/audit/verify/", {})
        self.say("done")
        state.write(self.var / "demo.json", self.published())

    def seed(self) -> None:
        """Make the people with passwords that are kept first, so that a second try finds them unchanged."""
        for person in people.PEOPLE:
            self.facts["passwords"].setdefault(person.key, people.password())
        self.keep()
        file = self.kept.with_name("people.json")
        state.write(file, people.seed(self.facts["passwords"]))
        try:
            subprocess.run([sys.executable, "manage.py", "seed_people", "--file", str(file)], cwd=PROJECT, check=True)
        finally:
            file.unlink()

    def rule(self) -> None:
        """Have one administrator propose gates, one approval of the ML lead and one of model risk; another approves."""
        set_rules(self.sign_in("administrator"), self.sign_in("administrator_2"), "production", RULES, WHY)

    def make_tokens(self) -> None:
        """One token each, and a new one where an older world was made with other scopes."""
        for name, (owner, label, scopes) in TOKENS.items():
            if self.facts["scopes"].get(name) != scopes:
                made = self.sign_in(owner).post("/api/v1/tokens/", {"name": label, "scopes": scopes, "days": 90})
                self.facts["tokens"][name], self.facts["scopes"][name] = made["secret"], scopes
                self.keep()

    def sign_in(self, key: str) -> Session:
        person = next(person for person in people.PEOPLE if person.key == key)
        return Session(self.url, person.email, self.facts["passwords"][key])

    @contextmanager
    def training(self) -> Iterator["subprocess.Popen[bytes]"]:
        """All three recipes in one process, since MLflow takes seconds to import; promotions go on beside it."""
        token = self.facts["tokens"]["data_scientist"]
        environment = {**os.environ, "MLFLOW_TRACKING_URI": self.url, "MLFLOW_TRACKING_TOKEN": token}
        with self.log().open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "demo.train", "--cache", str(self.kept.parent)],
                cwd=PROJECT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            yield process
            process.wait(VALIDATION_SECONDS)
        finally:
            process.terminate()
            process.wait()

    def log(self) -> Path:
        return self.kept.with_name("train.log")

    def wait_for(self, recipe: str, author: Caller, training: "subprocess.Popen[bytes] | None") -> int:
        """The number of the recipe's version once it is validated."""
        why = f"recipe {recipe} to be registered and validated"
        return until(lambda: self.registered(recipe, author, training), VALIDATION_SECONDS, why)

    def registered(self, recipe: str, author: Caller, training: "subprocess.Popen[bytes] | None") -> int | None:
        """As `wait_for`, None while it is not; stops the building when the training has failed."""
        if training is not None and training.poll():
            last = self.log().read_text(errors="replace").strip().splitlines()[-1:]
            raise LateError(f"Training failed. {' '.join(last)} The whole text is in {self.log()}.")
        return ready(author, recipe)

    def keep(self) -> None:
        state.write(self.kept, self.facts)

    def published(self) -> dict[str, Any]:
        """What `demo.json` holds."""
        return {
            "url": self.url,
            "gateway_url": self.gateway_url,
            "people": {
                person.key: {
                    "name": person.name,
                    "email": person.email,
                    "password": self.facts["passwords"][person.key],
                }
                for person in people.PEOPLE
            },
            "tokens": self.facts["tokens"],
        }


def main() -> int:
    url = os.environ.get("SIGNALBOX_URL", "http://localhost:8000")
    gateway_url = os.environ.get("SIGNALBOX_GATEWAY_URL", "http://localhost:8080")
    world = World(url, gateway_url, Path(os.environ.get("SIGNALBOX_VAR", "var")))
    try:
        world.build()
    except (RefusedError, LateError, subprocess.SubprocessError) as error:
        print(f"The example world is not complete: {error} Start again to complete it.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
