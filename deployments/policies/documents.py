"""Policies as YAML: what is exported can be applied. Text in, plain data out; nothing of YAML beyond what JSON has."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml

from portal.core.errors import BadInput

Json = dict[str, Any]
LONGEST = 200_000
ORDER = ("approvals", "request_days", "approval_hours", "warm_hours", "step_up", "gates")


@dataclass(frozen=True, slots=True)
class Entry:
    """The rules of one environment and risk tier ("" for all tiers); None where the tier is to have none of its own."""

    environment: str
    tier: str
    rules: Json | None


class _Plain(yaml.SafeLoader):
    """Without anchors, which can grow without bound, dates, and keys that stand twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not taken")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if not isinstance(key, str):
                raise yaml.YAMLError(f"the key {key!r} must be text")
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"the key {key!r} stands twice in one object")
        return super().construct_mapping(node, deep=deep)


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def dump(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100)


def in_order(rules: Json) -> Json:
    """The members in the order in which people think of them; the database keeps none."""
    first = [name for name in ORDER if name in rules]
    return {name: rules[name] for name in [*first, *sorted(set(rules) - set(first))]}


def of_rules(rules: Json) -> str:
    """The rules of one policy as YAML."""
    return dump(in_order(rules))


def load(text: str, where: str = "yaml") -> Any:
    """The plain data; raises `BadInput` with the line that cannot be read."""
    if len(text) > LONGEST:
        raise BadInput("This is longer than 200\u202f000 characters.", fields={where: "too long"})
    try:
        return yaml.load(text, Loader=_Plain)  # noqa: S506 - a safe loader, narrowed further
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        told = " ".join(str(error).split()) or "it is nested too deeply"
        raise BadInput(f"This is not YAML that can be read: {told}.", fields={where: told}) from error


def rules(text: str) -> Json:
    """The rules of one policy; YAML or JSON, which is YAML too."""
    found = load(text, "rules")
    if not isinstance(found, dict):
        raise BadInput(
            "Write the rules as one object, such as approvals, request_days, gates.", fields={"rules": "object"}
        )
    return found


def write(found: Iterable[tuple[str, Entry]]) -> str:
    """One document of all entries, each below its name as a comment."""
    parts = ["# Policies in force. Apply with: signalbox policies apply FILE\npolicies:\n"]
    for name, entry in found:
        what = {"rules": in_order(entry.rules)} if entry.rules is not None else {"retired": True}
        body = dump({"environment": entry.environment, "tier": entry.tier or None, **what})
        first, *rest = body.splitlines()
        lines = [f"  # {name}", f"  - {first}", *(f"    {line}" for line in rest)]
        parts.append("\n".join(lines) + "\n")
    return "".join(parts)


def read(text: str) -> list[Entry]:
    """The entries of a document; raises `BadInput` that names the entry and the member that is wrong."""
    found = load(text)
    if not isinstance(found, dict) or set(found) != {"policies"} or not isinstance(found["policies"], list):
        raise BadInput("The file needs exactly one member, policies, a list.", fields={"yaml": "policies: a list"})
    entries = [_entry(index, item) for index, item in enumerate(found["policies"])]
    places = [(entry.environment, entry.tier) for entry in entries]
    for environment, tier in places:
        if places.count((environment, tier)) > 1:
            raise BadInput(f"{environment} {tier or 'without a tier'} stands twice.", fields={"yaml": "stands twice"})
    return entries


def _entry(index: int, item: Any) -> Entry:
    where = f"policies[{index}]"
    members = set(item) - {"tier"} if isinstance(item, dict) else set()
    if members not in ({"environment", "rules"}, {"environment", "retired"}):
        raise BadInput(
            f"{where} needs environment, and either rules or retired: true. It may have tier.",
            fields={where: "environment, rules"},
        )
    environment, tier = item["environment"], item.get("tier") or ""
    if not isinstance(environment, str) or not isinstance(tier, str) or not isinstance(item.get("rules", {}), dict):
        raise BadInput(f"{where}: environment and tier are text, rules an object.", fields={where: "wrong kind"})
    if "retired" in item and (item["retired"] is not True or not tier):
        raise BadInput(f"{where}: only the policy of a tier is retired, by retired: true.", fields={where: "retired"})
    return Entry(environment, tier, item.get("rules"))
