"""Who changed what a request rests on while it was open: they can no more approve it than whoever asked for it.

What an evaluation, a data set version, a list of checks or a model card says is chosen by somebody; one that
came before the request was there for everybody to read, one that came after it was made with the request in view.
"""

from collections.abc import Iterable
from typing import Any

from deployments.gates import catalogue
from deployments.models import PromotionRequest
from deployments.policies import rules as rules_policy
from deployments.selectors import gate_facts
from portal.accounts.selectors.actors import people_behind
from registry.models import CardText, DataSetVersion, Evaluation
from registry.selectors.evaluations import newest_done

Json = dict[str, Any]
Act = tuple[str, str]
"""The id of an actor, and what it did."""


def of(row: PromotionRequest, evidence: Json) -> list[Json]:
    """Those already known, and those whose act since the request was made stands in `evidence`: `person` and `did`."""
    asked = catalogue.asked_of(row.version.model.name, rules_policy.parse(evidence["policy"]["rules"]).gates)
    numbers = [one["number"] for one in evidence.get("evaluations", [])]
    if "card" in asked and (measured := newest_done(row.version)) is not None:
        numbers.append(measured.pk)
    evaluations = list(Evaluation.objects.filter(pk__in=numbers).select_related("data__data_set").order_by("pk"))
    acts = [*_asked(row, evaluations), *_registered(row, evaluations)]
    acts += _set_checks(row, evaluations) if "data_checks" in asked else []
    acts += _wrote(row) if "card" in asked else []
    people = people_behind(actor for actor, _ in acts)
    found = [{"person": people[actor], "did": did} for actor, did in acts if actor in people]
    return [*row.changers, *(one for one in found if one not in row.changers)]


def _asked(row: PromotionRequest, evaluations: Iterable[Evaluation]) -> list[Act]:
    late = [one for one in evaluations if one.requested_at > row.created_at]
    return [(one.requested_by, f"asked for evaluation {one.pk} while the request was open") for one in late]


def _registered(row: PromotionRequest, evaluations: Iterable[Evaluation]) -> list[Act]:
    late = {one.data_id: one.data for one in evaluations if one.data.registered_at > row.created_at}
    return [(one.registered_by, f"registered {one} while the request was open") for one in late.values()]


def _wrote(row: PromotionRequest) -> list[Act]:
    """Texts of the card, of this version or one before it, that came after the request."""
    mine = CardText.objects.filter(version__model=row.version.model_id, version__number__lte=row.version.number)
    texts = mine.filter(at__gt=row.created_at).order_by("pk").values_list("author", "section")
    return [(author, f"wrote {section} in the card while the request was open") for author, section in texts]


def _set_checks(row: PromotionRequest, evaluations: Iterable[Evaluation]) -> list[Act]:
    found: dict[int, Act] = {}
    for data, _ in gate_facts.data_of(row.version, evaluations).values():
        if (lately := _newest_checks(data, row)) is not None:
            found[lately[0]] = lately[1]
    return list(found.values())


def _newest_checks(data: DataSetVersion, row: PromotionRequest) -> tuple[int, Act] | None:
    run = data.check_runs.select_related("checks").first()
    if run is None or run.checks.set_at <= row.created_at:
        return None
    return run.checks_id, (run.checks.set_by, f"set the checks of {data.data_set} while the request was open")
