"""Who lives in the example world. Their passwords are made anew for each data folder."""

import secrets
from dataclasses import dataclass
from typing import Any, Final

TEAM: Final = "flight-operations"
TEAMS: Final = {TEAM: "Flight operations", "model-risk": "Model risk"}
# No number that looks like another letter or digit, in groups that can be read out.
LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Person:
    """`key` names the person in `var/demo.json`; `grants` are (role, team slug or None for everywhere)."""

    key: str
    name: str
    grants: tuple[tuple[str, str | None], ...]

    @property
    def email(self) -> str:
        return f"{self.name.lower().replace(' ', '.')}@signalbox.example"


PEOPLE: Final = (
    Person("data_scientist", "Priya Nair", (("data_scientist", TEAM),)),
    Person("ml_lead", "Marta Kowalska", (("ml_lead", TEAM),)),
    Person("model_risk", "Daniel Osei", (("ml_lead", "model-risk"), ("viewer", None))),
    Person("operator", "Tomas Brandt", (("operator", TEAM),)),
    Person("auditor", "Ines Duarte", (("auditor", None),)),
    Person("administrator", "Alex Admin", (("administrator", None),)),
    Person("administrator_2", "Ruth Berger", (("administrator", None),)),
    Person("viewer", "Vera Lind", (("viewer", TEAM),)),
)


def password() -> str:
    """Sixteen letters and digits in four groups: about 79 bits."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def seed(passwords: dict[str, str]) -> dict[str, Any]:
    """What `manage.py seed_people` reads."""
    return {
        "teams": [{"slug": slug, "name": name} for slug, name in TEAMS.items()],
        "people": [
            {
                "email": person.email,
                "name": person.name,
                "password": passwords[person.key],
                "grants": [{"role": role, "team": team} for role, team in person.grants],
            }
            for person in PEOPLE
        ],
    }
