"""MLflow's registry in memory, for tests of what stands on top of it; `tests/registry/test_mlflow_contract.py` holds it
to what the real server does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from registry.adapters import mlflow_rest
from registry.adapters.mlflow_rest import MlflowRefused

Found = dict[str, Any]


class MemoryMlflow:
    """Models, versions, aliases and files that a test has put there."""

    def __init__(self) -> None:
        self.held: dict[str, dict[int, Found]] = {}
        self.described: dict[str, str] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.aliases: dict[tuple[str, str], int] = {}
        self.experiments: dict[str, Found] = {}
        self.stored: dict[str, bytes] = {}
        self.hooks: dict[str, Found] = {}

    def put_model(self, name: str) -> None:
        self.held[name] = {}

    def put_version(self, name: str, source: str = "") -> int:
        number = len(self.held[name]) + 1
        self.held[name][number] = {"name": name, "version": str(number), "source": source}
        return number

    def run(self, run_id: str) -> Found:
        raise MlflowRefused(404, f"Run with id={run_id} not found")

    def metric_history(self, run_id: str, metric: str) -> list[Found]:
        return []

    def files(self, path: str) -> list[Found]:
        below = path + "/"
        return [
            {"path": name.removeprefix(below), "size": len(body)}
            for name, body in sorted(self.stored.items())
            if name.startswith(below)
        ]

    @contextmanager
    def read(self, path: str) -> Iterator[Iterator[bytes]]:
        if path not in self.stored:
            raise MlflowRefused(404, f"artifact {path}: 404")
        yield iter([self.stored[path]])

    def experiment(self, name: str) -> Found | None:
        return self.experiments.get(name)

    def model(self, name: str) -> Found | None:
        if name not in self.held:
            return None
        aliases = [{"alias": a, "version": str(n)} for (model, a), n in self.aliases.items() if model == name]
        tags = [{"key": key, "value": value} for key, value in self.tags.get(name, {}).items()]
        return {"name": name, "description": self.described.get(name, ""), "aliases": aliases, "tags": tags}

    def models(self) -> Iterator[Found]:
        for name in self.held:
            yield self.model(name) or {}

    def version(self, model: str, number: int) -> Found | None:
        return self.held.get(model, {}).get(number)

    def versions(self, model: str = "") -> Iterator[Found]:
        for name, held in self.held.items():
            if model in ("", name):
                yield from held.values()

    def describe(self, model: str, text: str) -> None:
        self._known(model)
        self.described[model] = text

    def alias(self, model: str, alias: str) -> int | None:
        return self.aliases.get((model, alias))

    def set_alias(self, model: str, alias: str, number: int) -> None:
        if self.version(model, number) is None:
            raise MlflowRefused(404, f"Model Version (name={model}, version={number}) not found")
        self.aliases[model, alias] = number

    def delete_alias(self, model: str, alias: str) -> None:
        self._known(model)
        self.aliases.pop((model, alias), None)

    def set_tag(self, model: str, number: int | None, key: str, value: str) -> None:
        self._tag(model, number, key, value)

    def delete_tag(self, model: str, number: int | None, key: str) -> None:
        self._tag(model, number, key, None)

    def _tag(self, model: str, number: int | None, key: str, value: str | None) -> None:
        self._known(model)
        if number is None:
            held = self.tags.setdefault(model, {})
        elif (found := self.version(model, number)) is not None:
            held = {tag["key"]: tag["value"] for tag in found.get("tags", [])}
        else:
            raise MlflowRefused(404, f"Model Version (name={model}, version={number}) not found")
        if value is None:
            held.pop(key, None)
        else:
            held[key] = value
        if number is not None:
            self.held[model][number]["tags"] = [{"key": k, "value": v} for k, v in held.items()]

    def webhooks(self) -> list[Found]:
        return [{key: value for key, value in hook.items() if key != "secret"} for hook in self.hooks.values()]

    def create_webhook(self, body: Found) -> None:
        made = f"w{len(self.hooks)}-{body['name']}"
        self.hooks[made] = body | {"webhook_id": made}

    def delete_webhook(self, webhook_id: str) -> None:
        if self.hooks.pop(webhook_id, None) is None:
            raise MlflowRefused(404, f"Webhook with ID {webhook_id} not found")

    def _known(self, model: str) -> None:
        if model not in self.held:
            raise MlflowRefused(404, f"Registered Model with name={model} not found")


class HoldsAll(MemoryMlflow):
    """Takes any alias of any model: for tests whose models never came through MLflow."""

    def set_alias(self, model: str, alias: str, number: int) -> None:
        self.aliases[model, alias] = number

    def delete_alias(self, model: str, alias: str) -> None:
        self.aliases.pop((model, alias), None)


@contextmanager
def using(found: MemoryMlflow) -> Iterator[MemoryMlflow]:
    """For as long as it lasts, this is the installation's MLflow."""
    mlflow_rest.use(found)
    try:
        yield found
    finally:
        mlflow_rest.use(None)
