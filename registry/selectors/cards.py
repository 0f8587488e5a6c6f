"""The card of a version, as pages, the API, gates and dossiers read it."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from portal.core import digests
from portal.ui import text
from registry.cards.compose import Card, Claim, Missing, Record, SectionView, Text, compose
from registry.evaluations import names
from registry.evaluations.results import BadResults, Results, ordered, read
from registry.models import CardText, DataSetVersion, Evaluation, ModelVersion
from registry.reports.rows import slices_summary
from registry.selectors import evaluations, scans

__all__ = ["Card", "Claim", "Missing", "Record", "SectionView", "Text", "of"]
NOBODY = "nobody yet; name an owner of the model"
UNREADABLE = "Its evaluation is kept in a format this program does not read. Evaluate it again."
NO_DATA = "Its run names no data set."
UNMEASURED = "It was never evaluated. Ask for an evaluation."


def of(version: ModelVersion) -> Card:
    """The card as it stands now; costs about ten queries, however many texts were written."""
    model = version.model
    return compose(
        model=model.name,
        version=version.number,
        tier=model.tier,
        owner=str(model.owner) if model.owner else NOBODY,
        claims=_claims(version),
        texts=texts(version),
    )


def texts(version: ModelVersion) -> dict[str, Text]:
    """By section, what stands for the version: its own text, or that of the newest version before it."""
    rows = CardText.objects.filter(version__model_id=version.model_id, version__number__lte=version.number)
    newest = rows.order_by("section", "-version__number", "-pk").distinct("section").select_related("version")
    return {
        row.section: Text(row.text, row.author_label or row.author, row.at.isoformat(), row.version.number)
        for row in newest
    }


def evaluation_of(version: ModelVersion) -> Evaluation | None:
    """The finished evaluation the card rests on: the newest on data of the model's own team, else the newest."""
    own = Evaluation.objects.filter(version=version, status="done", data__data_set__team_id=version.model.team_id)
    return own.select_related("data__data_set").first() or evaluations.newest_done(version)


def _claims(version: ModelVersion) -> dict[str, list[Claim]]:
    data, newest = _trained_on(version), evaluation_of(version)
    return {
        "owner": _owner(version),
        "artifact": _artifact(version),
        "signature": _signature(version),
        "origin": _origin(version),
        "code": _code(version),
        "training_data": [_data(row, version) for row in data]
        or [Claim("Data sets", unknown="Its run names no data set.")],
        "licence": _licences(data, version),
        **_measured(newest, version),
    }


def _page(version: ModelVersion, part: str = "") -> str:
    return f"/models/{quote(version.model.name, safe='')}/versions/{version.number}/{part}"


def _itself(version: ModelVersion) -> Record:
    return Record("model_version", str(version.pk), version.digest)


def _owner(version: ModelVersion) -> list[Claim]:
    model, link = version.model, f"/models/{quote(version.model.name, safe='')}/"
    said = {"owner": str(model.owner) if model.owner else "", "team": model.team.slug, "tier": model.tier}
    record = Record("registered_model", str(model.pk), digests.of_json(said))
    unknown = "" if model.owner else "The model has no owner. Name one on the model's page."
    return [
        Claim("Owner", said["owner"], link, record if model.owner else None, unknown),
        Claim("Contact", model.owner.email, link, record) if model.owner else Claim("Contact", unknown=unknown),
        Claim("Team", model.team.name, link, record),
        Claim("Risk tier", model.get_tier_display(), link, record),
    ]


def _artifact(version: ModelVersion) -> list[Claim]:
    link, known = _page(version, "#artifact"), scans.known(version)
    if not version.digest:
        return [Claim("Digest", unknown="Its files were not taken in yet.")]
    claims = [Claim("Digest", version.digest, _page(version, "#files"), _itself(version))]
    if known.scan is None:
        return [*claims, Claim("Scan", unknown="Its files were never scanned.")]
    found = {"outcome": known.outcome, "findings": known.scan.findings}
    claims.append(Claim("Scan", known.words, link, Record("scan", str(known.scan.pk), digests.of_json(found))))
    if known.problems:
        return [*claims, Claim("Signed statement", unknown=" ".join(one.sentence for one in known.problems))]
    signed = Record("statement", str(known.scan.statement.pk), version.digest)
    return [*claims, Claim("Signed statement", "holds", link, signed)]


def _signature(version: ModelVersion) -> list[Claim]:
    link, claims = _page(version, "#signature"), []
    for part, label in (("inputs", "Inputs"), ("outputs", "Outputs")):
        columns = version.signature.get(part) or []
        said = ", ".join(f"{one.get('name') or 'unnamed'} ({one.get('type', 'tensor')})" for one in columns)
        record = Record("model_version", str(version.pk), digests.of_json(columns))
        claims.append(
            Claim(label, said, link, record) if said else Claim(label, unknown=f"Its signature names no {part}.")
        )
    return claims


def _origin(version: ModelVersion) -> list[Claim]:
    by = Claim("Registered by", version.registered_by_label or version.registered_by, _page(version), _itself(version))
    if version.run is None:
        return [by, Claim("Run", unknown="It was registered without a run.")]
    run = version.run
    record = Record("run", run.run_id, digests.of_json({"run": run.run_id}))
    return [by, Claim("Run", str(run), f"/runs/{quote(run.run_id, safe='')}/", record)]


def _code(version: ModelVersion) -> list[Claim]:
    if not version.code_commit:
        return [Claim("Commit", unknown="Its run names no commit.")]
    return [Claim("Commit", version.code_commit, _page(version), _itself(version))]


def _trained_on(version: ModelVersion) -> list[DataSetVersion]:
    if version.run_id is None:
        return []
    rows = DataSetVersion.objects.filter(uses__run=version.run_id).select_related("data_set")
    return list(rows.order_by("pk").distinct())


def _common(row: DataSetVersion, version: ModelVersion) -> bool:
    """Whether everybody who may see the model may see this data: a card names no data of other teams."""
    return row.data_set.team_id == version.model.team_id


def _data(row: DataSetVersion, version: ModelVersion) -> Claim:
    link = f"/data-sets/{quote(row.data_set.name, safe='')}/versions/{row.number}/"
    rows = f", {text.number(row.rows)} rows" if row.rows is not None else ""
    record = Record("data_set_version", str(row.pk), row.digest)
    if not _common(row, version):
        return Claim("Data set", f"data of another team{rows}", record=record)
    return Claim("Data set", f"{row}{rows}", link, record)


def _licences(data: Sequence[DataSetVersion], version: ModelVersion) -> list[Claim]:
    claims = []
    for row in data:
        seen, said = _common(row, version), row.data_set.licence
        name = row.data_set.name if seen else "Data of another team"
        record = Record("data_set", str(row.data_set_id), digests.of_json({"licence": said}))
        link = f"/data-sets/{quote(name, safe='')}/" if seen else ""
        unknown = f"{name} names no licence."
        claims.append(Claim(name, said, link, record) if said else Claim(name, unknown=unknown))
    return claims or [Claim("Data sets", unknown="Its run names no data set, so no licence is known.")]


def _measured(newest: Evaluation | None, version: ModelVersion) -> dict[str, list[Claim]]:
    """What the newest finished evaluation says."""
    if newest is None:
        parts = {"evaluation_data": "Data set", "metrics": "Metrics", "slices": "Slices"}
        return {key: [Claim(label, unknown=UNMEASURED)] for key, label in parts.items()}
    data = {"evaluation_data": [_data(newest.data, version)]}
    named = _common(newest.data, version)
    facts: dict[str, Any] = {"link": f"/evaluations/{newest.pk}/" if named else ""}
    facts["record"] = Record("evaluation", str(newest.pk), newest.digest)
    try:
        found = read(newest.results)
    except BadResults:
        return data | {key: [Claim(key.capitalize(), unknown=UNREADABLE)] for key in ("metrics", "slices")}
    return data | {"metrics": _metrics(found, facts), "slices": [_slices(found, facts, named=named)]}


def _metrics(found: Results, facts: dict[str, Any]) -> list[Claim]:
    claims = []
    for name in ordered(found.metrics):
        one, label = found.metrics[name], names.label(name)
        if one.value is None:
            claims.append(Claim(label, f"no value: {one.undefined}", **facts))
            continue
        between = f" [{one.low:.4g}, {one.high:.4g}]" if one.low is not None and one.high is not None else ""
        claims.append(Claim(label, f"{one.value:.4g}{between}, n = {text.number(one.n)}", **facts))
    return claims


def _slices(found: Results, facts: dict[str, Any], *, named: bool) -> Claim:
    if found.slices is None:
        return Claim("Slices", unknown="Its newest evaluation looked at no slices. Evaluate it with slices.")
    counted = f"{found.slices.looked_at} slices tested, {len(found.slices.worse)} shown worse"
    return Claim(found.slices.metric, slices_summary(found.slices) if named else counted, **facts)
