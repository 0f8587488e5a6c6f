"""A model card as Markdown, for repositories and wikis. Pure.

All that people or records say is plain text: each mark of Markdown or HTML in it is escaped, so that nothing a person
writes becomes a heading, a link or a tag where the file is rendered.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]
MARKS = re.compile(r"([\\`*_{}\[\]<>#|!~&$])")
ADDRESS = re.compile(r"(https?|ftp)(:)|(www)(\.)", re.IGNORECASE)
LIST_MARK = re.compile(r"^([-+=]|\d+(?=[.)]))")


def markdown(card: Json, base: str = "") -> str:
    """The card of `Card.as_json`. Records are linked where `base`, the portal's address, is given."""
    return "\n".join(_lines(card, base)).rstrip("\n") + "\n"


def plain(text: str) -> str:
    """One line that reads as `text` and has no other effect."""
    escaped = MARKS.sub(r"\\\1", " ".join(text.split()))
    return LIST_MARK.sub(_listed, ADDRESS.sub(_named, escaped))


def _named(found: re.Match[str]) -> str:
    """What renderers turn into a link by themselves."""
    return f"{found[1] or found[3]}\\{found[2] or found[4]}"


def _listed(found: re.Match[str]) -> str:
    """What begins a list or an underline: a dash is escaped itself, of a number the dot or bracket behind it."""
    mark = found[1]
    return f"\\{mark}" if mark in "-+=" else f"{mark}\\"


def _lines(card: Json, base: str) -> Iterator[str]:
    yield f"# Model card: {plain(card['model'])} v{card['version']}"
    yield ""
    yield f"Risk tier {card['tier']}. {_complete(card)} Digest of the card: `{card['digest']}`."
    for section in card["sections"]:
        yield from ("", f"## {section['title']}", "", f"*{section['question']}*", "")
        yield from _section(section, base)


def _complete(card: Json) -> str:
    if card["complete"]:
        return "Every section its tier asks for is known."
    titles = ", ".join(one["title"] for one in card["missing"])
    return f"UNKNOWN, though its tier asks for it: {titles}."


def _section(section: Json, base: str) -> Iterator[str]:
    if section["why"]:
        required = "Required in this tier." if section["required"] else "Not required in this tier."
        yield f"**UNKNOWN** {plain(section['why'])} {required} Owner: {plain(section['owner'])}"
        yield ""
    for claim in section["claims"]:
        if claim["unknown"] and claim["unknown"] == section["why"]:
            continue
        yield f"- {plain(claim['label'])}: {_claim(claim, base)}"
    if section["written"]:
        yield from _written(section["written"], spaced=bool(section["claims"]))


def _claim(claim: Json, base: str) -> str:
    if claim["unknown"]:
        return f"**UNKNOWN** {plain(claim['unknown'])}"
    said, record = plain(claim["value"]), claim["record"]
    if base and claim["link"]:
        said = f"[{said}](<{base}{claim['link']}>)"
    if not record:
        return said
    return f"{said} ({record['kind'].replace('_', ' ')} {plain(record['id'])}, `{record['digest'] or 'no digest'}`)"


def _written(written: Json, *, spaced: bool) -> Iterator[str]:
    """A person's words, line by line, as a quotation with who said them."""
    if spaced:
        yield ""
    for line in written["text"].splitlines():
        yield f"> {plain(line)}  " if line.strip() else ">"
    about = f"written for v{written['version']}" if written["inherited"] else "written"
    yield from ("", f"{about.capitalize()} by {plain(written['author'])}, {written['at'][:10]}.")
