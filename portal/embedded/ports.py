"""Whether the two ports people connect to are free."""

import socket

from portal.embedded.errors import StartError

LOOPBACK = "127.0.0.1"


def number(text: str, variable: str) -> int:
    """A port number from the environment."""
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise StartError(f"{variable} is {text!r}. Set it to a port number between 1 and 65535.")
    return int(text)


def demand_free(port: int, purpose: str, make_variable: str) -> None:
    """Raise a sentence when something else already listens on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError as error:
            raise StartError(
                f"Port {port} for {purpose} needs more rights. "
                f"Choose one above 1023: make run {make_variable}={port + 8000}."
            ) from error
        except OSError as error:
            raise StartError(
                f"Port {port} for {purpose} is in use by another program. "
                f"Stop it, or choose another port: make run {make_variable}={port + 1}."
            ) from error
