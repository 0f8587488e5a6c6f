"""Reads for the portal what the revisions of an endpoint noted in their spools, a page at a time."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serving import comparing, launch, spool
from serving.agent.errors import Refused
from serving.agent.revisions import Revisions
from serving.agent.routes import Routes
from serving.contract import Invalid
from serving.places import Places
from serving.recorded import MOST_ROWS, Page, Prediction
from serving.router.entry import key_of
from serving.spool import Position

DIGITS = 32


class Predictions:
    """The record of both arms of an endpoint, over all their processes."""

    def __init__(self, places: Places, revisions: Revisions, routes: Routes) -> None:
        self._places = places
        self._revisions = revisions
        self._routes = routes

    async def of(self, environment: str, endpoint: str, *, after: str, limit: int) -> Page:
        """What was answered since `after`; without it nothing, and the cursor of now. Raises `Refused`, `Invalid`."""
        entry = self._routes.desired.get(key_of(environment, endpoint))
        if entry is None:
            raise Refused(404, "no_routes", "Nothing serves this endpoint.")
        arms = [arm for arm in (entry.spec.stable, entry.spec.canary) if arm]
        records = [self._revisions.records.all.get(arm) for arm in arms]
        names = [launch.name(one.spec.id, number) for one in records if one for number in (0, *one.beside)]
        folders = {name: self._places.spool / name for name in names}
        return await asyncio.to_thread(read, folders, entry.spec.salt, after, limit)


def read(folders: Mapping[str, Path], salt: str, after: str, limit: int) -> Page:
    """A page of these spools, each with an even part of `limit`, so that a busy arm does not keep another waiting."""
    if not after:
        return Page((), _written({name: spool.end(folder) for name, folder in folders.items()}))
    positions, part = _read(after), max(1, limit // max(1, len(folders)))
    found: list[Prediction] = []
    more = gap = False
    for name, folder in folders.items():
        begins = positions.get(name, Position())
        gap = gap or 0 < begins.segment < min(spool.segments(folder), default=0)
        batch = spool.read(folder, begins, part)
        positions[name] = batch.position
        more = more or len(batch.records) == part
        found += [compact(record, salt) for record in batch.records if _counts(record)]
    return Page(tuple(found), _written(positions), more, gap)


def _counts(record: Mapping[str, Any]) -> bool:
    return bool(record.get("status") == 200 and record.get("arm") != "shadow")


def compact(record: Mapping[str, Any], salt: str) -> Prediction:
    """A record of the spool without what was asked. The salt of the table keeps the units of two endpoints apart."""
    unit, answers = record.get("unit"), comparing.rows(record["answer"])
    return Prediction(
        id=str(record["prediction_id"]),
        revision=str(record["revision_id"]),
        arm=str(record["assigned"]),
        unit=hashlib.sha256(f"{unit}:{salt}".encode()).hexdigest()[:DIGITS] if unit else None,
        at=str(record["time"]),
        rows=len(answers),
        answers=tuple(answers[:MOST_ROWS]),
    )


def _written(positions: Mapping[str, Position]) -> str:
    plain = {name: [one.segment, one.offset] for name, one in positions.items()}
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode()


def _read(cursor: str) -> dict[str, Position]:
    try:
        plain = json.loads(base64.urlsafe_b64decode(cursor))
        return {str(name): Position(int(segment), int(offset)) for name, (segment, offset) in plain.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise Invalid("after", "must be the cursor of an answer before") from error
