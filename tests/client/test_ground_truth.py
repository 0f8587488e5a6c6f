"""`signalbox ground-truth`: a file in batches, each refused outcome named."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.client.test_gate import CLIENT


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(CLIENT))
    from signalbox_client import ground_truth

    return ground_truth


class Portal:
    """Refuses every outcome without a label."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def post(self, path: str, body: dict[str, Any]) -> Any:
        assert path == "ground-truth/"
        self.sent.append(body)
        taken = ["accepted" if "label" in one else "refused" for one in body["outcomes"]]
        counts = {verdict: taken.count(verdict) for verdict in ("accepted", "refused")}
        return {"counts": counts, "outcomes": [{"verdict": one, "reason": "No label."} for one in taken]}


def given(file: Path) -> Any:
    return SimpleNamespace(file=str(file), env="production", endpoint="flight-delay")


def test_a_file_goes_out_in_batches_and_what_is_refused_is_named(
    command: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, portal = tmp_path / "outcomes.jsonl", Portal()
    lines = [json.dumps({"prediction_id": str(number), "label": 1}) for number in range(1001)]
    file.write_text("\n".join([*lines, "", json.dumps({"prediction_id": "x"})]))
    assert command.run(portal, given(file)) == 1
    assert [len(one["outcomes"]) for one in portal.sent] == [1000, 2]
    assert (portal.sent[0]["environment"], portal.sent[0]["endpoint"]) == ("production", "flight-delay")
    told = capsys.readouterr()
    assert told.out == "1001 accepted, 1 refused\n"
    assert "Outcome 1002: No label." in told.err


def test_a_file_that_is_all_taken_ends_with_0(command: Any, tmp_path: Path) -> None:
    file = tmp_path / "one"
    file.write_text(json.dumps({"label": 1}))
    assert command.run(Portal(), given(file)) == 0


@pytest.mark.parametrize(("content", "says"), [("{", "Line 1 of"), (None, "cannot be read")])
def test_what_cannot_be_read_is_said(command: Any, tmp_path: Path, content: str | None, says: str) -> None:
    from signalbox_client.portal import Refused

    path = tmp_path / "bad"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Refused, match=says):
        command.read(str(path))
