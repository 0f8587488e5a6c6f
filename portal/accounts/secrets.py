"""The form of secrets that programs carry, and the only shape in which the portal keeps them."""

import hashlib
import hmac
import secrets
import string
import zlib
from typing import Literal

from django.conf import settings

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 30  # base62 digits, 178 bits
CHECK_LENGTH = 6  # base62 digits hold any CRC32
PREFIXES = {"pat": "sbx_pat_", "svc": "sbx_svc_", "key": "sbx_key_"}

Kind = Literal["pat", "svc", "key"]


def _base62(number: int, length: int) -> str:
    digits = ""
    for _ in range(length):
        number, rest = divmod(number, 62)
        digits = ALPHABET[rest] + digits
    return digits


def _check(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), CHECK_LENGTH)


def new_token(kind: Kind) -> str:
    """A fresh token: a prefix that scanners know, the random part, and a checksum against typing errors."""
    body = PREFIXES[kind] + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return body + _check(body)


def is_well_formed(raw: str) -> bool:
    """Whether the text is a token by its form alone; asks no database."""
    prefix = next((p for p in PREFIXES.values() if raw.startswith(p)), None)
    if prefix is None or len(raw) != len(prefix) + RANDOM_LENGTH + CHECK_LENGTH:
        return False
    if not set(raw[len(prefix) :]) <= set(ALPHABET):
        return False
    return hmac.compare_digest(_check(raw[:-CHECK_LENGTH]), raw[-CHECK_LENGTH:])


def looks_like_token(text: str) -> bool:
    return text.startswith(tuple(PREFIXES.values()))


def shown(raw: str) -> tuple[str, str]:
    """The two ends of a token that people recognise it by: prefix with four random digits, and the last four."""
    head = next(p for p in PREFIXES.values() if raw.startswith(p))
    return raw[: len(head) + 4], raw[-4:]


def new_link_secret() -> str:
    """The secret part of a mailed link, 256 bits."""
    return secrets.token_urlsafe(32)


def keyed_hash(raw: str) -> bytes:
    """What is stored: HMAC-SHA256 under the server's pepper. A fast hash is right, as the secrets cannot be guessed."""
    return hmac.digest(settings.SIGNALBOX_TOKEN_PEPPER.encode(), raw.encode(), hashlib.sha256)
