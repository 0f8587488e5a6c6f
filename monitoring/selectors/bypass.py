"""Who could go round the portal, and how: each way past a gate, what stands in it, and who holds the key.

Nothing here is asserted: each line is read from the system that would have to be misused.
"""

import os
import pwd
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Max

from portal.accounts import access
from portal.accounts.models import RoleGrant
from portal.accounts.permissions import Permission
from portal.accounts.roles import Role
from portal.audit import guard
from portal.core.actors import Actor
from registry.models import HookDelivery, MirrorPass

GROUP_OR_OTHERS = stat.S_IRWXG | stat.S_IRWXO
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class Way:
    """One way past the portal. `tone` is ok where it is closed or only ours, warn where others could take it."""

    name: str
    tone: str
    state: str
    who: str
    seen: str


def read(actor: Actor) -> list[Way]:
    """All ways, the open ones first."""
    access.may_somewhere(actor, Permission.SYSTEM_VIEW).require()
    ways: list[Callable[[], Way]] = [mlflow, watching, database, store, agent, administrators]
    order = ("bad", "warn", "mute", "ok")
    return sorted((way() for way in ways), key=lambda way: order.index(way.tone))


def mlflow() -> Way:
    """Calling MLflow itself, past the gate."""
    name = "Call MLflow without the portal"
    seen = "An alias moved there is found and put back; tags and deletions are found and told."
    upstream = settings.MLFLOW_UPSTREAM
    if not upstream.startswith("unix:"):
        who = f"Whoever reaches {upstream}. Keep it on a network that only the portal is on."
        return Way(name, "warn", "By its address", who, seen)
    return _file(name, Path(upstream.removeprefix("unix:")), GROUP_OR_OTHERS, seen)


def watching() -> Way:
    """How soon a change behind the gate is noticed."""
    name = "Change MLflow unseen for a while"
    passed, told = MirrorPass.objects.first(), HookDelivery.objects.aggregate(at=Max("at"))["at"]
    seen = f"last full comparison {passed.at:%Y-%m-%d %H:%M:%S} UTC" if passed else "MLflow was never compared yet"
    if not settings.SIGNALBOX_MLFLOW_HOOK_SECRET:
        who = "Whoever can call MLflow. Set SIGNALBOX_MLFLOW_HOOK_SECRET to hear of changes at once."
        return Way(name, "warn", "Up to a minute", who, seen)
    seen += f"; last message {told:%Y-%m-%d %H:%M:%S} UTC" if told else "; no message yet"
    who = "Nobody: MLflow signs a message about each alias and tag. Deletions make none and show within a minute."
    return Way(name, "ok", "Seconds", who, seen)


def database() -> Way:
    """Writing governed tables without the portal's code."""
    tables = sorted(guard.GOVERNED)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT r.rolname, r.rolsuper FROM pg_roles r CROSS JOIN unnest(%s::text[]) AS t "
            "WHERE r.rolcanlogin AND (r.rolsuper OR has_table_privilege(r.rolname, t, 'UPDATE')) ORDER BY 1",
            [tables],
        )
        roles = [f"{role} (superuser)" if everything else role for role, everything in cursor.fetchall()]
        cursor.execute("SELECT current_user")
        (own,) = cursor.fetchone()
    others = [role for role in roles if role != own]
    seen = (
        f"The database itself refuses to change any of {len(tables)} governed tables without an event of the same "
        "transaction; only superusers and owners can take that away."
    )
    who = f"{own}, which is the portal" + (f"; and {', '.join(others)}" if others else "")
    return Way("Write the database", "warn" if others else "ok", f"{len(roles)} database roles", who, seen)


def store() -> Way:
    """Changing approved files where they are kept."""
    seen = "Files are digested again when a revision is loaded; others than the approved ones are never served."
    return _file("Change files in the artifact store", Path(settings.SIGNALBOX_STORE), OTHERS_WRITE, seen)


def agent() -> Way:
    """Telling the serving agent what to serve."""
    seen = "What is in force is read back and put right; the endpoint's page shows a difference in red."
    address = settings.SIGNALBOX_AGENT
    name = "Command the serving agent"
    if not address.startswith("unix:"):
        held = "who holds SIGNALBOX_AGENT_TOKEN" if settings.SIGNALBOX_AGENT_TOKEN else "anybody: no token is set"
        tone = "warn" if settings.SIGNALBOX_AGENT_TOKEN else "bad"
        return Way(name, tone, "By its address", f"Whoever reaches {address} and {held}.", seen)
    return _file(name, Path(address.removeprefix("unix:")), GROUP_OR_OTHERS, seen)


def administrators() -> Way:
    """People who hand out roles."""
    held = RoleGrant.objects.filter(role=Role.ADMINISTRATOR, person__is_active=True).select_related("person")
    names = sorted({grant.person.name for grant in held if grant.person})
    seen = "Each grant of a role is in the log. Nobody can change their own; requester and uploader never approve."
    who = ", ".join(names) or "Nobody"
    return Way("Give a role to somebody who then approves", "warn", f"{len(names)} administrators", who, seen)


def _file(name: str, path: Path, loose: int, seen: str) -> Way:
    """A way through a file or socket of this host: open to its owner, and to others where its mode says so."""
    try:
        # A socket's own mode is worth what the folders above it leave of it.
        modes = [(part, part.stat()) for part in (path, path.parent)]
    except OSError as error:
        return Way(name, "mute", "Unknown", f"{path} cannot be looked at from here: {error.strerror}.", seen)
    owner = _account(modes[0][1].st_uid)
    if all(found.st_mode & loose for _, found in modes):
        return Way(name, "warn", "Open to others", f"{owner}, root and other accounts of this host: see {path}.", seen)
    own = " (the portal's own account)" if modes[0][1].st_uid == os.geteuid() else ""
    return Way(name, "ok", "Closed to others", f"{owner}{own} and root of this host, at {path}.", seen)


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"account {uid}"
