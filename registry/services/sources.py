"""What the version of a data set is registered with: from what people name to what a job can fetch."""

from collections.abc import Mapping
from typing import Any

from portal.core.actors import Actor
from portal.core.errors import BadInput
from registry.datasets import run_inputs
from registry.datasets.files import BadData
from registry.services import runs, uploads

Source = dict[str, Any]


def named(*, actor: Actor, data_set: str, given: Mapping[str, Any]) -> Source:
    """The source among `folder`, `s3`, `upload` and `run` (with `input`) that `given` names."""
    if given.get("folder"):
        return {"kind": "folder", "path": given["folder"]}
    if given.get("s3"):
        return {"kind": "s3", "uri": given["s3"]}
    if given.get("run"):
        return from_run(actor=actor, run_id=given["run"], name=given.get("input", ""))
    return uploads.source(actor=actor, data_set=data_set, key=given.get("upload", ""))


def from_run(*, actor: Actor, run_id: str, name: str = "") -> Source:
    """An input that a run logged: the one called `name`, or the only one."""
    run = runs.find(actor=actor, run_id=run_id)
    found = [item for item in run.datasets if not name or item["name"] == name]
    if len(found) != 1:
        known = ", ".join(item["name"] for item in run.datasets) or "none"
        sentence = f"Name one input of the run. It has: {known}."
        raise BadInput(sentence, fields={"input": sentence})
    try:
        where = run_inputs.source_of(found[0])
    except BadData as error:
        raise BadInput(str(error), fields={"run": str(error)}) from error
    return {"kind": "run", "run": run.run_id, "input": found[0]["name"], "digest": found[0]["digest"], "from": where}
