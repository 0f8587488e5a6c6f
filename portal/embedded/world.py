"""What a first start builds: the example world, or an empty portal with a link for its first administrator."""

import json
import os
from pathlib import Path

from portal.embedded.configuration import Configuration
from portal.embedded.environment import Environments, python
from portal.embedded.layout import Layout
from portal.embedded.processes import Step

KIND = "kind"
DEMO, EMPTY = "demo", "empty"
FIRST_LINK = "first-link"
COMPLETE = "world-complete"
EVERYTHING = ("web", "worker", "router", "agent", "zygote", "sequencer", "signer")


def kind(layout: Layout, configuration: Configuration) -> str:
    """Decided on the first start and kept: a later start never builds examples among somebody's real data."""
    file = layout.state / KIND
    if not file.exists():
        file.write_text(DEMO if configuration.demo else EMPTY)
    return file.read_text()


def steps(layout: Layout, configuration: Configuration, environments: Environments, prepared: bool) -> tuple[Step, ...]:
    """The steps this start adds to the plan. On a later start the link is printed when it comes, not waited for."""
    if kind(layout, configuration) == EMPTY:
        return (
            Step(
                FIRST_LINK,
                needs=("web",),
                command=(python(), "manage.py", "first_link", "--skip-checks"),
                environment=environments.portal,
                echo=r"http|Open this link" if prepared else "",
            ),
        )
    finished = layout.state / COMPLETE
    if finished.exists():
        return ()
    needs = EVERYTHING if configuration.mlflow_upstream else (*EVERYTHING, "mlflow")
    needs = needs if prepared else (*needs, "environments")
    return (
        Step(
            "world",
            needs=needs,
            command=(python(), "-m", "demo.world"),
            environment=environments.portal,
            done=finished.touch,
            echo=r"\d+/\d+ ",
        ),
    )


def sign_ins(layout: Layout) -> list[str]:
    """Lines for the summary: who can sign in, and one token."""
    file = layout.var / "demo.json"
    if not file.exists():
        return []
    facts = json.loads(file.read_text())
    mails = "sent by EMAIL_URL" if os.environ.get("EMAIL_URL") else f"kept as files in {layout.var / 'mail'}"
    people = [
        f"    {role:<16} {person['email']:<34} {person['password']}" for role, person in facts.get("people", {}).items()
    ]
    tokens = [f"    {name:<16} {token}" for name, token in list(facts.get("tokens", {}).items())[:1]]
    return [
        "  Sign in as",
        *people,
        "  Example token",
        *tokens,
        f"  For scripts       {file}",
        f"  Mail              {mails}",
    ]


def first_link(log: Path) -> list[str]:
    """The lines the command printed in its newest run."""
    from portal.embedded.logfiles import last_run

    return [f"  {line}" for line in last_run(log)]
