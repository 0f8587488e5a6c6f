"""A card put together from facts and texts, what is missing of it, and its digest. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from portal.core import digests
from registry.cards.sections import SECTIONS, Section


@dataclass(frozen=True, slots=True)
class Record:
    """What a claim rests on. `digest` is of what the record says, so that the same look taken twice changes nothing."""

    kind: str
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One fact: its value with the record it comes from, or `unknown`, which says why there is none."""

    label: str
    value: str = ""
    link: str = ""
    record: Record | None = None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """What a person wrote, and the number of the version it was written or confirmed for."""

    text: str
    author: str
    at: str
    version: int

    @property
    def digest(self) -> str:
        return digests.of_json(asdict(self))


@dataclass(frozen=True, slots=True)
class Missing:
    """A required section that is UNKNOWN, and who has to supply it."""

    key: str
    title: str
    owner: str
    why: str


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section as it is shown. `why` says what keeps it from being known; "" when it is known."""

    section: Section
    required: bool
    claims: tuple[Claim, ...]
    text: Text | None
    inherited: bool
    owner: str
    why: str

    @property
    def known(self) -> bool:
        return not self.why

    @property
    def seen(self) -> str:
        """What an author has seen of the text, to be sent with the next one."""
        return self.text.digest if self.text else ""

    def as_json(self) -> dict[str, Any]:
        written = {**asdict(self.text), "inherited": self.inherited, "digest": self.text.digest} if self.text else None
        return {
            "key": self.section.key,
            "title": self.section.title,
            "question": self.section.question,
            "required": self.required,
            "known": self.known,
            "why": self.why,
            "owner": self.owner,
            "claims": [{**asdict(claim), "owner": self.owner} for claim in self.claims],
            "written": written,
        }


@dataclass(frozen=True, slots=True)
class Card:
    """All that is said about one version. `missing` are required sections that are UNKNOWN."""

    model: str
    version: int
    tier: str
    sections: tuple[SectionView, ...]
    digest: str

    @property
    def link(self) -> str:
        """The page of the version, where the card stands."""
        return f"/models/{quote(self.model, safe='')}/versions/{self.version}/"

    @property
    def missing(self) -> tuple[Missing, ...]:
        return self.lacks(self.tier)

    @property
    def complete(self) -> bool:
        return not self.missing

    @property
    def required(self) -> int:
        return sum(one.required for one in self.sections)

    @property
    def short(self) -> str:
        """How far it is, for the head of a page."""
        return f"{self.required - len(self.missing)} of {self.required} known"

    def lacks(self, tier: str, extra: Sequence[str] = ()) -> tuple[Missing, ...]:
        """What would be missing in another risk tier, or with these further sections required."""
        return tuple(
            Missing(one.section.key, one.section.title, one.owner, one.why)
            for one in self.sections
            if not one.known and (one.section.required(tier) or one.section.key in extra)
        )

    def as_json(self) -> dict[str, Any]:
        content = _content(self.model, self.version, self.tier, self.sections)
        missing = [asdict(one) for one in self.missing]
        return {**content, "digest": self.digest, "complete": self.complete, "missing": missing}


def compose(
    *,
    model: str,
    version: int,
    tier: str,
    owner: str,
    claims: Mapping[str, Sequence[Claim]],
    texts: Mapping[str, Text],
) -> Card:
    """The card of a version from the claims and texts of its sections, by their keys."""
    views = tuple(
        _view(one, version, tier, owner, tuple(claims.get(one.key, ())), texts.get(one.key)) for one in SECTIONS
    )
    return Card(model, version, tier, views, digests.of_json(_digested(_content(model, version, tier, views))))


def _view(
    section: Section, version: int, tier: str, owner: str, claims: tuple[Claim, ...], text: Text | None
) -> SectionView:
    inherited = text is not None and text.version < version
    why = _why(section, claims, text, inherited)
    return SectionView(section, section.required(tier), claims, text, inherited, owner, why)


def _why(section: Section, claims: tuple[Claim, ...], text: Text | None, inherited: bool) -> str:
    unknown = next((claim.unknown for claim in claims if claim.unknown), "" if claims else "There is no record of it.")
    if section.source == "record" or (section.source == "either" and not unknown):
        return unknown
    if text is None:
        return "Nobody has written it yet." if section.source == "person" else unknown
    if inherited and section.per_version:
        return f"It was written for v{text.version}. Confirm or change it for this version."
    return ""


def _content(model: str, version: int, tier: str, views: Sequence[SectionView]) -> dict[str, Any]:
    return {"model": model, "version": version, "tier": tier, "sections": [one.as_json() for one in views]}


def _digested(content: dict[str, Any]) -> dict[str, Any]:
    """What the digest covers: all but addresses and row numbers, which say nothing about the model."""

    def claim(one: dict[str, Any]) -> dict[str, Any]:
        record = {name: one["record"][name] for name in ("kind", "digest")} if one["record"] else None
        return {name: value for name, value in one.items() if name != "link"} | {"record": record}

    sections = [{**one, "claims": [claim(found) for found in one["claims"]]} for one in content["sections"]]
    return {**content, "sections": sections}
