"""The private databases of a test run are real, and every role can be tried."""

import os
from contextlib import closing

import psycopg2
import pytest
import redis

from tests import services


@pytest.mark.parametrize("role", ["signalbox_owner", "signalbox_app", "signalbox_sequencer", "signalbox_signer"])
def test_each_role_signs_in(role: str) -> None:
    with closing(psycopg2.connect(services.role_url(role, "signalbox"))) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_setting('server_version_num')::int")
        user, version = cursor.fetchone() or ("", 0)
    assert user == role
    assert version >= 150000


def test_valkey_keeps_a_value() -> None:
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    client.set("signalbox-services-test", "1", ex=5)
    assert client.get("signalbox-services-test") == b"1"
    client.close()
