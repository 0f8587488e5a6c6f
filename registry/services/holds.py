"""Why a version may not be deleted or archived: holds, written and lifted by whoever needs them."""

from portal.audit import recorder
from portal.audit.recorder import Subject
from portal.core.actors import Actor
from registry.models import ModelVersion, VersionHold


def hold(*, version: ModelVersion, holder: str, why: str, actor: Actor) -> None:
    """Place a hold; the same holder again changes nothing. `holder` is "kind:id", `why` is shown to people."""
    _, placed = VersionHold.objects.get_or_create(version=version, holder=holder, defaults={"why": why[:200]})
    if placed:
        recorder.record(
            "model_version.held", actor=actor, subject=_subject(version), data={"why": why, "holder": holder}
        )


def lift(*, version: ModelVersion, holder: str, actor: Actor) -> None:
    """Take the holder's hold away; nothing happens when there is none."""
    found = VersionHold.objects.filter(version=version, holder=holder).first()
    if found is None:
        return
    found.delete()
    recorder.record(
        "model_version.hold_lifted", actor=actor, subject=_subject(version), data={"why": found.why, "holder": holder}
    )


def why_held(version: ModelVersion) -> list[str]:
    """The reasons in words; empty when nothing holds the version."""
    return list(version.holds.order_by("placed_at").values_list("why", flat=True))


def _subject(version: ModelVersion) -> Subject:
    return Subject.of("model_version", version.pk, str(version))
