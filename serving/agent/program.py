"""Starting the agent: adopt what runs, then serve its API and keep the world as desired."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from serving.agent import status
from serving.agent.api import Api, TokenRequired
from serving.agent.keys import Keys
from serving.agent.measuring import Measuring
from serving.agent.naming import Naming
from serving.agent.predictions import Predictions
from serving.agent.replicas import Replicas
from serving.agent.revisions import Revisions
from serving.agent.routes import Routes
from serving.agent.shadows import Shadows
from serving.places import Misconfigured, Places, Settings, address
from serving.router.runtime import RouterUnavailable, Runtime
from serving.zygote import children
from serving.zygote.wire import Client


class QuietServer(uvicorn.Server):
    """One of two servers in a process that minds its signals itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(settings: Settings) -> None:
    """Be the agent of this folder until SIGTERM. Raises `Misconfigured`."""
    if settings.agent_bind and not settings.agent_token:
        raise Misconfigured("SIGNALBOX_AGENT_BIND needs SIGNALBOX_AGENT_TOKEN_FILE: other machines could reach it.")
    settings.places.prepare()
    try:
        children.lock(settings.places.run / "agent.lock")
    except BlockingIOError as error:
        raise Misconfigured(f"Another agent runs for {settings.places.run}. Stop it first.") from error
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    zygote, runtime = Client(settings.places.zygote_socket), Runtime(settings.places)
    revisions = Revisions(settings, zygote)
    routes, keys = Routes(settings.places, revisions, runtime), Keys(settings, runtime)
    naming = Naming(settings.places, runtime)
    measuring = Measuring(settings.places, revisions, routes, runtime)
    shadows = Shadows(settings.places, revisions, routes)
    revisions.records.load()
    routes.load()
    measuring.load()
    shadows.load()
    replicas = Replicas(settings, revisions, zygote, runtime)
    teller = status.teller(settings, revisions, routes, keys, runtime, zygote)
    predictions = Predictions(settings.places, revisions, routes)
    gateway = settings.places.gateway_socket
    api = Api(revisions, routes, keys, naming, measuring, shadows, predictions, gateway, teller).application()
    servers = [_server(api, _local(settings.places))]
    if settings.agent_bind:
        servers.append(_server(TokenRequired(api, settings.agent_token), _public(settings.agent_bind)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, [server for server, _ in servers])
    parts = (revisions, routes, measuring, shadows, replicas)
    keepers = [asyncio.create_task(one) for one in (*(part.keep() for part in parts), _hold(keys, naming))]
    serving = [asyncio.create_task(server.serve(sockets=[listener])) for server, listener in servers]
    done, _ = await asyncio.wait([*serving, *keepers], return_when=asyncio.FIRST_COMPLETED)
    for keeper in keepers:
        keeper.cancel()
    settings.places.agent_socket.unlink(missing_ok=True)
    for task in done:
        task.result()  # a keeper never ends by itself: what it raised ends the agent, and its supervisor starts it anew


async def _hold(keys: Keys, naming: Naming) -> None:
    while True:
        with contextlib.suppress(RouterUnavailable):
            await asyncio.to_thread(keys.hold)
            await asyncio.to_thread(naming.hold)
        await asyncio.sleep(5.0)


def _server(application: ASGIApp, listener: socket.socket) -> tuple[QuietServer, socket.socket]:
    config = uvicorn.Config(
        application, lifespan="off", ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=2
    )
    return QuietServer(config), listener


def _stop(servers: list[QuietServer]) -> None:
    for server in servers:
        server.should_exit = True


def _local(places: Places) -> socket.socket:
    return children.listen(places.agent_socket)


def _public(bind: str) -> socket.socket:
    host, port = address(bind, "SIGNALBOX_AGENT_BIND")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    listener.setblocking(False)
    return listener
