"""How each fault is made: signals, a word to a store, or clients that are slow."""

import contextlib
import os
import signal
import threading
from contextlib import closing

import psutil
import psycopg2
import redis

from portal.embedded import configuration, environment, layout, postgres
from tests.faults import deck, slow
from tests.faults.deck import Fault
from tests.stack import PROJECT, Stack

FROZEN_SECONDS = 4.0
SLOW_SECONDS = 4.0


def make(stack: Stack, fault: Fault, pids: list[int]) -> None:
    """Let it happen to these processes; what lasts for a while is over when this returns."""
    match fault.how:
        case deck.FROZEN:
            freeze(pids)
        case deck.SLOW:
            slow.trickle(stack.url if fault.name == "web" else stack.gateway_url, SLOW_SECONDS)
        case deck.EMPTIED:
            empty(stack)
        case deck.CUT:
            cut_sessions(stack)
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
        number = signal.Signals(stack.entry(fault.name).stop_signal)
    for pid in pids:
        os.kill(pid, number)


def empty(stack: Stack) -> None:
    """Valkey forgets every message, every count of attempts and everything kept for later."""
    path = layout.resolve(PROJECT, stack.env).sockets / "valkey" / "valkey.sock"
    with closing(redis.Redis(unix_socket_path=str(path))) as client:
        client.flushall()


def cut_sessions(stack: Stack) -> None:
    """PostgreSQL ends every session, as an administrator or a restart of it would."""
    place = layout.resolve(PROJECT, stack.env)
    found = environment.stores(place, configuration.read(stack.env), stack.env)
    assert found.cluster is not None
    address = found.cluster.url(postgres.SUPERUSER, "postgres", found.passwords[postgres.SUPERUSER])
    with closing(psycopg2.connect(address)) as opened, opened.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
