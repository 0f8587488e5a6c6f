from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from portal.accounts.models import Person, Team
from portal.accounts.services import tokens
from registry.adapters import mlflow_rest
from registry.gate import access_log
from tests import world
from tests.gate import servers


@pytest.fixture(scope="session")
def mlflow_upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("ml")
    with servers.mlflow_server(folder) as upstream:
        yield upstream


@dataclass
class Gate:
    """The portal with MLflow behind it, two teams, and a way to call as somebody."""

    url: str
    team: Team
    other: Team
    priya: Person
    olga: Person

    def token(self, who: Person, *scopes: str) -> str:
        return tokens.create(actor=world.SYSTEM, owner=who, name="test", scopes=list(scopes or ("mlflow",))).secret

    def client(self, who: Person, *scopes: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token(who, *scopes)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


@pytest.fixture
def gate(transactional_db: None, mlflow_upstream: str, settings: object, tmp_path: object) -> Iterator[Gate]:
    settings.MLFLOW_UPSTREAM = mlflow_upstream  # type: ignore[attr-defined]
    settings.SIGNALBOX_STORE = tmp_path / "store"  # type: ignore[attr-defined,operator]
    upstream = mlflow_rest.MlflowRest(mlflow_upstream)
    mlflow_rest.use(upstream)
    team, other = world.team("flights"), world.team("other")
    with servers.portal_server() as url:
        settings.SIGNALBOX_URL = url  # type: ignore[attr-defined]
        yield Gate(
            url=url,
            team=team,
            other=other,
            priya=world.person("Priya Nair", ("data_scientist", team)),
            olga=world.person("Olga Out", ("data_scientist", other)),
        )
    access_log.flush()
    mlflow_rest.use(None)
    upstream.close()
