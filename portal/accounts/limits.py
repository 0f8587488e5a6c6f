"""Counting attempts in the shared cache. When the cache is away, what is limited is refused, never let through."""

import hashlib

from allauth.core.internal.httpkit import get_client_ip
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from portal.core.errors import PortalError, Unavailable

CLOSED = "Attempts cannot be counted right now, so nobody is let in. Try again in a minute."


class TooManyAttempts(PortalError):
    status, code = 429, "too_many_attempts"


def _key(name: str, who: str) -> str:
    return f"limit:{name}:{hashlib.sha256(who.encode()).hexdigest()}"


def spend(name: str, who: str, *, limit: int, seconds: int) -> None:
    """Count one attempt of `who`; raises `TooManyAttempts` beyond `limit` within `seconds` of the first one."""
    key = _key(name, who)
    try:
        cache.add(key, 0, timeout=seconds)
        count = cache.incr(key)
    except ValueError:
        count = 1  # the window ended between the two commands
    except (RedisError, OSError) as error:
        raise Unavailable(CLOSED, code="limits_unavailable") from error
    if count > limit:
        minutes = max(1, round(seconds / 60))
        raise TooManyAttempts(f"Too many attempts. Wait {minutes} minutes, then try again.")


def forget(name: str, who: str) -> None:
    """Start afresh after a success."""
    try:
        cache.delete(_key(name, who))
    except (RedisError, OSError) as error:
        raise Unavailable(CLOSED, code="limits_unavailable") from error


def give_back(name: str, who: str) -> None:
    """Let the last attempt not count, because it was right; those that were wrong stay counted."""
    try:
        cache.decr(_key(name, who))
    except ValueError:
        return  # the window has ended meanwhile
    except (RedisError, OSError) as error:
        raise Unavailable(CLOSED, code="limits_unavailable") from error


def client_ip(request: HttpRequest) -> str:
    """The caller's address, trusting only as many proxies as the settings name; "" on a Unix socket."""
    return get_client_ip(request) or ""
