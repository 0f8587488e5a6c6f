"""One question to each thing the portal depends on; each answers within two seconds or counts as away."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import redis
from django.conf import settings

from deployments.adapters import serving

SECONDS = 2.0


class Away(Exception):
    """It does not answer; the text says how that was noticed."""


def broker() -> str:
    """The version of the broker and cache. Raises `Away`."""
    try:
        client = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=SECONDS, socket_timeout=SECONDS, protocol=2
        )
        with client:
            found: Any = client.info("server")
    except (redis.RedisError, OSError) as error:
        raise Away(str(error)[:200]) from error
    version = found.get("valkey_version") or found.get("redis_version") or ""
    return f"version {version}" if version else "answers"


def mlflow() -> str:
    """The version of MLflow's server, behind the gate. Raises `Away`."""
    address = settings.MLFLOW_UPSTREAM
    unix = address.removeprefix("unix:") if address.startswith("unix:") else None
    base = "http://localhost" if unix else address
    try:
        transport = httpx.HTTPTransport(uds=unix) if unix else None
        with httpx.Client(transport=transport, base_url=base, timeout=SECONDS, trust_env=False) as http:
            answer = http.get("/version")
    except httpx.HTTPError as error:
        raise Away(str(error)[:200] or type(error).__name__) from error
    if answer.status_code != 200:
        raise Away(f"it answered {answer.status_code}")
    return f"version {answer.text.strip()[:40]}"


def agent(environment: str = "") -> dict[str, Any]:
    """A serving agent's own account of itself: that of an environment, or of this host. Raises `Away`."""
    try:
        return serving.runtime(environment).status()
    except (serving.ServingUnavailable, serving.ServingRefused) as error:
        raise Away(str(error)[:200]) from error


def gateway(url: str = "") -> str:
    """Whether a gateway, this host's unless another is named, takes calls. Raises `Away`."""
    url = url or settings.SIGNALBOX_GATEWAY_URL
    try:
        answer = httpx.get(f"{url}/healthz", timeout=SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        raise Away(str(error)[:200] or type(error).__name__) from error
    if answer.status_code != 200:
        raise Away(f"it answered {answer.status_code}")
    return f"at {urlsplit(url).netloc}"
