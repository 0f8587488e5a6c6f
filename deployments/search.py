"""What search knows of promotion requests and endpoints."""

import re
from collections.abc import Iterator

from django.db.models import Q
from django.urls import reverse

from deployments.selectors import endpoints, requests
from portal.core.actors import Actor
from portal.ui.search import LIMIT, Hit, register

NUMBER = re.compile(r"#?(\d{1,9})")
VERSION = re.compile(r"(?P<model>\S.*?) v(?P<number>\d{1,9})")


def promotions(actor: Actor, text: str) -> Iterator[Hit]:
    """By number (#12), evidence digest, or the name of the model."""
    number = NUMBER.fullmatch(text)
    named = VERSION.fullmatch(text)
    if number:
        wanted = Q(pk=int(number[1]))
    elif named:
        wanted = Q(version__model__name=named["model"], version__number=int(named["number"]))
    elif text.startswith("sha256:"):
        wanted = Q(evidence_digest__startswith=text)
    else:
        wanted = Q(version__model__name__icontains=text)
    for row in requests.visible(actor).filter(wanted).order_by("-id")[:LIMIT]:
        yield Hit(
            title=f"#{row.pk} {row.version} to {row.endpoint.environment.name}",
            url=reverse("deployments:promotion", args=[row.pk]),
            note=row.status_words,
            exact=text.startswith("#") or row.evidence_digest == text,
        )


def addresses(actor: Actor, text: str) -> Iterator[Hit]:
    environment, _, name = text.rpartition("/")
    rows = endpoints.visible(actor).filter(name__icontains=name)
    if environment:
        rows = rows.filter(environment__name=environment)
    for row in rows.order_by("environment__position", "name")[:LIMIT]:
        serving = f"v{row.stable.version.number} serves" if row.stable else "nothing serves yet"
        yield Hit(
            title=str(row),
            url=reverse("deployments:endpoint", args=[row.environment.name, row.name]),
            note=serving,
            exact=str(row) == text,
        )


register("Promotions", "rocket", promotions)
register("Endpoints", "endpoint", addresses)
