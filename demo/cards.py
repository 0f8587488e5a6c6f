"""The model cards of the example world: what the data scientist says where no record can."""

from typing import Final

from demo.client import Caller

USE: Final = (
    "Warns passengers of a flight that will probably arrive more than 15 minutes late, half an hour before departure, "
    "so that they can rebook or keep a seat free. Operations of the three New York airports read the same answer."
)
BEYOND: Final = (
    "Not for pay, rosters or penalties of crews or carriers, not for safety decisions, and not for flights from "
    "elsewhere: it has seen departures of EWR, JFK and LGA only."
)
LIMITS: Final = {
    "v1": "Knows the schedule only: on a day of storms it warns of the same flights as on a quiet one. It has learned "
    "from two winter months.",
    "v2": "Has learned from two winter months, so its probabilities are too low in the thunderstorms of summer. "
    "Weather is that of the origin alone; a storm at the destination is not seen.",
    "v3": "Weather is that of the origin alone; a storm at the destination is not seen. Carriers with few flights are "
    "known by their airport and hour more than by themselves.",
}


def texts(recipe: str) -> dict[str, str]:
    """What stands in each written section of the recipe's version."""
    return {"intended_use": USE, "out_of_scope": BEYOND, "limitations": LIMITS[recipe]}


def write(author: Caller, model: str, recipe: str, number: int) -> None:
    """Fill the written sections of the version's card that are not known yet, and leave all else alone."""
    path = f"/api/v1/models/{model}/versions/{number}/card/"
    stands = {section["key"]: section for section in author.get(path)["sections"]}
    for key, text in texts(recipe).items():
        if not stands[key]["known"]:
            written = stands[key]["written"]
            author.put(f"{path}{key}/", {"text": text, "seen": written["digest"] if written else ""})
