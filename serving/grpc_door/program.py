"""Starting the door: one server on a Unix socket that only the router speaks to."""

import asyncio
import os
import signal

import grpc.aio
import httpx

from serving.contract import BODY_LIMIT
from serving.grpc_door.service import Service, handlers
from serving.places import Misconfigured, Settings
from serving.zygote import children

GRACE_SECONDS = 11.0
TIMEOUT = 90.0
"""Seconds; beyond the router's own patience, which is what ends a call."""
OVERHEAD = 1024**2
"""What a message may have beside the bytes of its tensors."""


def run(settings: Settings) -> None:
    """Be the door of this folder until SIGTERM. Raises `Misconfigured` when another one runs."""
    settings.places.prepare()
    try:
        children.lock(settings.places.run / "grpc.lock")
    except OSError as error:
        raise Misconfigured(f"Another gRPC door runs for {settings.places.run}. Stop it first.") from error
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    places = settings.places
    transport = httpx.AsyncHTTPTransport(uds=str(places.gateway_socket), limits=httpx.Limits(max_connections=None))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=TIMEOUT) as gateway:
        options = [("grpc.max_receive_message_length", BODY_LIMIT + OVERHEAD), ("grpc.max_send_message_length", -1)]
        server = grpc.aio.server(options=options)
        server.add_generic_rpc_handlers((handlers(Service(gateway, places.routes_map)),))
        places.grpc_socket.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            server.add_insecure_port(f"unix:{places.grpc_socket}")
            await server.start()
        finally:
            os.umask(old)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
        await server.stop(GRACE_SECONDS)
