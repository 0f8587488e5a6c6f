"""What the router says to a body that is not in yet: at once where it knows enough, else when its patience ends."""

import json
import socket
import time
import uuid

import pytest

from serving.contract import BODY_LIMIT
from tests.serving.plane import Plane

TOO_MUCH = BODY_LIMIT + 1
# Where 32 bits begin anew, a length comes out as a small one.
TOO_LARGE = (TOO_MUCH, 2**31, 2**32 + 1, 2**63 - 1)


def told(plane: Plane, said: bytes, then: bytes = b"") -> tuple[int, dict[str, str], dict[str, object], float]:
    """Status, headers and problem that come back for these bytes, and after how many seconds.

    What comes `then` is sent once the router asks for the body; nothing is sent after it.
    """
    host, port = plane.settings.bind.rsplit(":", 1)
    began = time.monotonic()
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(said)
        if then:
            assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
            connection.sendall(then)
        heard = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, rest = heard.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split(" ")[1]), headers, json.loads(rest), time.monotonic() - began


def begun(path: str, *headers: str, body: bytes = b"{") -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "host: gateway", *headers, "", ""]).encode() + body


@pytest.mark.parametrize("length", TOO_LARGE)
def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(plane: Plane, length: int) -> None:
    said = begun("/production/any/invocations", f"content-length: {length}", "x-request-id: mine-1")
    status, headers, problem, took = told(plane, said)
    assert (status, problem["code"], headers["content-type"]) == (413, "body_too_large", "application/problem+json")
    assert (headers["x-request-id"], headers["connection"]) == ("mine-1", "close")
    assert took < 8, "it waits for no body: its patience is 10 s"


def test_nobody_is_asked_to_go_on_with_a_body_that_is_too_large(plane: Plane) -> None:
    said = begun("/production/any/invocations", f"content-length: {TOO_MUCH}", "expect: 100-continue", body=b"")
    assert told(plane, said)[0] == 413


@pytest.mark.slow
def test_who_sends_a_body_too_slowly_hears_the_id_of_the_request(plane: Plane) -> None:
    said = begun("/production/any/invocations", "content-length: 50", "x-request-id: mine-2")
    status, headers, problem, took = told(plane, said)
    assert (status, problem["code"], headers["x-request-id"]) == (408, "request_timeout", "mine-2")
    assert 8 < took < 15


def test_a_body_that_turns_out_to_be_no_http_is_answered_with_a_problem_and_an_id(plane: Plane) -> None:
    said = begun("/production/any/invocations", "transfer-encoding: chunked", "expect: 100-continue", body=b"")
    status, headers, problem, _ = told(plane, said, then=b"no length\r\n{}\r\n")
    assert (status, problem["code"], headers["content-type"]) == (400, "bad_request", "application/problem+json")
    assert str(uuid.UUID(headers["x-request-id"])) == headers["x-request-id"]
