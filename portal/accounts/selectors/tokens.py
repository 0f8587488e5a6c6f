"""Tokens as pages and the API show them: never their secrets, which nobody has."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.functions import Now

from portal.accounts import access
from portal.accounts.models import ApiToken
from portal.accounts.permissions import Permission
from portal.core.actors import Actor
from portal.core.errors import NotFound

SOON = timedelta(days=14)
STATES = {
    "active": ("Active", "ok"),
    "ends_soon": ("Ends soon", "warn"),
    "expired": ("Expired", "mute"),
    "revoked": ("Revoked", "mute"),
}
"""State of a token to the words and the tone of its badge."""

STATE = Case(
    When(revoked_at__isnull=False, then=Value("revoked")),
    When(expires_at__lte=Now(), then=Value("expired")),
    When(expires_at__lte=Now() + SOON, then=Value("ends_soon")),
    default=Value("active"),
    output_field=CharField(),
)


def visible(actor: Actor) -> QuerySet[ApiToken, Any]:
    """One's own tokens, those of service accounts one answers for, and all of them for administrators."""
    rows = ApiToken.objects.select_related("person", "service_account__responsible", "team").annotate(state=STATE)
    mine = Q(person_id=actor.person_id) | Q(service_account__responsible_id=actor.person_id)
    if actor.service_account_id is not None:
        mine = Q(service_account_id=actor.service_account_id)
    manages_programs = access.may(actor, Permission.SERVICE_ACCOUNTS_MANAGE)
    manages_people = access.may(actor, Permission.PEOPLE_MANAGE)
    if manages_programs:
        mine |= Q(service_account__isnull=False)
    if manages_people:
        mine |= Q(person__isnull=False)
    return rows.filter(mine).order_by(F("revoked_at").asc(nulls_first=True), "-created_at", "-pk")


def find(actor: Actor, token_id: str) -> ApiToken:
    row: ApiToken | None = visible(actor).filter(pk=token_id).first()
    if row is None:
        raise NotFound("This token does not exist, or you may not see it.")
    return row


def days_left(token: ApiToken, now: datetime) -> int:
    """Whole days until the token ends; 0 on its last day and afterwards."""
    return max((token.expires_at - now).days, 0)
