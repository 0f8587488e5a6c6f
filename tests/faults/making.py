"""How each fault is made: signals, a word to a store, or clients that are slow."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import psutil
import psycopg2
import redis

from portal.embedded import configuration, environment, layout, postgres
from tests.faults import deck, slow
from tests.faults.deck import Fault
from tests.stack import PROJECT, Stack

FROZEN_SECONDS = 4.0
SLOW_SECONDS = 4.0
TROUBLED_SECONDS = 4.0
STALLED_MILLISECONDS = 5_000


def make(stack: Stack, fault: Fault, pids: list[int]) -> None:
    """Let it happen to these processes; what lasts for a while is over when this returns."""
    match fault.how:
        case deck.FROZEN:
            freeze(pids)
        case deck.SLOW:
            slow.trickle(stack.url if fault.name == "web" else stack.gateway_url, SLOW_SECONDS)
        case deck.EMPTIED | deck.FULL | deck.STALLED:
            trouble_valkey(stack, fault.how)
        case deck.CUT | deck.TAKEN | deck.READ_ONLY:
            trouble_postgres(stack, fault.how)
        case _:
            end(stack, fault, pids)


def freeze(pids: list[int]) -> None:
    """Stop the processes with their children, as a machine does that swaps, and let them go on."""
    family = [member for pid in pids for member in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]]
    pause = threading.Event()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.suspend()
    try:
        pause.wait(FROZEN_SECONDS)
    finally:
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.resume()


def end(stack: Stack, fault: Fault, pids: list[int]) -> None:
    number = signal.SIGKILL
    if fault.how == deck.RESTARTED:
        number = signal.Signals(stack.entry(fault.name).restart_signal)
    for pid in pids:
        os.kill(pid, number)


def trouble_valkey(stack: Stack, how: str) -> None:
    path = layout.resolve(PROJECT, stack.env).sockets / "valkey" / "valkey.sock"
    with closing(redis.Redis(unix_socket_path=str(path))) as client:
        match how:
            case deck.EMPTIED:
                client.flushall()
            case deck.FULL:
                with full(client):
                    threading.Event().wait(TROUBLED_SECONDS)
            case _:
                client.client_pause(STALLED_MILLISECONDS)
                client.ping()


@contextmanager
def full(client: "redis.Redis") -> Iterator[None]:
    """Within, it refuses whatever would take memory."""
    before = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", "1")
    try:
        yield
    finally:
        client.config_set("maxmemory", str(before))


def trouble_postgres(stack: Stack, how: str) -> None:
    place = layout.resolve(PROJECT, stack.env)
    found = environment.stores(place, configuration.read(stack.env), stack.env)
    assert found.cluster is not None
    address = found.cluster.url(postgres.SUPERUSER, "postgres", found.passwords[postgres.SUPERUSER])
    with closing(psycopg2.connect(address)) as opened, opened.cursor() as cursor:
        opened.autocommit = True
        match how:
            case deck.CUT:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )
            case deck.TAKEN:
                with no_connection_left(address):
                    threading.Event().wait(TROUBLED_SECONDS)
            case _:
                with read_only(cursor):
                    threading.Event().wait(TROUBLED_SECONDS)


@contextmanager
def no_connection_left(address: str) -> Iterator[None]:
    """Within, an administrator's sessions hold every connection that is free."""
    with ExitStack() as held:
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                held.enter_context(closing(psycopg2.connect(address)))
        yield


@contextmanager
def read_only(cursor: "psycopg2.extensions.cursor") -> Iterator[None]:
    """Within, no session takes changes, as after a failover to a standby."""
    cursor.execute("ALTER SYSTEM SET default_transaction_read_only = on")
    cursor.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        cursor.execute("ALTER SYSTEM RESET default_transaction_read_only")
        cursor.execute("SELECT pg_reload_conf()")
