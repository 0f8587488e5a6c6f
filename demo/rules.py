"""Changing the policy of an environment as two administrators do."""

from demo.client import Json, Session

CHANGES = "/api/v1/policies/changes/"


def set_rules(one: Session, other: Session, environment: str, change: Json, why: str) -> None:
    """Have `one` propose these members of the rules and `other` approve; nothing is sent when they are so already."""
    policy = next(found for found in one.every("/api/v1/policies/") if found["name"] == environment)
    rules = {**policy["in_force"]["rules"], **change}
    if policy["in_force"]["rules"] == rules:
        return
    row = policy["change"] or one.post(CHANGES, {"environment": environment, "rules": rules, "why": why})
    path, seen = f"{CHANGES}{row['id']}/", {"seen": row["digest"]}
    if row["status"] == "draft":
        one.post(f"{path}propose/", seen)
    other.post(f"{path}approve/", seen)
