"""The pages of evaluations: asked for with a form, followed, and read as a report."""

import pytest
from bs4 import BeautifulSoup
from django.test import Client

from deployments.services import promotions
from portal.core import work
from registry.models import Evaluation
from tests import world
from tests.callers import BACKEND
from tests.pipelines.jobs.conftest import Lab
from tests.pipelines.jobs.rows import frame


@pytest.fixture
def client(lab: Lab) -> Client:
    made = Client()
    made.force_login(lab.priya, backend=BACKEND)
    return made


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    main = BeautifulSoup(answer.content, "html.parser").find("main")
    assert main is not None
    return " ".join(main.get_text(" ").split())


def test_a_form_asks_and_the_report_says_what_was_found(lab: Lab, client: Client) -> None:
    base, version, data = lab.version("worse"), lab.version("good"), lab.data(frame(700))
    assert "Which version, on which data" in text(client, "/evaluations/new/")
    address = f"/evaluations/new/?version={version.model.name}:2&data={data.data_set.name}:1"
    assert "What is predicted" in text(client, address)
    sent = {
        "task": "classification", "target": "late", "threshold": "0.5", "baseline": str(base.number),
        "slices": "place = LGA", "find": ["place"], "miss": "10", "formula": "amount * (label == prediction)",
    }  # fmt: skip
    answer = client.post(address, sent)
    assert answer.status_code == 303
    here = answer["Location"]
    assert "Waiting for a worker." in text(client, here)
    work.drain()
    found = text(client, here)
    assert Evaluation.objects.get().status == "done"
    for words in ("Metrics against v1", "roc_auc", "Better", "business value", "place = LGA", "Slices",
                  "Calibration error by score", "ROC curve", "Confusion of v2",
                  "Peak memory", "rows scored", "Rests on"):  # fmt: skip
        assert words in found, words
    assert "Done" in text(client, "/evaluations/")
    assert narrowed(client, "/evaluations/") == ("Filter evaluations", "none", "queued")
    assert "No evaluation matches these filters." in text(client, "/evaluations/?model=none&status=queued")
    assert "against v1" in text_of_part(client, f"/evaluations/of/{version.model.name}/2/")


def narrowed(client: Client, path: str) -> tuple[str, str, str]:
    """A list's filters by name, with the model and the state that they show when the address has these."""
    page = BeautifulSoup(client.get(path, {"model": "none", "status": "queued"}).content, "html.parser")
    form = page.select_one("form.filters")
    assert form is not None
    model, state = form.select_one("[name=model]"), form.select_one("[name=status] [selected]")
    assert model is not None
    assert state is not None
    return str(form["aria-label"]), str(model["value"]), str(state["value"])


def text_of_part(client: Client, path: str) -> str:
    return " ".join(BeautifulSoup(client.get(path).content, "html.parser").get_text(" ").split())


def test_who_might_approve_is_told_before_they_ask(lab: Lab, client: Client) -> None:
    version, data = lab.version("good"), lab.data(frame(30))
    address = f"/evaluations/new/?version={version.model.name}:1&data={data.data_set.name}:1"
    words = "rests on evaluations of this version. Whoever asks for one while it is open cannot approve it."
    assert words not in text(client, address)
    world.production()
    row = promotions.submit(
        actor=world.actor(lab.priya), model=version.model.name, version=1, environment="production", why="Try it."
    )
    assert f"Request #{row.pk} {words}" in text(client, address)


def test_what_is_wrong_stands_beside_its_field(lab: Lab, client: Client) -> None:
    version, data = lab.version("good"), lab.data(frame(30))
    address = f"/evaluations/new/?version={version.model.name}:1&data={data.data_set.name}:1"
    sent = {"task": "classification", "target": "late", "threshold": "0.5", "slices": "nonsense"}
    answer = client.post(address, sent)
    assert (answer.status_code, "is not a column of the data" in answer.content.decode()) == (422, True)
    answer = client.post(address, sent | {"slices": "", "formula": "amount +"})
    assert (answer.status_code, "This is not a formula" in answer.content.decode()) == (422, True)
    assert not Evaluation.objects.exists()


def test_what_failed_is_said_and_can_be_run_again(lab: Lab, client: Client) -> None:
    row = lab.evaluate(lab.version("breaks"), lab.data(frame(30)))
    found = text(client, f"/evaluations/{row.pk}/")
    assert "It could not be finished. The version raised KeyError: 'gone'" in found
    assert client.post(f"/evaluations/{row.pk}/retry/").status_code == 303
    assert client.post(f"/evaluations/{row.pk}/cancel/").status_code == 303
    assert "It was cancelled." in text(client, f"/evaluations/{row.pk}/")


def test_the_poll_is_answered_only_when_something_changed(lab: Lab, client: Client) -> None:
    row = lab.ask(lab.version("good"), lab.data(frame(30)))
    headers = {"HX-Request": "true"}
    part = client.get(f"/evaluations/{row.pk}/", headers=headers)
    tag = part.context["tag"]
    assert "Waiting for a worker." in part.content.decode()
    assert client.get(f"/evaluations/{row.pk}/", headers=headers | {"HX-PTag": tag}).status_code == 304
    work.drain()
    assert (
        "Show the report" in client.get(f"/evaluations/{row.pk}/", headers=headers | {"HX-PTag": tag}).content.decode()
    )


def test_others_are_told_nothing(lab: Lab) -> None:
    row = lab.ask(lab.version("good"), lab.data(frame(30)))
    outsider = Client()
    outsider.force_login(lab.olga, backend=BACKEND)
    assert outsider.get(f"/evaluations/{row.pk}/").status_code == 404
    assert lab.model.name not in text(outsider, "/evaluations/")
    assert lab.model.name not in text(outsider, "/evaluations/new/")


def test_compared_versions_show_their_common_evaluation(lab: Lab, client: Client) -> None:
    base, version, data = lab.version("worse"), lab.version("good"), lab.data(frame(700))
    lab.evaluate(version, data, base)
    found = text(client, f"/models/{lab.model.name}/compare/?v=1&v=2")
    assert f"Evaluated on {data}" in found
    assert "roc_auc" in found
    assert "Better" in found
