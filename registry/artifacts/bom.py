"""The bill of materials of a version in CycloneDX 1.6: the packages its lists name, and its files. Pure."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from registry.scanning.packages import LISTS
from serving.digests import Manifest

SPEC: Final = "1.6"
ORDER: Final = ("requirements.txt", "conda.yaml", "python_env.yaml")
NAMESPACE: Final = uuid.UUID("5d2a7c3e-0b1d-5c55-9f0a-6a4f4c6c5b01")


def packages(found: Iterable[Mapping[str, str]]) -> list[dict[str, Any]]:
    """One entry a package: its version where a list pins it, what is wanted of it, and the lists that name it."""
    merged: dict[str, dict[str, Any]] = {}
    for one in sorted(found, key=lambda p: ORDER.index(p["source"]) if p["source"] in LISTS else len(ORDER)):
        entry = merged.setdefault(one["name"], {"name": one["name"], "version": "", "wanted": "", "sources": []})
        entry["version"] = entry["version"] or one["version"]
        entry["wanted"] = entry["wanted"] or one["wanted"]
        if one["source"] not in entry["sources"]:
            entry["sources"].append(one["source"])
    return sorted(merged.values(), key=lambda entry: entry["name"])


def document(
    *, model: str, version: int, files: Manifest, found: Iterable[Mapping[str, str]], at: str, tool: str
) -> dict[str, Any]:
    """The bill as CycloneDX JSON. The same version and packages give the same serial number."""
    listed = packages(found)
    subject = f"{model}@{version}"
    libraries = [_library(entry) for entry in listed]
    rest = [_file(row) for row in files.as_json()]
    named = ",".join(f"{entry['name']}{entry['wanted']}" for entry in listed)
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPEC}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPEC,
        "serialNumber": f"urn:uuid:{uuid.uuid5(NAMESPACE, f'{subject} {files.digest} {named}')}",
        "version": 1,
        "metadata": {
            "timestamp": at,
            "tools": {"components": [{"type": "application", "name": "Signalbox", "version": tool}]},
            "component": {
                "type": "machine-learning-model",
                "bom-ref": subject,
                "name": model,
                "version": str(version),
                "hashes": [_sha(files.digest.removeprefix("sha256:"))],
            },
        },
        "components": [*libraries, *rest],
        "dependencies": [
            {"ref": subject, "dependsOn": [one["bom-ref"] for one in (*libraries, *rest)]},
        ],
    }


def _library(entry: Mapping[str, Any]) -> dict[str, Any]:
    purl = f"pkg:pypi/{entry['name']}" + (f"@{entry['version']}" if entry["version"] else "")
    told = [{"name": "signalbox:source", "value": source} for source in entry["sources"]]
    if entry["wanted"]:
        told.append({"name": "signalbox:wanted", "value": entry["wanted"]})
    if entry["name"] == "python":
        purl = purl.replace("pkg:pypi/", "pkg:generic/")
    return {
        "type": "platform" if entry["name"] == "python" else "library",
        "bom-ref": purl,
        "name": entry["name"],
        **({"version": entry["version"]} if entry["version"] else {}),
        "purl": purl,
        "properties": told,
    }


def _file(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"file:{row['path']}",
        "name": row["path"],
        "hashes": [_sha(row["sha256"])],
        "properties": [{"name": "signalbox:size", "value": str(row["size"])}],
    }


def _sha(hexadecimal: str) -> dict[str, str]:
    return {"alg": "SHA-256", "content": hexadecimal}
