"""A small world for tests: people, a model with versions, built as the product's own verbs would leave it."""

import hashlib
import itertools
from dataclasses import asdict
from typing import Any

from django.db import transaction

from deployments.models import Environment, PolicyVersion
from deployments.selectors import policies as select
from deployments.services import environments, policies
from portal.accounts.models import Person, RoleGrant, StepUp, Team
from portal.accounts.stepup import session_hash
from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core import actors
from portal.core.actors import Actor, Grant
from registry.models import ArtifactScan, DataSet, DataSetVersion, ModelVersion, RegisteredModel
from registry.scanning.outcomes import RULES_VERSION, found
from registry.services import scans

SYSTEM = actors.system("a world for tests", via="command")
_numbers = itertools.count(1)

SIGNATURE = {
    "inputs": [
        {"type": "double", "name": "distance", "required": True},
        {"type": "string", "name": "carrier", "required": True},
    ],
    "outputs": [{"type": "double", "name": "late", "required": True}],
}


@transaction.atomic
def team(slug: str = "flights") -> Team:
    row, made = Team.objects.get_or_create(slug=slug, defaults={"name": slug.replace("-", " ").capitalize()})
    if made:
        recorder.record("team.created", actor=SYSTEM, subject=Subject.of("team", row.pk, row.name))
    return row


@transaction.atomic
def person(name: str, *roles: tuple[str, Team | None], password: str = "") -> Person:
    """Somebody with roles given as (role, team or None for everywhere)."""
    email = f"{name.lower().replace(' ', '.')}.{next(_numbers)}@example.org"
    row = Person.objects.create_user(email, password or None, name=name)
    recorder.record("person.created", actor=SYSTEM, subject=Subject.of("person", row.pk, name))
    for role, where in roles:
        grant(row, role, where)
    return row


@transaction.atomic
def grant(row: Person, role: str, where: Team | None) -> RoleGrant:
    made = RoleGrant.objects.create(person=row, role=role, team=where, granted_by="system")
    recorder.record(
        "role.granted",
        actor=SYSTEM,
        subject=Subject.of("role_grant", made.pk, f"{row}: {made}"),
        data={"role": role, "team": where.slug if where else None},
    )
    return made


def actor(row: Person, *, session: str = "session-1") -> Actor:
    """The person in a session, with the rights they hold now."""
    held = frozenset(Grant(g.role, g.team_id) for g in RoleGrant.objects.filter(person=row))
    return Actor(
        kind="user",
        id=f"person:{row.pk}",
        label=row.name,
        person_id=row.pk,
        grants=held,
        session_or_token_id=session,
        auth_method="password",
    )


@transaction.atomic
def model(name: str = "flight-delay", where: Team | None = None) -> RegisteredModel:
    row = RegisteredModel.objects.create(name=name, name_key=name, team=where or team())
    recorder.record("registered_model.created", actor=SYSTEM, subject=Subject.of("registered_model", row.pk, name))
    return row


@transaction.atomic
def version(of: RegisteredModel, by: Person | None = None, **columns: Any) -> ModelVersion:
    """The next version, ready to serve unless `columns` say otherwise."""
    number = of.versions.count() + 1
    digest = "sha256:" + hashlib.sha256(f"{of.name} {number}".encode()).hexdigest()
    values = {
        "status": "ready",
        "digest": digest,
        "signature": SIGNATURE,
        "metrics": {"roc_auc": 0.70 + number / 100, "log_loss": 0.5 - number / 100},
        "size_bytes": 1234,
        "registered_by": f"person:{by.pk}" if by else "system",
        "registered_by_person": by,
    }
    row = ModelVersion.objects.create(model=of, number=number, **(values | columns))
    recorder.record("model_version.registered", actor=SYSTEM, subject=Subject.of("model_version", row.pk, str(row)))
    return row


@transaction.atomic
def scanned(row: ModelVersion, outcome: str = "clean", *rules: str, **parts: Any) -> ArtifactScan:
    """A scan of the version with a finding by each of the rules, signed as the product signs it."""
    findings = [asdict(found("model.pkl", rule, "Something was found.")) for rule in rules]
    answer = {"outcome": outcome, "rules": RULES_VERSION, "files": [], "findings": findings, "packages": []}
    return scans.note(row, answer | parts, actor=SYSTEM)


@transaction.atomic
def data_version(name: str, where: Team, **columns: Any) -> DataSetVersion:
    """A ready version of a new data set with the columns distance, carrier and label; its files are nowhere."""
    row = DataSet.objects.create(name=name, name_key=name, team=where)
    recorder.record("data_set.created", actor=SYSTEM, subject=Subject.of("data_set", row.pk, name))
    return _data_version(row, 1, columns)


@transaction.atomic
def next_data_version(of: DataSetVersion, **columns: Any) -> DataSetVersion:
    """The next version of the same data set."""
    return _data_version(of.data_set, of.data_set.versions.count() + 1, columns)


def _data_version(row: DataSet, number: int, columns: dict[str, Any]) -> DataSetVersion:
    kinds = {"distance": "number", "carrier": "text", "label": "number"}
    values = {
        "status": "ready",
        "digest": "sha256:" + hashlib.sha256(f"{row.name} {number}".encode()).hexdigest(),
        "rows": 100,
        "columns": [{"name": column, "type": "VARCHAR", "kind": kind} for column, kind in kinds.items()],
        "source": {"kind": "folder", "path": "/srv"},
        "registered_by": "system",
    }
    made = DataSetVersion.objects.create(data_set=row, number=number, **(values | columns))
    where_from = Subject.of("data_set_version", made.pk, str(made))
    recorder.record("data_set_version.registered", actor=SYSTEM, subject=where_from, data={"source": made.source})
    return made


def production(**rules: Any) -> Environment:
    """The environment `production`, with other rules where given: one administrator proposes, another approves."""
    environments.ensure_defaults()
    if rules and (wanted := rules_of("production") | rules) != rules_of("production"):
        change_policy("production", wanted)
    return Environment.objects.get(name="production")


def rules_of(environment: str, tier: str = "") -> dict[str, Any]:
    """The content of the policy in force."""
    row = Environment.objects.get(name=environment)
    return dict(select.in_force(row.pk, tier).content)


def change_policy(environment: str, rules: dict[str, Any], tier: str = "") -> PolicyVersion:
    """Other rules in force, by the hands of two administrators made for it."""
    author, other = (actor(person(f"Administrator {n}", ("administrator", None))) for n in (1, 2))
    row = policies.draft(actor=author, environment=environment, tier=tier, rules=rules, why="For this test.")
    policies.propose(actor=author, change_id=row.pk, seen=row.digest)
    step_up(other, policies.binding(row.pk, row.digest))
    return policies.approve(actor=other, change_id=row.pk, seen=row.digest)


def step_up(who: Actor, binding: str, method: str = "password") -> StepUp:
    """A fresh look at the person, as the step-up form leaves it."""
    assert who.person_id is not None
    return StepUp.objects.create(
        person_id=who.person_id, session_key_hash=session_hash(who), method=method, binding=binding
    )
