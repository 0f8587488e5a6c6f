"""Pages nobody reaches by a link alone: after a form was sent, from a mail, with a second factor. Each is undone."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect

from tests.accounts.second_factors import code_now
from tests.pages.crawler import Findings, Visitor
from tests.stack import Stack
from tests.waiting import wait_until

NEWCOMER = "nora.new@signalbox.example"


def sign_page(visitor: Visitor) -> None:
    """The second step of an approval, which is not taken."""
    page = visitor.page
    page.goto(f"{visitor.stack.url}/promotions/3/")
    page.get_by_role("radio", name="Approve").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("[data-error-summary]")).to_be_visible()
    visitor.look(422)
    page.get_by_role("radio", name="Approve").check()
    for box in page.locator("input[name=looked_at]").all():
        box.check()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/sign/**")
    visitor.look()


def bypass(visitor: Visitor) -> None:
    """Past a freeze: asked for, looked at by who could grant it, taken back."""
    page, number = visitor.page, visitor.stack.facts["frozen"]
    visitor.visit(f"/promotions/{number}/")
    visitor.visit(f"/promotions/{number}/bypass/")
    page.get_by_role("checkbox", name=re.compile("Freeze window")).check()
    page.locator("textarea[name=reason]").fill("The thaw has begun.")
    page.locator("input[name=exact]").fill("flight-delay")
    page.get_by_role("button", name="Ask for the bypass").click()
    page.wait_for_url("**/bypasses/*/")
    visitor.look()
    own = urlsplit(page.url).path
    assert visitor.context.browser
    with Visitor(visitor.context.browser, visitor.stack, "ml_lead", visitor.findings) as lead:
        for path in ("/", own, f"{own}grant/"):
            lead.visit(path)
    page.get_by_text("Withdraw this bypass").click()
    page.get_by_role("button", name="Withdraw bypass").click()
    expect(page.locator("main")).to_contain_text("Bypass withdrawn")
    visitor.look()


def policy_changes(visitor: Visitor) -> None:
    """A draft that is edited or withdrawn, and somebody else's proposal that is signed; none of it is done."""
    draft, proposal = (visitor.stack.facts[f"{name} change"] for name in ("production", "staging"))
    for path in (f"{draft}/", f"{draft}/edit/", f"{draft}/withdraw/", f"{proposal}/", f"{proposal}/sign/"):
        visitor.visit(f"/settings/policies/changes/{path}")


def rollback_dialog(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.stack.url}/endpoints/production/flight-delay/")
    page.get_by_role("link", name="Roll back to v1").first.click()
    expect(page.locator("#page-dialog")).to_be_visible()
    visitor.look()


def own_token(visitor: Visitor) -> None:
    """Made, shown once, looked at in both of its forms, revoked."""
    page, url = visitor.page, visitor.stack.url
    visitor.visit("/me/tokens/new/")
    page.locator("input[name=name]").fill("pages")
    page.locator("input[type=checkbox][name=scopes]").first.check()
    page.locator("input[type=password]").fill(visitor.stack.people[visitor.role]["password"])
    page.get_by_role("button", name="Make token").click()
    expect(page.get_by_role("textbox", name="Token")).to_have_value(re.compile("sbx_pat_"))
    expect(page.locator("main")).to_contain_text(f"MLFLOW_TRACKING_URI={url}")
    visitor.look()
    page.goto(f"{url}/me/tokens/")
    row = page.locator("tr", has_text="pages").first
    ways = [str(row.locator(f"a[href$='/{action}/']").get_attribute("href")) for action in ("rotate", "revoke")]
    for path in ways:
        visitor.visit(path)
    page.get_by_role("button", name="Revoke token").click()
    page.wait_for_url("**/me/tokens/**")


def endpoint_key(visitor: Visitor) -> None:
    """Made for a caller, shown once, revoked."""
    page = visitor.page
    where = "/endpoints/production/flight-delay/keys/"
    visitor.visit(where)
    visitor.visit(f"{where}new/")
    page.locator("input[name=name]").fill("check-in desk of these pages")
    page.locator("input[type=password]").fill(visitor.stack.people[visitor.role]["password"])
    page.get_by_role("button", name="Make key").click()
    expect(page.get_by_role("textbox", name="Key")).to_have_value(re.compile("sbx_key_"))
    visitor.look()
    visitor.visit(where)
    visitor.visit(str(page.locator("tr", has_text="of these pages").get_by_role("link").get_attribute("href")))
    page.get_by_role("button", name="Revoke key").click()
    page.wait_for_url(f"**{where}")
    visitor.visit(f"{where}?show=all")


def export(visitor: Visitor) -> None:
    """An export of the log, looked at when its file is there."""
    page = visitor.page
    page.goto(f"{visitor.stack.url}/audit/?type=promotion")
    page.get_by_role("button", name="Export the events").click()
    page.wait_for_url("**/audit/exports/*/")
    expect(page.get_by_role("link", name=re.compile("Download"))).to_be_visible(timeout=60_000)
    visitor.look()


def dossier(visitor: Visitor) -> None:
    """The dossier of a promotion, before there is one and when its file is there."""
    page = visitor.page
    visitor.visit("/promotions/1/dossier/")
    page.get_by_role("button", name="Write the dossier").click()
    expect(page.get_by_role("link", name=re.compile("Download"))).to_be_visible(timeout=60_000)
    visitor.look()


def event_with_its_row(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.stack.url}/audit/?type=promotion")
    page.locator("tbody summary").first.click()
    expect(page.get_by_role("link", name="Event, proof and raw record")).to_be_visible()
    visitor.look()


def _mailed(visitor: Visitor, before: int, pattern: str) -> str:
    """The link in a mail that came after the first `before`; a mail's file is there before its text is."""

    def link() -> str:
        found = re.search(pattern, "\n".join(visitor.stack.mails()[before:]))
        return found.group() if found else ""

    return wait_until(link, 60, "a mail with a link")


def invitation(visitor: Visitor) -> None:
    """Somebody is invited, opens the link of the mail, and the invitation is taken back."""
    page, stack = visitor.page, visitor.stack
    before = len(stack.mails())
    page.goto(f"{stack.url}/settings/people/invite/")
    page.fill("input[type=email]", NEWCOMER)
    page.get_by_role("button", name="Send invitation").click()
    expect(page.locator("main")).to_contain_text(NEWCOMER)
    visitor.look()
    join = _mailed(visitor, before, r"/join/\S+/\S+/")
    assert visitor.context.browser
    with Visitor(visitor.context.browser, stack, "anonymous", visitor.findings) as newcomer:
        newcomer.visit(join)
    page.goto(f"{stack.url}/settings/people/")
    page.locator("main tr", has_text=NEWCOMER).get_by_role("button", name="Take back").click()
    expect(page.locator("main")).not_to_contain_text("Take back")


def service_account(visitor: Visitor) -> None:
    """A program gets an account, which is switched off again: accounts are never deleted."""
    page, url = visitor.page, visitor.stack.url
    if page.request.get(f"{url}/settings/service-accounts/pages/").status == 404:
        page.goto(f"{url}/settings/service-accounts/new/")
        page.fill("input[name=name]", "pages")
        page.locator("select[name=responsible]").select_option(index=1)
        page.get_by_role("button", name="Create service account").click()
        page.wait_for_url("**/service-accounts/pages/")
    visitor.visit("/settings/service-accounts/pages/")
    visitor.visit("/settings/service-accounts/")
    visitor.visit("/settings/service-accounts/pages/tokens/new/")
    page.goto(f"{url}/settings/service-accounts/pages/")
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("button", name="Enable")).to_be_visible()
    visitor.look()
    page.get_by_role("button", name="Enable").click()


def person(visitor: Visitor) -> None:
    """What can be taken from a person, without taking it."""
    page, url = visitor.page, visitor.stack.url
    page.goto(f"{url}/settings/people/")
    visitor.visit(str(page.get_by_role("link", name="Vera Lind").get_attribute("href")))
    ways = [
        str(page.locator(f"main a[href*='{part}']").first.get_attribute("href")) for part in ("/disable/", "/revoke/")
    ]
    for path in ways:
        visitor.visit(path)


def forgotten_password(visitor: Visitor) -> None:
    page, stack = visitor.page, visitor.stack
    before = len(stack.mails())
    page.goto(f"{stack.url}/accounts/password/reset/")
    page.fill("input[type=email]", stack.people["viewer"]["email"])
    page.get_by_role("button", name="Send the link").click()
    page.wait_for_url("**/reset/done/")
    visitor.visit(_mailed(visitor, before, r"/accounts/password/reset/key/\S+"))
    visitor.visit("/accounts/password/reset/key/1-not-a-key/")
    visitor.visit("/accounts/password/reset/key/done/")


def refused_sign_in(visitor: Visitor) -> None:
    page = visitor.page
    page.goto(f"{visitor.stack.url}/accounts/login/")
    page.fill("input[name=login]", "nobody@signalbox.example")
    page.fill("input[name=password]", "not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator("[data-error-summary], .err").first).to_be_visible()
    visitor.look()


def second_factors(browser: Browser, stack: Stack, findings: Findings) -> None:
    """One-time codes and a passkey: set up, used, taken away again."""
    with Visitor(browser, stack, "viewer", findings) as visitor:
        page = visitor.page
        page.goto(f"{stack.url}/accounts/2fa/totp/activate/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
        visitor.look()
        page.locator("input[type=password]").fill(stack.people["viewer"]["password"])
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_url("**/activate/")
        visitor.look()
        secret = page.locator("#authenticator_secret").input_value()
        page.locator("input[name=code]").fill(code_now(secret))
        page.get_by_role("button", name="Turn on one-time codes").click()
        page.wait_for_url(lambda address: "activate" not in address)
        visitor.look()
        _with_codes(visitor, browser, secret)
        _passkey(visitor)
        visitor.visit("/accounts/2fa/totp/deactivate/")
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_url(lambda address: "deactivate" not in address)
        visitor.look()


def _with_codes(visitor: Visitor, browser: Browser, secret: str) -> None:
    for name in ("recovery-codes/", "recovery-codes/generate/", "reauthenticate/"):
        visitor.visit(f"/accounts/2fa/{name}")
    with Visitor(browser, visitor.stack, "viewer", visitor.findings) as again:
        assert again.page.url.endswith("/2fa/authenticate/"), again.page.url
        again.look()


def _passkey(visitor: Visitor) -> None:
    page = visitor.page
    devtools = visitor.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    visitor.visit("/accounts/2fa/webauthn/add/")
    page.locator("input[name=name]").fill("Key of the pages")
    page.get_by_role("button", name="Add passkey").click()
    page.wait_for_url(lambda address: not address.endswith("/add/"))
    visitor.visit("/me/security/")
    visitor.visit("/accounts/2fa/webauthn/reauthenticate/")
    page.goto(f"{visitor.stack.url}/me/security/")
    edit = page.locator("a[href*='/webauthn/keys/'][href$='/edit/']").get_attribute("href")
    visitor.visit(str(edit))
    visitor.visit(str(edit).replace("/edit/", "/remove/"))
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url(lambda address: "/remove/" not in address)


OF: dict[str, list[Callable[[Visitor], None]]] = {
    "ml_lead": [sign_page],
    "operator": [rollback_dialog, endpoint_key],
    "data_scientist": [own_token, bypass],
    "auditor": [export, dossier, event_with_its_row],
    "administrator": [policy_changes, invitation, service_account, person],
    "anonymous": [forgotten_password, refused_sign_in],
}
