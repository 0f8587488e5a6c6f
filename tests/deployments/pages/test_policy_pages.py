"""Policies on their pages: the list, the form of a draft, the replay, and signing."""

import html
import re
from collections.abc import Callable

import pytest

from deployments.models import PolicyVersion
from deployments.selectors import policies as select
from portal.accounts.models import Person
from tests import world
from tests.callers import PASSWORD
from tests.deployments.conftest import Line
from tests.deployments.pages.conftest import Browser

Open = Callable[[Person], Browser]
NEW = "/settings/policies/new/"
STEP_UP = ["password", "totp", "passkey"]
ROWS = {
    "approvals-0-role": "ml_lead",
    "approvals-0-team": "",
    "approvals-1-role": "ml_lead",
    "approvals-2-role": "ml_lead",
}


@pytest.fixture
def alex(line: Line) -> Person:
    return world.person("Alex Admin", ("administrator", None))


@pytest.fixture
def rosa(line: Line) -> Person:
    return world.person("Rosa Admin", ("administrator", None))


def change() -> PolicyVersion:
    return PolicyVersion.objects.exclude(base=None).order_by("-pk")[0]


def test_from_the_list_to_a_signed_version(line: Line, alex: Person, rosa: Person, browser: Open) -> None:
    line.promote(1)
    admin = browser(alex)
    assert "production" in admin.open("/settings/policies/")
    begun = admin.send(NEW, NEW, environment="production", tier="")
    edit = begun["Location"]
    assert "Calibration" in admin.open(edit)
    values = {"request_days": "3", "step_up": STEP_UP, "why": "Be quick.", "gate-calibration": "on"}
    saved = admin.send(edit, edit, **ROWS, **values, **{"gate-calibration-most": "0.1"})
    assert saved.status_code == 303, saved.content
    page = saved["Location"]
    row = change()
    assert row.content["gates"] == {"calibration": {"most": 0.1}}
    assert row.content["approvals"] == [{"name": "ML lead", "role": "ml_lead", "team": None, "count": 2}]
    shown = admin.open(page)
    assert "Cannot be told for 1: #" in shown
    assert "Rosa Admin" in shown
    assert admin.send(page, f"{page}propose/").status_code == 303
    assert "Somebody else has to." in admin.open(page)
    admin.open(f"{page}sign/", status=403)
    second = browser(rosa)
    wrong = second.send(f"{page}sign/", f"{page}sign/", step_up_password="no")
    assert wrong.status_code == 422
    signed = second.send(f"{page}sign/", f"{page}sign/", step_up_password=PASSWORD, comment="Good.")
    assert signed["Location"] == page
    held = select.in_force(world.production().pk)
    assert (str(held), held.approved_by) == ("production@2", rosa)
    assert "production@2" in browser(line.priya).open(f"/settings/policies/{held.policy_id}/")
    assert "Be quick." in browser(line.priya).open(f"/settings/policies/{held.policy_id}/versions/2/")


def test_what_is_wrong_stands_beside_its_field(alex: Person, browser: Open) -> None:
    admin = browser(alex)
    edit = admin.send(NEW, NEW, environment="production", tier="high")["Location"]
    asked = {"gate-quality": "on", "gate-quality-metric": "auc", "gate-quality-margin": "much", "step_up": STEP_UP}
    wrong = admin.send(edit, edit, **ROWS, **asked)
    assert wrong.status_code == 422
    assert "gates.quality.margin must be a number" in wrong.content.decode()
    freeze, bypass = '[{"name": "", "from": "fri 18:00", "to": "soon"}]', '{"by": [], "hours": 99}'
    several = asked | {"freezes": freeze, "bypass": bypass}
    page = html.unescape(admin.send(edit, edit, **ROWS, **several).content.decode())
    for said in (
        "gates.quality.margin must be a number",
        "freezes[0].name must be 1 to 80 characters.",
        "freezes[0].from must be a time with its offset",
        "freezes[0].to must be a time with its offset",
        "bypass.by must say who grants one; leave bypass out for nobody.",
        "bypass.hours must be a whole number from 1 to 24.",
    ):
        assert said in page, said
    beside = re.search(r'id="id_bypass_error".*?</', page, re.S)
    assert beside is not None
    assert "freezes" not in beside[0], "each beside its own field"
    assert admin.send(edit, edit, **ROWS, request_days="900", step_up=STEP_UP).status_code == 422
    fields = admin.fill(edit, edit) | {"mode": "text", "rules": "approvals: [", "idempotency_key": "other"}
    bad = admin.post(edit, fields)
    assert (bad.status_code, "This is not YAML" in bad.content.decode()) == (422, True)


def test_members_the_form_does_not_show_are_kept_and_edited_as_text(alex: Person, browser: Open) -> None:
    admin = browser(alex)
    edit = admin.send(NEW, NEW, environment="production", tier="")["Location"]
    row = change()
    text = "{approvals: [], request_days: 2, approval_hours: 3, step_up: [totp], warm_hours: 4}"
    sent = {"mode": "text", "rules": text, "seen": row.digest, "idempotency_key": "k", "why": ""}
    fields = admin.fill(edit, edit) | sent
    assert admin.post(edit, fields).status_code == 303
    assert change().content["request_days"] == 2
    stale = admin.post(edit, fields | {"idempotency_key": "k2"})
    assert stale.status_code == 409


def test_rejected_and_withdrawn(alex: Person, rosa: Person, browser: Open) -> None:
    admin = browser(alex)
    first = admin.send(NEW, NEW, environment="production", tier="")["Location"].removesuffix("edit/")
    assert "changes nothing" in admin.send(first, f"{first}propose/").content.decode()
    assert admin.send(f"{first}withdraw/", f"{first}withdraw/", reason="Not now.").status_code == 303
    assert "Not now." in admin.open(first)
    world.person("Third Admin", ("administrator", None))
    edit = admin.send(NEW, NEW, environment="production", tier="")["Location"]
    page = edit.removesuffix("edit/")
    admin.send(edit, edit, **ROWS, request_days="3", step_up=STEP_UP)
    admin.send(page, f"{page}propose/")
    second = browser(rosa)
    assert second.send(page, f"{page}reject/").status_code == 422
    assert second.send(page, f"{page}reject/", comment="Seven is right.").status_code == 303
    assert "Seven is right." in second.open(page)


def test_a_tier_loses_its_policy_by_two_hands(line: Line, alex: Person, rosa: Person, browser: Open) -> None:
    world.production()
    own = world.change_policy("production", world.rules_of("production") | {"request_days": 2}, "high")
    here, admin = f"/settings/policies/{own.policy_id}/", browser(alex)
    assert f"{here}retire/" in admin.open(here)
    assert f"{here}retire/" not in browser(line.priya).open(here)
    assert "production@1" in admin.open(f"{here}retire/")
    page = admin.send(f"{here}retire/", f"{here}retire/", why="Too strict.")["Location"]
    shown = admin.open(page)
    assert "This change retires production-high." in shown
    assert "Edit the draft" not in shown
    assert "Too strict." in shown
    assert admin.client.get(f"{page}edit/")["Location"] == page
    assert admin.send(page, f"{page}propose/").status_code == 303
    second = browser(rosa)
    assert "It retires production-high at once" in second.open(f"{page}sign/")
    assert second.send(f"{page}sign/", f"{page}sign/", step_up_password=PASSWORD)["Location"] == page
    assert "This policy is retired." in second.open(here)
    assert "held instead" in second.open(f"{here}versions/2/")
    assert ">retired</a>" in second.open("/settings/policies/")
    assert "there is nothing to retire" in admin.open(f"{here}retire/")
    general = select.in_force(world.production().pk).policy_id
    assert "Change it instead." in admin.open(f"/settings/policies/{general}/retire/")
    token = admin.fill("/me/", "/accounts/logout/")["csrfmiddlewaretoken"]
    again = admin.post(f"{here}retire/", {"csrfmiddlewaretoken": token})
    assert (again.status_code, "no policy of their own" in again.content.decode()) == (409, True)


def test_one_administrator_alone_reads_what_to_do(alex: Person, browser: Open) -> None:
    admin = browser(alex)
    page = admin.send(NEW, NEW, environment="production", tier="")["Location"].removesuffix("edit/")
    shown = admin.open(page)
    assert "Nobody can approve this yet." in shown
    assert "Invite a second administrator" in shown


def test_an_open_request_says_that_it_keeps_its_policy(line: Line, browser: Open) -> None:
    row = line.submit(1)
    world.production(request_days=3)
    shown = " ".join(browser(line.priya).open(f"/promotions/{row.pk}/").split())
    assert "production@1</a>, as it started; production@2 holds by now" in shown


def test_readers_see_policies_and_change_none(line: Line, browser: Open) -> None:
    assert "Change a policy" not in browser(line.priya).open("/settings/policies/")
    browser(line.priya).open(NEW, status=403)
    browser(line.priya).open("/settings/policies/999/", status=404)
    browser(line.priya).open("/settings/policies/changes/999/", status=404)
