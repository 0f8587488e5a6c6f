"""The backend named by `ENGINE`; Django looks for `DatabaseWrapper` in a module of this name."""

import time
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel

from portal.core.postgres import kept
from portal.core.postgres.kept import Kept


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes a waiting connection where there is one, and lets a sound one wait when it is closed."""

    _own: Kept | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        target = tuple(sorted((name, str(value)) for name, value in conn_params.items()))
        self._own = kept.take(target)
        if self._own is not None:
            self.isolation_level = IsolationLevel.READ_COMMITTED
            return self._own.connection
        made = super().get_new_connection(conn_params)
        self._own = Kept(target, made, time.monotonic())
        return made

    def _close(self) -> None:
        own, self._own = self._own, None
        sound = not (self.in_atomic_block or self.errors_occurred or self.needs_rollback)
        if own is None or not sound or own.connection is not self.connection or not kept.give(own):
            super()._close()  # type: ignore[misc]  # missing in the stubs
