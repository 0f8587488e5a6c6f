"""A revision alone in a container: the process that a cluster starts, without the cluster."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from serving import pod
from serving.contract import RevisionSpec, RouteSpec
from serving.tally import Tally
from tests.cluster import controller, targets
from tests.cluster.apiserver import ApiServer
from tests.serving.zoo import PROJECT, Zoo, body
from tests.waiting import wait_until


@dataclass
class Pod:
    process: "subprocess.Popen[str]"
    url: str
    inside: str
    last_words: Path
    keys: Path

    def ask(self, path: str, key: str = "", headers: dict[str, str] | None = None, rows: int = 1) -> httpx.Response:
        sent = {"authorization": f"Bearer {key}"} if key else {}
        questions = body(*[{"x": 3.0}] * rows)
        return httpx.post(f"{self.url}{path}", json=questions, headers=sent | (headers or {}), trust_env=False)

    def ready(self) -> bool:
        assert self.process.poll() is None, self.last_words.read_text()
        try:
            return httpx.get(f"{self.url}/v2/health/ready", trust_env=False, timeout=1).status_code == 200
        except httpx.TransportError:
            return False


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@contextmanager
def started(folder: Path, models: Zoo, spec: dict[str, Any]) -> Iterator[Pod]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        bind, inside = (f"127.0.0.1:{free.getsockname()[1]}" for free in (one, other))
    folder.chmod(0o711)
    env = os.environ | {
        "SIGNALBOX_SERVING_DIR": str(folder / "home"),
        "SIGNALBOX_RUN": str(folder / "run"),
        "SIGNALBOX_STORE": str(models.store),
        pod.REVISION: json.dumps(spec),
        pod.BIND: bind,
        pod.INSIDE: inside,
        pod.KEYS: str(folder / "keys"),
        pod.LAST_WORDS: str(folder / "last-words"),
        pod.DRAIN: "0.1",
    }
    command = [sys.executable, "-m", "serving", "revision"]
    with subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Pod(process, f"http://{bind}", f"http://{inside}", folder / "last-words", folder / "keys")
        finally:
            # What a container's end takes with it.
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            process.kill()
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    child.kill()


def test_it_answers_and_ends_when_told(models: Zoo, tmp_path_factory: pytest.TempPathFactory) -> None:
    spec = models.versions["double"].spec("flights") | {"id": "r1"}
    with started(tmp_path_factory.mktemp("pod"), models, spec) as running:
        wait_until(running.ready, 90, "the pod to be ready")
        assert running.ask("/invocations").status_code == 401
        running.keys.write_text(f"{hashed('mine')}\n{hashed('other')}\n")
        wait_until(lambda: running.ask("/invocations", "mine").status_code == 200, 10, "the key to be known")
        answer = running.ask("/invocations", headers={"x-endpoint-key": "other"})
        assert (answer.status_code, answer.headers["x-served-version"]) == (200, "1"), answer.text
        refused = running.ask("/invocations", "wrong")
        assert (refused.status_code, refused.json()["code"]) == (401, "key_missing")
        assert running.ask("/-/status", "mine").json()["code"] == "route_unknown"
        assert httpx.get(f"{running.inside}/-/status", trust_env=False).json()["digest"] == spec["digest"]
        assert httpx.post(f"{running.inside}/invocations", trust_env=False).json()["code"] == "route_unknown"
        running.keys.write_text(hashed("other"))
        wait_until(lambda: running.ask("/invocations", "mine").status_code == 401, 10, "the key to be revoked")
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
        assert not running.last_words.exists()


def test_what_died_with_its_process_is_told_by_the_next(models: Zoo, tmp_path_factory: pytest.TempPathFactory) -> None:
    spec = models.ends.spec("flights") | {"id": "r1"}
    folder = tmp_path_factory.mktemp("pod")
    with started(folder, models, spec) as running:
        running.keys.write_text(hashed("mine"))
        wait_until(running.ready, 90, "the pod to be ready")
        wait_until(lambda: running.ask("/invocations", "mine").status_code == 200, 10, "the key to be known")
        with pytest.raises(httpx.TransportError):
            running.ask("/invocations", "mine", {"x-signalbox-arm": "canary"}, rows=2)
        assert running.process.wait(20) == pod.AGAIN
    with started(folder, models, spec) as running:
        wait_until(running.ready, 90, "the pod to be ready again")
        running.ask("/invocations", "mine", {"x-signalbox-caller": "portal"})  # nobody can pose as the portal
        found = httpx.get(f"{running.inside}/-/measures", trust_env=False).json()
        assert (found["requests"], found["errors"], found["arms"]) == (2, 1, {"canary": 1, "stable": 1})


def test_a_tally_starts_from_nothing_and_keeps_what_is_open(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "questions", os.O_RDWR | os.O_CREAT)
    first = Tally(descriptor)
    assert first.died == {"stable": 0, "canary": 0}
    for arm in ("stable", "canary", "canary"):
        first.begin(arm)
    first.end("stable")
    assert Tally(descriptor).died == {"stable": 0, "canary": 2}
    assert Tally(descriptor).died == {"stable": 0, "canary": 0}
    os.close(descriptor)


@pytest.mark.cluster
def test_what_it_counts_is_read_through_the_api_server(
    api_server: ApiServer, models: Zoo, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A real process behind a real API server; the network between them alone is played."""
    told = models.versions["double"].spec("flights")
    spec = RevisionSpec("r1", **told)
    runtime = targets.runtime(api_server, "deployments", models.store)
    with (
        controller.playing(api_server),
        targets.emptied(api_server),
        started(tmp_path_factory.mktemp("pod"), models, told | {"id": "r1"}) as running,
    ):
        runtime.ensure_revision(spec)
        wait_until(lambda: runtime.measures("production", "flights"), 20, "its pod to be there")
        api_server.network.places["rev-r1-0:8081"] = running.inside
        running.keys.write_text(hashed("mine"))
        wait_until(running.ready, 90, "the pod to be ready")
        wait_until(lambda: running.ask("/invocations", "mine").status_code == 200, 10, "the key to be known")
        running.ask("/invocations", "mine", {"x-signalbox-arm": "canary"})
        (found,) = runtime.measures("production", "flights")
        assert (found.revision, found.requests, found.arms) == ("r1", 2, {"stable": 1, "canary": 1})
        assert (sum(found.latency), found.peak_memory > 2**20) == (2, True)

        api_server.network.places["rev-r1-0:8080"] = running.url
        wait_until(lambda: runtime.revision("r1").state == "ready", 20, "its Deployment to be ready")
        wait_until(lambda: "rev-r1:80" in api_server.network.behind, 20, "its Service to lead there")
        runtime.set_routes(RouteSpec("production", "flights", 1, "r1"))
        asked, direct = body({"x": 3.0}), running.ask("/invocations", "mine")
        served = runtime.probe("production", "flights", asked, "mine")
        assert (served.status, served.version, served.answer) == (200, "1", direct.json())
        assert runtime.ask("r1", asked, "mine").answer == direct.json()
        assert runtime.probe("production", "flights", None, "mine").status == 200
        assert runtime.probe("production", "flights", asked, "wrong").status == 401
        (found,) = runtime.measures("production", "flights")
        assert found.arms == {"stable": 3, "canary": 1, "shadow": 1}
    _, headers = api_server.network.heard[-1]
    assert "authorization" not in headers, "the portal's own token must not reach a model"


def test_other_bytes_than_approved_are_never_loaded(models: Zoo, tmp_path_factory: pytest.TempPathFactory) -> None:
    spec = models.versions["double"].spec("flights") | {"id": "r1", "digest": "sha256:" + "0" * 64}
    with started(tmp_path_factory.mktemp("pod"), models, spec) as running:
        assert running.process.wait(60) == pod.FINAL
        assert running.last_words.read_text().startswith("digest_mismatch: The files in the store have")


def test_what_is_no_revision_is_said(models: Zoo, tmp_path_factory: pytest.TempPathFactory) -> None:
    with started(tmp_path_factory.mktemp("pod"), models, {"id": "r1"}) as running:
        assert running.process.wait(60) == 1
