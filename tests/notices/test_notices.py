"""Telling people: once each, in the verb's transaction, by mail with retries, and nobody else's to read."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.utils import timezone

from portal.accounts.adapters.mail import Mail
from portal.accounts.models import Person
from portal.accounts.services import people as person_verbs
from portal.core import leases, work
from portal.core.errors import NotFound
from portal.notices.models import Notice
from portal.notices.reconcilers.delivery import deliver
from portal.notices.selectors import notices as read
from portal.notices.services import notices
from tests.accounts import people
from tests.accounts.browser import Browser, signed_in

pytestmark = pytest.mark.django_db


def tell(*who: Person, dedup: str = "7.1", **values: str) -> list[Notice]:
    told = {"subject": "Your decision is needed", "text": "Priya asks <b>you</b>.", "url": "/promotions/7/"} | values
    return notices.tell(person_ids=[p.pk for p in who], kind="promotion.waits", dedup=dedup, **told)


def test_each_person_hears_of_a_matter_once() -> None:
    priya, marta = people.person("Priya"), people.person("Marta")
    assert len(tell(priya, marta, marta)) == 2
    assert tell(priya, marta) == []
    assert len(tell(marta, dedup="7.2")) == 1


def test_it_is_part_of_the_verb_s_transaction() -> None:
    priya = people.person("Priya")

    @transaction.atomic
    def verb() -> None:
        tell(priya)
        raise RuntimeError("the verb fails")

    with pytest.raises(RuntimeError):
        verb()
    assert not Notice.objects.exists()


@pytest.mark.parametrize("url", ["https://evil.example/", "//evil.example/", "promotions/7/"])
def test_a_notice_links_into_the_portal_only(url: str) -> None:
    with pytest.raises(ValueError, match="path of this portal"):
        tell(people.person("Priya"), url=url)


def test_the_mail_has_text_and_escaped_html_and_the_configured_link() -> None:
    priya = people.person("Priya")
    tell(priya, subject="Line one\nBcc: evil@example.org")
    work.drain()
    sent = mail.outbox[-1]
    assert sent.to == [priya.email]
    assert "\n" not in sent.subject
    assert "http://localhost:8000/promotions/7/" in sent.body
    html = str(sent.alternatives[0][0])  # type: ignore[attr-defined]
    assert "&lt;b&gt;you&lt;/b&gt;" in html
    assert "Priya asks <b>you</b>." in sent.body
    row = Notice.objects.get()
    assert row.mailed_at is not None
    assert row.next_reconcile_at is None
    work.drain()
    assert len(mail.outbox) == 1


def test_disabled_people_get_no_mail() -> None:
    priya = people.person("Priya")
    tell(priya)
    person_verbs.disable(actor=people.acting(people.administrator()), person_id=priya.pk)
    work.drain()
    assert mail.outbox == []


class Deaf:
    """A mail server that is away."""

    def __init__(self) -> None:
        self.asked = 0

    def send(self, mail: Mail) -> None:
        self.asked += 1
        raise OSError("connection refused")


def due(notice: Notice) -> leases.Lease:
    Notice.objects.filter(pk=notice.pk).update(
        next_reconcile_at=timezone.now() - timedelta(seconds=1), lease_until=None
    )
    lease = leases.claim(Notice, notice.pk)
    assert lease is not None
    return lease


def test_a_mail_that_failed_is_tried_again_ever_slower_and_given_up_after_three_days() -> None:
    (notice,) = tell(people.person("Priya"))
    deaf, waits = Deaf(), []
    for _ in range(12):
        before = timezone.now()
        with pytest.raises(work.Retry) as caught:
            deliver(due(notice), deaf)
        waits.append((caught.value.at - before).total_seconds())
    assert waits[0] < waits[3] < waits[6]
    assert max(waits) < 3601
    Notice.objects.filter(pk=notice.pk).update(created_at=timezone.now() - timedelta(days=3, minutes=1))
    deliver(due(notice), deaf)
    assert deaf.asked == 13
    notice.refresh_from_db()
    assert notice.mailed_at is None


def test_a_worker_that_lost_its_lease_does_not_remember_sending() -> None:
    (notice,) = tell(people.person("Priya"))
    lease = due(notice)
    due(notice)
    with pytest.raises(leases.LeaseLost):
        deliver(lease)
    notice.refresh_from_db()
    assert notice.mailed_at is None


def test_reading_is_one_s_own_business() -> None:
    priya, marta = people.person("Priya"), people.person("Marta")
    (notice,) = tell(priya)
    with pytest.raises(NotFound):
        notices.mark_read(actor=people.acting(marta), notice_id=notice.pk)
    assert read.unread_count(people.acting(priya)) == 1
    first = notices.mark_read(actor=people.acting(priya), notice_id=notice.pk).read_at
    assert notices.mark_read(actor=people.acting(priya), notice_id=notice.pk).read_at == first
    assert read.unread_count(people.acting(priya)) == 0


def test_the_api_lists_and_marks() -> None:
    priya = people.person("Priya")
    tell(priya)
    tell(priya, dedup="7.2")
    browser = signed_in(priya)
    found = browser.get("/api/v1/notices/?unread=1").json()["results"]
    assert [row["url"] for row in found] == ["/promotions/7/"] * 2
    assert browser.post(f"/api/v1/notices/{found[0]['id']}/read/").json()["read_at"]
    assert browser.post("/api/v1/notices/read/").json() == {"marked": 1}
    assert browser.get("/api/v1/notices/?unread=1").json()["results"] == []
    stranger = signed_in(people.person("Marta"))
    assert stranger.post(f"/api/v1/notices/{found[0]['id']}/read/").status_code == 404


def test_a_token_has_no_notices() -> None:
    priya = people.person("Priya")
    tell(priya)
    header: Any = {"Authorization": f"Bearer {people.token(priya).secret}"}
    assert Browser().send("GET", "/api/v1/notices/", **header).json()["results"] == []
