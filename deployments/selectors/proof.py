"""A check of the evidence as its row shows it: what was measured with its interval, and where that can be read."""

from typing import Any

from django.urls import reverse

from portal.ui import text

REPORT = "/evaluations/"
BUILT_IN = {
    "validated": ("artifact", "files"),
    "format": ("artifact", "files"),
    "signature": ("signature", "signature"),
    "metrics": ("metrics", "metrics"),
    "data_checks": ("data", "data"),
}
"""Where on a version's page a check without a link of its own can be looked up: the section, and its name."""


def shown(check: dict[str, Any], version: dict[str, Any]) -> dict[str, Any]:
    """The check with `head`, what was measured; `under`, its interval; and `proof`, words and address."""
    head, _, interval = str(check["measured"]).partition(" [")
    return check | {"head": head.replace("-", text.MINUS) if interval else head, "under": under(check),
                    "proof": proof(check, version)}  # fmt: skip


def under(check: dict[str, Any]) -> str:
    """The interval, and what the answer rests on."""
    low, high, sample = (check.get(name) for name in ("low", "high", "sample"))
    said = []
    if low is not None and high is not None:
        ends = f"[{text.signed(low, 4)}, {text.signed(high, 4)}]"
        said.append(ends if "[" in str(check["measured"]) else f"worst {text.signed(check['value'], 4)} {ends}")
    if sample is not None:
        said.append(f"n {text.number(sample)}")
    return ", ".join(said)


def proof(check: dict[str, Any], version: dict[str, Any]) -> tuple[str, str] | None:
    """Words and address of what shows it; None where there is nothing to show."""
    link = str(check.get("link") or "")
    number = link.removeprefix(REPORT).strip("/")
    if link.startswith(REPORT):
        return (f"evaluation {number}", link) if number.isdigit() else ("Ask for one", link)
    if link:
        return ("scan" if link.endswith("#artifact") else "Show"), link
    if check["code"] not in BUILT_IN:
        return None
    section, name = BUILT_IN[check["code"]]
    return f"{name} of v{version['number']}", f"{page_of(version)}#{section}"


def page_of(version: dict[str, Any]) -> str:
    return reverse("registry:version", args=[version["model"], version["number"]])
