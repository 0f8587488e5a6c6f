"""A bucket that speaks as much of S3 over HTTP as a reader needs: listing and reading, with the right key."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

KEY = "AKIAEXAMPLE"
ENTRY = "<Contents><Key>{key}</Key><Size>{size}</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"


@dataclass
class Bucket:
    """`objects` by key, in the bucket `flights`; `asked` are the paths that were read."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def listed(self, prefix: str) -> bytes:
        found = [escape(key) for key in sorted(self.objects) if key.startswith(prefix)]
        rows = "".join(ENTRY.format(key=key, size=len(self.objects[key])) for key in found)
        head = f"<Name>flights</Name><KeyCount>{len(found)}</KeyCount><IsTruncated>false</IsTruncated>"
        return f"<ListBucketResult>{head}{rows}</ListBucketResult>".encode()


class Server(ThreadingHTTPServer):
    bucket: Bucket


class Handler(BaseHTTPRequestHandler):
    server: "Server"
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        found = urlsplit(self.path)
        _, name, key = [*unquote(found.path).split("/", 2), "", ""][:3]
        if f"Credential={KEY}/" not in self.headers.get("Authorization", ""):
            return self.reply(403, b"<Error><Code>AccessDenied</Code></Error>", body=body)
        if name != "flights":
            return self.reply(404, b"<Error><Code>NoSuchBucket</Code></Error>", body=body)
        if "list-type" in found.query:
            prefix = parse_qs(found.query).get("prefix", [""])[0]
            return self.reply(200, self.server.bucket.listed(prefix), body=body)
        if not key:
            return self.reply(200, b"", body=body)
        if key not in self.server.bucket.objects:
            return self.reply(404, b"<Error><Code>NoSuchKey</Code></Error>", body=body)
        return self.read(key, body=body)

    def read(self, key: str, *, body: bool) -> None:
        content = self.server.bucket.objects[key]
        if body:
            self.server.bucket.asked.append(key)
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        if not asked:
            return self.reply(200, content, body=body)
        first, last = (int(end) for end in asked.split("-"))
        part = content[first : last + 1]
        where = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        return self.reply(206, part, body=body, **{"Content-Range": where})

    def reply(self, status: int, content: bytes, *, body: bool, **headers: str) -> None:
        self.send_response(status)
        told = {"Content-Length": str(len(content)), "ETag": '"1"', "Last-Modified": formatdate(0, usegmt=True)}
        for name, value in (told | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args: object) -> None:
        """Said by the assertions of the test."""


@contextmanager
def served() -> Iterator[Bucket]:
    server = Server(("127.0.0.1", 0), Handler)
    server.bucket = Bucket(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
