"""What search knows of models, versions and digests."""

import re
from collections.abc import Iterator
from urllib.parse import quote

from django.db.models import QuerySet

from portal.accounts import access
from portal.core.actors import Actor
from portal.ui.search import LIMIT, Hit, register
from registry.models import ModelVersion, RegisteredModel

VERSION = re.compile(r"(?P<model>\S.*?) v(?P<number>\d{1,9})")
DIGEST = re.compile(r"(sha256:)?(?P<hex>[0-9a-f]{6,64})")


def _models(actor: Actor) -> QuerySet[RegisteredModel]:
    rows = RegisteredModel.objects.filter(deleted_at=None)
    teams = access.visible_teams(actor)
    return rows if teams is None else rows.filter(team__in=teams)


def _url(model: str, number: int | None = None) -> str:
    return f"/models/{quote(model, safe='')}/" + (f"versions/{number}/" if number is not None else "")


def models(actor: Actor, text: str) -> Iterator[Hit]:
    for row in _models(actor).filter(name__icontains=text).select_related("team").order_by("name")[:LIMIT]:
        yield Hit(row.name, _url(row.name), note=row.team.name, exact=row.name == text)


def versions(actor: Actor, text: str) -> Iterator[Hit]:
    """`flight-delay v3`, or the beginning of a digest."""
    rows = ModelVersion.objects.filter(deleted_at=None, model__in=_models(actor)).select_related("model")
    named, digest = VERSION.fullmatch(text), DIGEST.fullmatch(text)
    if named:
        rows = rows.filter(model__name__iexact=named["model"], number=int(named["number"]))
    elif digest:
        rows = rows.filter(digest__startswith=f"sha256:{digest['hex']}")
    else:
        return
    for row in rows.order_by("model__name", "-number")[:LIMIT]:
        yield Hit(str(row), _url(row.model.name, row.number), note=row.digest, exact=True)


register("Models", "model", models)
register("Versions", "git-branch", versions)
