"""Whether two addresses are one mailbox: then two accounts are one human as far as four eyes go. Pure."""

import unicodedata

ONE_PROVIDER = {"googlemail.com": "gmail.com"}
"""Domains of one provider that delivers to the same mailbox whatever the dots are."""


def mailbox(email: str) -> str:
    """The address without what makes no difference to where its mail goes: case, width, a `+` part, Google's dots."""
    plain = unicodedata.normalize("NFKC", email).strip().casefold()
    local, _, domain = plain.rpartition("@")
    domain = ONE_PROVIDER.get(domain, domain)
    local = local.partition("+")[0]
    if domain in ONE_PROVIDER.values():
        local = local.replace(".", "")
    return f"{local}@{domain}"
