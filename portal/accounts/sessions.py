"""Sessions in the database that end by the database's clock, whatever the web process thinks the time is."""

from datetime import datetime
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db.models.functions import Now

from portal.core import clock


class SessionStore(db.SessionStore):
    """Django's; only the asking and the setting of the end are ours."""

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        found = self.model.objects.filter(session_key=self.session_key, expire_date__gt=Now()).first()
        if found is None:
            self._session_key = None
        return found

    def get_expiry_date(self, **given: Any) -> datetime:
        return super().get_expiry_date(**{"modification": clock.now()} | given)
