"""Which artifact paths are paths: pure. Everything doubtful is refused, nothing is repaired."""

import re

from portal.core.errors import BadInput

MAX_LENGTH = 1000
MAX_SEGMENT = 200
MAX_DEPTH = 40
# U+FFFD is what a server makes of bytes that are no UTF-8.
FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\:;#?%*\"<>|\ufffd]")
ESCAPED = re.compile(rb"%(2e|2f|5c|00|25|3b|23|3f|3a)", re.IGNORECASE)


def checked(path: str, *, raw: bytes = b"") -> str:
    """`path` unchanged, if it is a plain relative path; raises `BadInput` otherwise.

    `raw` is the path as it stood in the request line: an encoded dot, slash, backslash, percent sign or separator is
    refused before anybody decodes it a second time.
    """
    if raw and ESCAPED.search(raw):
        raise _refusal("it hides a separator or a dot behind an escape")
    if not path or len(path) > MAX_LENGTH:
        raise _refusal(f"it must have 1 to {MAX_LENGTH} characters")
    if FORBIDDEN.search(path):
        raise _refusal("it holds a character that is not allowed in a path")
    segments = path.split("/")
    if len(segments) > MAX_DEPTH:
        raise _refusal(f"it is more than {MAX_DEPTH} levels deep")
    for segment in segments:
        if segment in ("", ".", "..") or segment != segment.strip() or set(segment) == {"."}:
            raise _refusal("each part between slashes must be a plain name")
        if len(segment) > MAX_SEGMENT:
            raise _refusal(f"one of its parts is longer than {MAX_SEGMENT} characters")
    return path


def _refusal(why: str) -> BadInput:
    return BadInput(f"This is not an artifact path: {why}.", code="bad_path", status=400)
