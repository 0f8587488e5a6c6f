"""Fills an empty portal with what is long and what is many. Run inside it, and read what it prints:

`manage.py shell -v 0 -c "from tests.pages import crowd; crowd.fill()"`
"""

import json
import secrets
import sys

from deployments.services import promotions
from portal.accounts.models import Person, Team
from tests import world

# Three pages of models, two of requests.
MODELS = 60
LONG_NAME = ("late-arrivals-" * 15)[:200]
# As long as a reason may be, with a word at its end that no line can hold.
LONG_REASON = ("It is better where it matters, in winter and at hubs. " * 100)[:3880] + "4f" * 60


def fill() -> None:
    """An open request for each of many models; prints who may decide, as JSON on the last line."""
    team = world.team()
    asks = world.person("Priya Nair", ("data_scientist", team))
    secret = secrets.token_urlsafe(16)
    decides = world.person("Marta Kowalska", ("ml_lead", team), ("auditor", None), password=secret)
    world.production()
    for number in range(MODELS):
        _request(team, asks, f"model-{number:02d}")
    _request(team, asks, LONG_NAME, LONG_REASON)
    sys.stdout.write("\n" + json.dumps({"email": decides.email, "password": secret}))


def _request(team: Team, asks: Person, name: str, why: str = "It is better.") -> None:
    world.version(world.model(name, team), asks)
    promotions.submit(actor=world.actor(asks), model=name, version=1, environment="production", why=why)
