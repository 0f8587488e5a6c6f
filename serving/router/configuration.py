# ruff: noqa: E501  (a rule of HAProxy is one line)
"""The whole configuration of HAProxy as text. Nothing in it changes while it runs: routes and keys live in maps."""

from serving import contract
from serving.contract import BODY_LIMIT, CUT_SCALE, MOST_REPLICAS
from serving.places import Places, Settings
from serving.router import problems

PER_REVISION = 128
"""Requests one process of a revision works on or holds at a time; it sheds by deadline itself, and beyond this the router does."""
HELD_BYTES = 8192
"""A body of at most so many bytes is all there before a process is asked; it fits into the router's buffer."""
GRACE_MS = 1000
"""How much later than a caller's deadline the router gives up on a process that should have said so itself."""

GLOBAL = """\
# Written by `python -m serving router` at each start; changes made here are lost.
global
    stats socket {router_socket} mode 600 level admin
    stats timeout 10s
    maxconn 4000
    # What Lua asks is logged as information; what fails is an error and stays in the log.
    log stderr format raw local0 notice
    lua-load {hedging} {again_socket} {most_replicas}
    # It asks nobody but this process itself: no name is looked up and no certificate read.
    httpclient.retries 0
    httpclient.resolvers.disabled on
    httpclient.ssl.verify none
    tune.bufsize 16384

defaults
    mode http
    log global
    option httplog
    option dontlog-normal
    option log-separate-errors
    # The body of a small request is kept, so that it can be sent again when a revision process dies under it. The
    # gateway waits for it by a rule of its own, after those that need no body.
    option http-buffer-request
    option http-ignore-probes
    option redispatch
    retries 2
    retry-on conn-failure empty-response
    # A second try over another old connection to a killed process fails as the first did: a caller's requests have one
    # that nobody shares, and a request that found it dead has a new one.
    http-reuse never
    max-session-srv-conns 1
    timeout connect 2s
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout client 30s
    # What cannot be taken in at once is told so at once.
    timeout queue 200ms
    timeout server 60s
    timeout check 2s
{errors}
"""

FRONTEND = """
frontend gateway
    bind {bind}{tls}
    bind unix@{gateway_socket} mode 600 name inside
    no option http-buffer-request
    http-request set-var(txn.rid) req.fhdr(x-request-id) if {{ req.fhdr(x-request-id) -m reg ^[A-Za-z0-9_.:-]{{1,128}}$ }}
    http-request set-var(txn.rid) uuid() unless {{ var(txn.rid) -m found }}
    http-request set-header x-request-id %[var(txn.rid)]
    # As a number, a length of ten digits or more may come out as another one.
    acl endless req.hdr(content-length) -m reg [1-9][0-9]{{9}}
    http-request set-var(txn.large) bool(true) if {{ req.hdr_val(content-length) gt {held} }} or endless or {{ req.fhdr(transfer-encoding) -m found }}
    http-after-response set-header x-request-id %[var(txn.rid)] if {{ var(txn.rid) -m found }}
    http-after-response del-header server
    # What answers before it has read a large body ends the connection: HAProxy now and then loses the next request on it.
    http-after-response set-header connection close if {{ var(txn.large) -m bool }} {{ status ge 400 }}
    # What comes by gRPC comes back as HTTP, by way of its door, and is judged then.
    acl grpc path_beg /inference.GRPCInferenceService/
    {too_large} if !grpc {{ req.hdr_val(content-length) gt {body_limit} }} or !grpc endless
    http-request wait-for-body time 10s
    # What the gRPC door asks on this host is an outsider's question; all else that comes inside is the portal's own.
    http-request set-var(txn.outside) bool(true) unless {{ so_name inside }}
    http-request set-var(txn.outside) bool(true) if {{ req.fhdr({caller}) -m str outside }}
    http-request del-header x-signalbox- -m beg
    http-request set-header {caller} {portal} unless {{ var(txn.outside) -m found }}
    http-request return status 200 content-type application/json string "{{\\"status\\":\\"ok\\"}}" if {{ path /healthz }}
    http-request allow if grpc
    http-request set-var(txn.environment) path,field(2,/)
    http-request set-var(txn.endpoint) path,field(3,/)
    http-request set-var(txn.key) var(txn.environment),concat(/,txn.endpoint)
{keys}    http-request set-var(txn.unnamed) var(txn.key),map_str({unnamed_map}) if {{ var(txn.outside) -m bool }}
    http-after-response del-header x-served- -m beg if {{ var(txn.unnamed) -m found }}
    http-request set-var(txn.route) var(txn.key),map_str({routes_map})
    {no_endpoint} if !{{ var(txn.route) -m found }}
    {no_route} if !{{ path_reg ^/[^/]+/[^/]+/(invocations|ping|health|version|v2(/.*)?)$ }}
    http-request set-var(txn.cut) var(txn.route),field(2,:)
    http-request set-var(txn.salt) var(txn.route),field(5,:)
    http-request set-var(txn.unit) req.fhdr(x-unit-id) if {{ req.fhdr(x-unit-id) -m found }}
    http-request set-var(txn.bucket) var(txn.unit),concat(:,txn.salt),crc32,mod({scale}) if {{ var(txn.unit) -m len gt 0 }}
    http-request set-var(txn.bucket) rand({scale}) unless {{ var(txn.bucket) -m found }}
    acl canary var(txn.bucket),sub(txn.cut) -m int lt 0
    http-request set-var(txn.arm) str(stable)
    http-request set-var(txn.arm) str(canary) if canary
    http-request set-var(txn.slot) var(txn.route),field(3,:)
    http-request set-var(txn.slot) var(txn.route),field(4,:) if canary
    http-request set-var(txn.revision) var(txn.route),field(6,:)
    http-request set-var(txn.revision) var(txn.route),field(7,:) if canary
    http-request set-var(txn.backend) str(slot_),concat(,txn.slot)
    # A canary whose process is down, or that has no room, is answered by stable.
    http-request set-var(txn.diverted) bool(true) if canary {{ var(txn.backend),nbsrv eq 0 }}
{full}    acl diverted var(txn.diverted) -m bool
    http-request set-header x-signalbox-assigned canary if diverted
    http-request set-var(txn.arm) str(stable) if diverted
    http-request set-var(txn.slot) var(txn.route),field(3,:) if diverted
    http-request set-var(txn.revision) var(txn.route),field(6,:) if diverted
    http-request set-header x-signalbox-arm %[var(txn.arm)]
    http-request set-header x-signalbox-at %[date(0,us)]
    http-request set-header x-signalbox-revision %[var(txn.revision)]
    http-request set-header x-signalbox-generation %[var(txn.route),field(1,:)]
    http-request set-path %[path,regsub(^/[^/]+/[^/]+,)]
    # A small prediction of a revision that hedges goes by way of Lua, which asks through `again`.
    http-request set-var(txn.hedge) var(txn.revision),map_str({hedged_map}) if METH_POST !{{ var(txn.large) -m bool }} {{ path_reg (^/invocations|/infer)$ }}
    acl hedges var(txn.hedge) -m found
    http-request set-var(txn.token) uuid() if hedges
    http-request set-header x-signalbox-hedge %[var(txn.token)] if hedges
    use_backend grpc if grpc
    use_backend hedged if hedges
    use_backend slot_%[var(txn.slot)]
    default_backend nowhere

backend grpc
    no log
    server s unix@{grpc_socket} proto h2

backend hedged
    no log
    http-request use-service lua.hedge

frontend again
    bind unix@{again_socket} mode 600
    no log
    use_backend slot_%[req.hdr(x-signalbox-slot)]
    default_backend nowhere

backend nowhere
    {no_endpoint}
"""

KEYS = """\
    http-request set-var(txn.given) http_auth_bearer
    http-request set-var(txn.given) req.fhdr(x-endpoint-key) if {{ req.fhdr(x-endpoint-key) -m found }}
    http-request set-var(txn.allowed) var(txn.given),sha2(256),hex,lower,concat(/,txn.key),map_str({keys_map}) if {{ var(txn.given) -m found }}
    {no_key} if !{{ var(txn.allowed) -m found }}
    http-request del-header authorization
    http-request del-header x-endpoint-key
"""

FULL = """\
    http-request set-var(txn.diverted) bool(true) if canary {{ var(txn.slot) -m str {slot:02d} }} {{ queue(slot_{slot:02d}) gt 0 }}
"""
"""The length of a queue can only be asked for by a name that is written out."""

METRICS = """
frontend metrics
    bind {bind}
    no log
    http-request return status 405 if !METH_GET
    http-request use-service prometheus-exporter if {{ path /metrics }}
    http-request return status 404 if !{{ path /metrics/revisions }}
    http-request set-path /metrics
    http-request del-header authorization
    default_backend agent

backend agent
    no log
    server s unix@{agent_socket}
"""

BACKEND = """
backend slot_{slot:02d}
    # An empty slot is no news; failed requests are logged by the frontend.
    no log
    {busy} if {{ queue gt 0 }}
    http-request set-timeout server req.fhdr(x-deadline-ms),add({grace}) if {{ req.fhdr(x-deadline-ms) -m reg ^[0-9]{{1,6}}$ }}
    option httpchk GET /v2/health/ready
    http-check expect status 200
    balance leastconn
    use-server %[req.hdr(x-signalbox-process)] if {{ req.hdr(x-signalbox-process) -m found }}
    default-server maxconn {maxconn} check inter 1s fastinter 250ms downinter 1s rise 1 fall 3
    server s unix@{socket}
"""
REPLICA = """\
    server r{number} unix@{socket} disabled
"""


def render(settings: Settings) -> str:
    """The configuration for these settings."""
    places = settings.places
    top = GLOBAL.format(
        router_socket=places.router_socket,
        hedging=places.hedging_script,
        again_socket=places.again_socket,
        most_replicas=MOST_REPLICAS,
        errors=problems.error_lines(),
    )
    front = FRONTEND.format(
        bind=settings.bind,
        gateway_socket=places.gateway_socket,
        grpc_socket=places.grpc_socket,
        tls=f" ssl crt {settings.tls_pem} alpn h2,http/1.1" if settings.tls_pem else "",
        keys=_keys(settings),
        routes_map=places.routes_map,
        unnamed_map=places.unnamed_map,
        hedged_map=places.hedged_map,
        again_socket=places.again_socket,
        caller=contract.HEADER_CALLER,
        portal=contract.PORTAL,
        body_limit=BODY_LIMIT,
        held=HELD_BYTES,
        scale=CUT_SCALE,
        full="".join(FULL.format(slot=slot) for slot in range(places.slots)),
        no_endpoint=problems.NO_ENDPOINT,
        no_route=problems.NO_ROUTE,
        too_large=problems.TOO_LARGE,
    )
    return top + front + _metrics(settings) + "".join(_backend(places, slot) for slot in range(places.slots))


def _keys(settings: Settings) -> str:
    if not settings.require_key:
        return ""
    return KEYS.format(keys_map=settings.places.keys_map, no_key=problems.NO_KEY)


def _metrics(settings: Settings) -> str:
    """HAProxy's own exporter, and of the agent's calls the one that says what revisions have counted."""
    if not settings.metrics_bind:
        return ""
    return METRICS.format(bind=settings.metrics_bind, agent_socket=settings.places.agent_socket)


def _backend(places: Places, slot: int) -> str:
    socket = places.slot_socket(slot)
    first = BACKEND.format(slot=slot, socket=socket, maxconn=PER_REVISION, busy=problems.BUSY, grace=GRACE_MS)
    beside = range(1, MOST_REPLICAS)
    return first + "".join(REPLICA.format(number=n, socket=places.slot_socket(slot, n)) for n in beside)
