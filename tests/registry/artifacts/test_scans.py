"""A version is scanned and signed as it is taken in, and again later; the records stand."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from portal.audit.models import AuditEvent
from portal.core import jobs, work
from portal.core.errors import NotAllowed
from registry.adapters import scanning
from registry.models import ArtifactScan, ArtifactStatement
from registry.reconcilers import rescan
from registry.scanning import outcomes
from registry.selectors import scans as read
from registry.services import holds, scans
from tests import world
from tests.callers import Caller
from tests.registry.artifacts.conftest import FILES, Bench
from tests.registry.scanning import corpus

PATH = "models/flight-delay/versions/1"


def test_a_version_is_scanned_and_signed_before_it_is_ready(bench: Bench) -> None:
    row = bench.register()
    known = read.known(row)
    assert (row.status, known.outcome, known.problems, known.waits) == ("ready", "clean", (), False)
    assert [one["path"] for one in known.files] == ["MLmodel", "note.txt", "requirements.txt"]
    event = AuditEvent.objects.get(type="model_version.scanned")
    assert (event.search["data"]["outcome"], event.search["data"]["rules"]) == ("clean", outcomes.RULES_VERSION)
    assert not list((bench.store / "waiting").iterdir())


def test_a_pickle_under_any_name_is_taken_in_and_known_to_run_code(bench: Bench) -> None:
    """Registering it is no crime; the gate of an environment decides whether it may serve there."""
    row = bench.register({**FILES, "weights.json": corpus.gadget()})
    assert (row.status, row.executes_code, read.known(row).outcome) == ("ready", True, "dangerous")


def test_a_scanner_that_ends_leaves_the_version_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "scan", partial(scanning.scan, seconds=0))
    row = bench.register()
    known = read.known(row)
    assert (row.status, known.outcome, known.findings[0]["rule"]) == ("ready", "unknown", "scan.failed")


def test_it_is_scanned_again_on_request_and_says_so(bench: Bench) -> None:
    bench.register()
    caller = Caller(bench.priya)
    asked = caller.post(f"{PATH}/scan/", {})
    assert (asked.status_code, asked.json()["waits"]) == (202, True)
    caller.post(f"{PATH}/scan/", {})
    work.drain()
    found = caller.get(f"{PATH}/scan/").json()
    assert (found["waits"], found["outcome"], len(found["history"])) == (False, "clean", 2)
    assert AuditEvent.objects.filter(type="model_version.scan_requested").count() == 1


def test_whoever_only_looks_cannot_ask_for_a_scan(bench: Bench) -> None:
    row = bench.register()
    viewer = world.person("Vera Lind", ("viewer", bench.model.team))
    with pytest.raises(NotAllowed):
        scans.request(actor=world.actor(viewer), version=row)


def owed(bench: Bench) -> int:
    before = ArtifactScan.objects.count()
    rescan.due()
    work.drain()
    return ArtifactScan.objects.count() - before


def test_what_is_live_is_scanned_weekly_and_under_newer_rules(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    row = bench.register()
    assert owed(bench) == 0
    with transaction.atomic():
        holds.hold(version=row, holder="revision:1", why="loaded", actor=world.SYSTEM)
    assert owed(bench) == 0, "it was scanned a moment ago"
    monkeypatch.setattr(rescan, "RULES_VERSION", outcomes.RULES_VERSION + 1)
    assert owed(bench) == 1
    monkeypatch.undo()
    monkeypatch.setattr(rescan, "WEEK", timedelta(0))
    assert owed(bench) == 1


def test_files_that_are_gone_are_not_scanned(bench: Bench) -> None:
    row = bench.register()
    bench.kept(row).rename(bench.store / "elsewhere")
    scans.request(actor=world.actor(bench.priya), version=row)
    work.drain()
    assert read.known(row).outcome == "not_scanned"


def test_a_scan_that_never_comes_back_is_kept_as_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    row = bench.register()

    def breaks(context: Any) -> None:
        raise jobs.Permanent("The disk is full.")

    monkeypatch.setitem(jobs.HANDLERS, read.JOB, breaks)
    scans.request(actor=world.actor(bench.priya), version=row)
    work.drain()
    known = read.known(row)
    assert (known.outcome, known.waits) == ("unknown", False)
    assert "disk is full" in known.findings[0]["sentence"]


@pytest.mark.parametrize("table", ["registry_artifactscan", "registry_artifactstatement"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET at = now()", "DELETE FROM {}"])
def test_what_was_found_is_never_changed(bench: Bench, table: str, statement: str) -> None:
    bench.register()
    with pytest.raises(DatabaseError, match="never changed or removed"), transaction.atomic():
        connection.cursor().execute(statement.format(table))


def test_the_bill_lists_packages_and_files(bench: Bench) -> None:
    row = bench.register()
    bill = Caller(bench.priya).get(f"{PATH}/bom/").json()
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    component = bill["metadata"]["component"]
    assert (component["type"], component["name"]) == ("machine-learning-model", "flight-delay")
    assert component["hashes"][0]["content"] == row.digest.removeprefix("sha256:")
    by_type: dict[str, list[Any]] = {}
    for one in bill["components"]:
        by_type.setdefault(one["type"], []).append(one)
    assert [(one["name"], one.get("version"), one["purl"]) for one in by_type["library"]] == [
        ("numpy", "2.4.6", "pkg:pypi/numpy@2.4.6"),
        ("skops", None, "pkg:pypi/skops"),
    ]
    assert {one["name"] for one in by_type["file"]} == set(FILES)
    refs = [one["bom-ref"] for one in bill["components"]]
    assert len(set(refs)) == len(refs)
    assert bill["dependencies"][0]["dependsOn"] == refs
    assert Caller(bench.priya).get(f"{PATH}/bom/").json() == bill


def test_before_the_first_scan_there_is_nothing(bench: Bench) -> None:
    world.version(bench.model)
    caller = Caller(bench.priya)
    assert caller.get(f"{PATH}/bom/").status_code == 404
    assert caller.get(f"{PATH}/statement/").status_code == 404
    found = caller.get(f"{PATH}/scan/").json()
    assert (found["outcome"], found["at"]) == ("not_scanned", None)
    assert found["signature"]["problems"][0]["code"] == "unsigned"
    assert not ArtifactStatement.objects.exists()
