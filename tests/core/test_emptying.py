"""Nothing is left of a test that commits: not in tables that guard themselves, not of somebody who still writes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, transaction

from tests import world
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
MADE_ANEW = {"django_content_type", "auth_permission", "django_site"}


def filled() -> set[str]:
    """The tables that hold something."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for name in names))
        return {name for (name,) in cursor.fetchall()}


def flush() -> None:
    try:
        call_command("flush", verbosity=0, interactive=False, reset_sequences=False)
    finally:
        connection.close()


def waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone() == (True,))


def test_what_was_committed_is_gone_and_who_still_writes_is_waited_for() -> None:
    team = world.team()
    world.production()
    world.version(world.model(where=team), world.person("Ulla Loader", ("data_scientist", team)))
    assert {"deployments_policyversion", "registry_modelversion", "accounts_person"} <= filled()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Group.objects.create(name="late")
            emptied = pool.submit(flush)
            wait_until(waits, 10, "the flush to wait")
        emptied.result(timeout=30)
    assert filled() == MADE_ANEW
