"""People and service accounts in the search field."""

from collections.abc import Iterable

from django.urls import reverse

from portal.accounts.selectors import people as read
from portal.accounts.selectors.people import PeopleFilter
from portal.core.actors import Actor
from portal.ui.search import Hit, register


def people(actor: Actor, text: str) -> Iterable[Hit]:
    for row in read.listed(actor, PeopleFilter(q=text))[:10]:
        yield Hit(row.name, reverse("accounts:person", args=[row.pk]), "Person" if row.is_active else "Disabled person")


def programs(actor: Actor, text: str) -> Iterable[Hit]:
    for row in read.service_accounts(actor).filter(name__icontains=text)[:10]:
        yield Hit(row.name, reverse("accounts:service_account", args=[row.name]), row.description or "Service account")


register("People", "user", people)
register("Service accounts", "key", programs)
