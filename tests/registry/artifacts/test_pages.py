"""The sections of a version's page on its files, and that nothing shown or read ever runs."""

import gzip
import json
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from portal.core import work
from registry.selectors import scans as read
from registry.services import scans
from tests import world
from tests.callers import BACKEND, Caller
from tests.registry.artifacts.conftest import FILES, MLMODEL, Bench
from tests.registry.scanning import corpus

PAGE = "/models/flight-delay/versions/1/"
XSS = "<img src=x onerror=alert(1)>"


@pytest.fixture
def client(bench: Bench) -> Client:
    made = Client()
    made.force_login(bench.priya, backend=BACKEND)
    return made


def section(client: Client, name: str, query: str = "") -> str:
    answer = client.get(PAGE + query)
    assert answer.status_code == 200
    found = BeautifulSoup(answer.content, "html.parser").find(id=name)
    assert found is not None
    return " ".join(found.get_text(" ").split())


def test_a_clean_version_says_so_and_offers_its_papers(bench: Bench, client: Client) -> None:
    bench.register()
    found = section(client, "artifact")
    assert "Clean" in found
    assert "Holds over digest, name, number, team, run and scan" in found
    assert "2 packages, 3 files" in section(client, "bom")
    for path, typed in (("bom/", "application/vnd.cyclonedx+json"), ("statement/", "application/json")):
        answer = client.get(PAGE + path)
        assert answer.headers["Content-Type"].startswith(typed)
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="flight-delay-v1-')
        assert json.loads(answer.content)


def test_before_the_first_scan_the_page_says_that_nothing_is_known(bench: Bench, client: Client) -> None:
    world.version(bench.model)
    assert "never scanned" in section(client, "artifact")
    assert "Known once its files were scanned." in section(client, "bom")
    assert client.get(PAGE + "bom/").status_code == 404
    assert client.get(PAGE + "statement/").status_code == 404


def test_packages_are_searched(bench: Bench, client: Client) -> None:
    bench.register()
    assert "skops not pinned" in section(client, "bom-rows", "?bom=sko")
    assert "numpy" not in section(client, "bom-rows", "?bom=sko")
    assert "No package has this in its name." in section(client, "bom-rows", "?bom=nothing")


def test_a_scan_is_asked_for_and_followed(bench: Bench, client: Client) -> None:
    bench.register()
    answer = client.post(PAGE + "scan/")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"{PAGE}#artifact")
    asked = client.get(PAGE + "scan/now/")
    assert "a scan is under way" in asked.content.decode()
    same = client.get(PAGE + "scan/now/", headers={"HX-PTag": asked.headers["HX-PTag"]})
    assert same.status_code == 304
    work.drain()
    later = client.get(PAGE + "scan/now/", headers={"HX-PTag": asked.headers["HX-PTag"]})
    assert later.status_code == 200
    assert "hx-get" not in later.content.decode()


def test_what_somebody_wrote_into_a_file_is_shown_as_text(bench: Bench, client: Client) -> None:
    described = MLMODEL.replace("loader_module: mlflow.sklearn", f"loader_module: '{XSS}'")
    bench.register({"MLmodel": described.encode(), "requirements.txt": f"-e git+{XSS}\n".encode()})
    page = client.get(PAGE).content.decode()
    assert XSS not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 2


def test_no_format_that_runs_code_runs_anywhere(bench: Bench, client: Client, tmp_path: Path) -> None:
    """Taken in, scanned, scanned again, looked at on the page and over the API: the payload never leaves its mark."""
    canary = tmp_path / "canary"
    weapon = corpus.gadget("os", "system", f"touch {canary}")
    files = {
        "MLmodel": MLMODEL.encode(),
        "model.pkl": weapon,
        "renamed.json": weapon,
        "text.txt": f"cos\nsystem\n(S'touch {canary}'\ntR.".encode(),
        "joblib.gz": gzip.compress(weapon),
        **{f"joblib.{kind}": pack(weapon) for kind, pack in corpus.PACKINGS.items()},
        "model.pt": corpus.torch_zip(weapon),
        "array.npy": corpus.object_array(weapon),
        "lambda.keras": corpus.keras_lambda(),
        "code/loader.py": f"import os\nos.system('touch {canary}')\n".encode(),
        "MLproject": f"entry_points: {{main: {{command: 'touch {canary}'}}}}\n".encode(),
        "tag.yaml": f"!!python/object/apply:os.system ['touch {canary}']\n".encode(),
        "outside.onnx": corpus.external_onnx(),
    }
    row = bench.register(files)
    assert (row.status, row.executes_code, read.known(row).outcome) == ("ready", True, "dangerous")
    scans.request(actor=world.actor(bench.priya), version=row)
    work.drain()
    assert client.get(PAGE).status_code == 200
    caller = Caller(bench.priya)
    for path in ("scan/", "bom/", "statement/"):
        assert caller.get(f"models/flight-delay/versions/1/{path}").status_code == 200
    assert not canary.exists()
    clean = {one["path"] for one in read.known(row).files if one["outcome"] == "clean"}
    assert clean == {"MLmodel"}


def test_files_have_names_that_need_no_repair(bench: Bench) -> None:
    row = bench.register({**FILES, "a b/ö.txt": b"x"})
    assert "a b/ö.txt" in {one["path"] for one in read.known(row).files}
