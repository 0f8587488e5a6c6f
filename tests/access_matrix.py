"""The access matrix: one entry per route and method, saying what each audience gets.

`tests/access/test_matrix.py` walks the real URLconf and the gate's list of routes against `RULES`; a route without an
entry fails. To add a route, add a `page(...)` or `call(...)` to the module of its app under `tests/access/rules/`.

Audiences. Viewer, data scientist, ML lead and operator hold their role in the team "Flight operations", to which all
objects belong. Auditor and administrator hold theirs everywhere. The outsider holds the three working roles in another
team. The tokens belong to somebody who holds every role everywhere, so what they are refused, their scope refuses.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

VIEWER, SCIENTIST, LEAD, OPERATOR = "viewer", "data_scientist", "ml_lead", "operator"
AUDITOR, ADMIN, OUTSIDER = "auditor", "administrator", "outsider"
ANONYMOUS, DISABLED = "anonymous", "disabled"
SCOPES = (
    "read",
    "mlflow",
    "data",
    "evaluate",
    "batch_predict",
    "promote",
    "rollback",
    "rollouts",
    "predict",
    "endpoints",
    "keys",
    "ground_truth",
    "policies",
    "audit",
)
TOKENS = tuple(f"token:{scope}" for scope in SCOPES)

TEAM = (VIEWER, SCIENTIST, LEAD, OPERATOR)
GLOBAL = (AUDITOR, ADMIN)
INSIDERS = (*TEAM, *GLOBAL)
PEOPLE = (*INSIDERS, OUTSIDER)
NOBODY = (ANONYMOUS, DISABLED)
AUDIENCES = (*NOBODY, *PEOPLE, *TOKENS)

World = Any
Values = Callable[[World], Mapping[str, Any]]


def nothing(world: World) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class RouteRule:
    """What each audience gets for one method of one route. `send` is the body of a request that would be accepted."""

    route: str
    method: str
    expect: Mapping[str, int]
    kwargs: Values = nothing
    send: Values = nothing
    query: Values = nothing
    json: bool = False
    case: str = ""
    before: Callable[[World], None] | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        return f"{self.method} {self.route}" + (f" ({self.case})" if self.case else "")


def _cells(everybody: int, may: Collection[str], ok: int, otherwise: int, special: Mapping[str, int]) -> dict[str, int]:
    expect = dict.fromkeys(NOBODY, everybody)
    expect |= {who: ok if who in may else otherwise for who in PEOPLE}
    return expect | dict(special)


def page(
    route: str,
    method: str = "GET",
    *,
    may: Collection[str] = PEOPLE,
    ok: int = 200,
    otherwise: int = 403,
    outsider: int | None = None,
    special: Mapping[str, int] | None = None,
    **options: Any,
) -> RouteRule:
    """A page: anonymous visitors and tokens are sent to sign in; `may` get `ok`, others `otherwise`."""
    out = {OUTSIDER: outsider} if outsider is not None and OUTSIDER not in may else {}
    expect = _cells(302, may, ok, otherwise, out) | dict.fromkeys(TOKENS, 302) | dict(special or {})
    return RouteRule(route, method, expect, **options)


def open_page(
    route: str, method: str = "GET", *, status: int, special: Mapping[str, int] | None = None, **options: Any
) -> RouteRule:
    """On the reviewed public list: everybody gets the same, but for `special`."""
    return RouteRule(route, method, dict.fromkeys(AUDIENCES, status) | dict(special or {}), **options)


def call(
    route: str,
    method: str = "GET",
    *,
    may: Collection[str] = PEOPLE,
    ok: int = 200,
    otherwise: int = 403,
    outsider: int | None = None,
    scopes: Collection[str] = (),
    scope_ok: int | None = None,
    scope_otherwise: int = 403,
    special: Mapping[str, int] | None = None,
    **options: Any,
) -> RouteRule:
    """A call of the API: 401 for nobody; people as for pages; tokens of `scopes` get `scope_ok`, others a refusal."""
    out = {OUTSIDER: outsider} if outsider is not None and OUTSIDER not in may else {}
    expect = _cells(401, may, ok, otherwise, out)
    good = ok if scope_ok is None else scope_ok
    expect |= {f"token:{scope}": good if scope in scopes else scope_otherwise for scope in SCOPES}
    return RouteRule(route, method, expect | dict(special or {}), json=True, **options)


def _all() -> tuple[RouteRule, ...]:
    from tests.access.rules import accounts, audit, deployments, frame, pipelines, policies, registry, sign_in

    modules = (frame, sign_in, accounts, audit, registry, deployments, policies, pipelines)
    return tuple(rule for module in modules for rule in module.RULES)


RULES = _all()
