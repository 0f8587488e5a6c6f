"""Where each environment serves, as the operator's file says. Pure: the settings read the file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

KINDS = ("agent", "kubernetes", "kserve")
CANARIES = ("route", "percent")
KEYS = ("required", "open")
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
HOSTNAME = re.compile(r"([a-z0-9-]{1,63}\.)*[a-z0-9-]{1,63}")
GATEWAY = re.compile(rf"{LABEL.pattern}/{LABEL.pattern}")
TEXT = re.compile(r"\S+")
CPU = re.compile(r"[1-9][0-9]{0,3}|[1-9][0-9]{0,4}m")
URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*[^\s?#/])?")
SOCKET = re.compile(r"unix:/\S+")
OF_AN_AGENT = {"kind", "agent", "token_file", "gateway_url"}
MOST_REPLICAS = 1_000


class BadTarget(ValueError):
    """A file that cannot be used; the text names the environment and the field, and says what to write."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one environment serves: the agent of a host, or a namespace of a cluster.

    `gateway_url` is where its callers go, "" for the portal's own gateway. `agent` is the address of another host's
    agent, with the token in `token_file`; "" means the agent of the portal's host. The rest is for clusters:
    `kubeconfig` "" means the service account of the pod the portal runs in. `gateway` is `namespace/name`, `image` the
    portal's own image, `claim` the volume claim with the artifact store, `replicas` None leaves the number to an
    autoscaler of the cluster's, `canary` how KServe splits traffic, `cpu` the most one replica may use, in cores.
    `keys` "open" is for a gateway that lets nobody in but who may call.
    """

    environment: str
    kind: str
    namespace: str = ""
    image: str = ""
    gateway: str = ""
    claim: str = ""
    kubeconfig: str = ""
    context: str = ""
    hostname: str = ""
    canary: str = "route"
    keys: str = "required"
    replicas: int | None = 1
    cpu: str = "1"
    pull_secret: str = ""
    gateway_url: str = ""
    agent: str = ""
    token_file: str = ""

    @property
    def serverless(self) -> bool:
        return self.kind == "kserve" and self.canary == "percent"


def read(document: Any) -> dict[str, Target]:
    """The targets by environment. Raises `BadTarget` with the first thing that is wrong."""
    if not isinstance(document, Mapping):
        raise BadTarget("The file must map the name of an environment to its runtime.")
    return {str(name): _target(str(name), given) for name, given in document.items()}


def _target(environment: str, given: Any) -> Target:
    if not isinstance(given, Mapping):
        raise BadTarget(f"{environment} must be a mapping with a kind.")
    known = {field.name for field in fields(Target)} - {"environment"}
    if unknown := sorted(set(map(str, given)) - known):
        raise BadTarget(f"{environment}.{unknown[0]} is not known here; known are {', '.join(sorted(known))}.")
    kind = given.get("kind")
    if kind not in KINDS:
        raise BadTarget(f"{environment}.kind must be one of {', '.join(KINDS)}.")
    if extra := sorted(set(given) - OF_AN_AGENT if kind == "agent" else set(given) & {"agent", "token_file"}):
        raise BadTarget(f"{environment}.{extra[0]} means nothing for the kind {kind}.")
    found = Target(environment, **given)
    if kind == "agent":
        _check_agent(found)
    else:
        _check(found)
    if found.gateway_url:
        _match(found, "gateway_url", URL)
    return found


def gateway_url(environment: str, document: Any, otherwise: str) -> str:
    """Where callers of an environment's endpoints go, without a slash at its end; `otherwise` is the portal's own."""
    target = read(document).get(environment)
    return target.gateway_url if target and target.gateway_url else otherwise


def _check_agent(target: Target) -> None:
    if not target.agent:
        if target.token_file:
            raise BadTarget(f"{target.environment}.token_file means nothing without the address of an agent.")
        return
    if not SOCKET.fullmatch(str(target.agent)):
        _match(target, "agent", URL)
        if not target.token_file:
            raise BadTarget(f"{target.environment}.token_file must name the file with the token of that agent.")


def _check(target: Target) -> None:
    needed = {"namespace": LABEL, "claim": LABEL, "cpu": CPU, "image": TEXT}
    if not target.serverless:
        needed["gateway"] = GATEWAY
    optional = {"hostname": HOSTNAME, "pull_secret": LABEL, "kubeconfig": TEXT, "context": TEXT}
    for name, pattern in (needed | optional).items():
        value = getattr(target, name)
        if name in needed or value != "":
            _match(target, name, pattern)
    for name, allowed in (("canary", CANARIES), ("keys", KEYS)):
        if getattr(target, name) not in allowed:
            raise BadTarget(f"{target.environment}.{name} must be one of {', '.join(allowed)}.")
    _check_replicas(target)


def _match(target: Target, name: str, pattern: re.Pattern[str]) -> None:
    value = getattr(target, name)
    if not (isinstance(value, str) and pattern.fullmatch(value)):
        raise BadTarget(f"{target.environment}.{name} is {value!r} and must match {pattern.pattern}.")


def _check_replicas(target: Target) -> None:
    given: Any = target.replicas
    if given is not None and (type(given) is not int or not 1 <= given <= MOST_REPLICAS):
        raise BadTarget(f"{target.environment}.replicas must be a whole number from 1 to {MOST_REPLICAS}, or null.")
