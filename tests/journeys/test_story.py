"""The whole story with several people in browsers of their own, against the running product."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import launched
from tests.stack import PROJECT, Stack
from tests.waiting import wait_until

REGISTER = Path(__file__).parent / "register.py"
VERIFIER = PROJECT / "tools" / "signalbox_audit_verify.py"
MODEL = "story"
SLOW = 60_000


@pytest.fixture
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


class Reports(list[str]):
    """What a page said on its console about the content security policy or a broken script."""


@contextmanager
def signed_in(browser: Browser, stack: Stack, role: str) -> Iterator[Page]:
    """A person in a browser context of their own; leaving it proves that no page broke a rule."""
    person, context = stack.people[role], browser.new_context()
    page, reports = context.new_page(), Reports()
    page.on("console", lambda m: reports.append(m.text) if "Content Security Policy" in m.text else None)
    page.on("pageerror", lambda e: reports.append(str(e)))
    page.goto(f"{stack.url}/accounts/login/")
    page.fill("input[name=login]", person["email"])
    page.fill("input[name=password]", person["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{stack.url}/")
    yield page
    context.close()
    assert reports == []


def register(stack: Stack, regularisation: float) -> None:
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": stack.url,
        "MLFLOW_TRACKING_TOKEN": stack.tokens["data_scientist"],
    }
    command = [sys.executable, str(REGISTER), MODEL, str(regularisation)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def ask(page: Page, stack: Stack, version: int) -> str:
    """Ask for the promotion on its page; the address of the request."""
    page.goto(f"{stack.url}/promotions/new/?model={MODEL}&version={version}&environment=production")
    page.fill("textarea[name=why]", f"Version {version} of the story.")
    page.get_by_role("button", name=f"Ask for the promotion of v{version}").click()
    page.wait_for_url(f"{stack.url}/promotions/*/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{MODEL} v{version}")
    return page.url


def approve(page: Page, address: str, password: str) -> None:
    """Approve with a fresh look at the password; warnings are ticked one by one."""
    page.goto(address)
    page.get_by_role("radio", name="Approve").check()
    for box in page.locator("input[name=looked_at]").all():
        box.check()
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/sign/**")
    page.locator("input[type=password]").fill(password)
    page.get_by_role("button", name="Sign and approve").click()
    page.wait_for_url(address + "**")


def promoted(browser: Browser, stack: Stack, version: int) -> str:
    with signed_in(browser, stack, "data_scientist") as priya:
        address = ask(priya, stack, version)
    for role in ("model_risk", "ml_lead"):
        with signed_in(browser, stack, role) as reviewer:
            approve(reviewer, address, stack.people[role]["password"])
            if role == "ml_lead":
                expect(reviewer.locator(".title .badge").first).to_contain_text("Promoted", timeout=SLOW)  # by itself
                reviewer.goto(f"{stack.url}/endpoints/production/{MODEL}/")
                expect(reviewer.locator("main")).to_contain_text(f"v{version} 100 %", timeout=SLOW)
    return address


def shows(page: Page, address: str, text: str) -> bool:
    """Opened anew, for a page that has nothing left to wait for and so does not look again by itself."""
    page.goto(address)
    return text in page.locator("main").inner_text()


def mlflow_run(stack: Stack) -> str:
    headers = {"Authorization": f"Bearer {stack.tokens['data_scientist']}"}
    named = {"name": MODEL, "version": "2"}
    found = httpx.get(f"{stack.url}/api/2.0/mlflow/model-versions/get", params=named, headers=headers)
    return str(found.json()["model_version"]["run_id"])


def ask_gateway(stack: Stack) -> httpx.Response:
    row = {"dataframe_records": [{"distance": 1400.0, "hour": 20.0}]}
    return httpx.post(f"{stack.gateway_url}/production/{MODEL}/invocations", json=row, timeout=20)


@pytest.mark.stack
@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_training_to_production_and_back(stack: Stack, browser: Browser, tmp_path: Path) -> None:
    register(stack, 1.0)
    promoted(browser, stack, 1)
    register(stack, 0.1)
    second = promoted(browser, stack, 2)
    answer = ask_gateway(stack)
    assert (answer.status_code, answer.headers["x-served-version"]) == (200, "2")

    with signed_in(browser, stack, "operator") as tomas:
        tomas.goto(f"{stack.url}/endpoints/production/{MODEL}/")
        tomas.get_by_role("link", name="Roll back to v1").first.click()
        tomas.get_by_role("radio", name="Wrong decisions").check()
        tomas.get_by_role("button", name="Roll back to v1").click()
        expect(tomas.locator("main")).to_contain_text("v1 100 %", timeout=SLOW)
        wait_until(lambda: shows(tomas, second, "Rolled back"), SLOW / 1000, "the request to be rolled back")
    assert ask_gateway(stack).headers["x-served-version"] == "1"

    with signed_in(browser, stack, "data_scientist") as priya:
        run = mlflow_run(stack)
        priya.goto(f"{stack.url}/#/experiments/1/runs/{run}")  # as MLflow's client prints it
        priya.wait_for_url(f"{stack.url}/runs/{run}/")

    number = second.rstrip("/").rsplit("/", 1)[1]
    with signed_in(browser, stack, "auditor") as ines:
        ines.goto(f"{stack.url}/audit/?subject=promotion_request:{number}")
        for words in ("asked for", "approved", "began to be carried out", "was promoted", "rolled"):
            expect(ines.locator("main")).to_contain_text(words)
    verify_offline(stack, tmp_path)


def verify_offline(stack: Stack, folder: Path) -> None:
    """The export verifies with nothing but the file and the key; a changed byte is named."""
    bundle = folder / "log.zip"
    stack.manage("audit", "export", "--out", str(bundle))
    vkey = (stack.var / "checkpoints" / "vkey").read_text().strip()
    good = subprocess.run(
        [sys.executable, str(VERIFIER), str(bundle), "--vkey", vkey], capture_output=True, text=True, check=False
    )
    assert good.returncode == 0, good.stdout + good.stderr
    spoiled = folder / "spoiled.zip"
    with zipfile.ZipFile(bundle) as source, zipfile.ZipFile(spoiled, "w") as target:
        for name in source.namelist():
            raw = source.read(name)
            if name == "events.jsonl":
                lines = raw.splitlines(keepends=True)
                lines[7] = lines[7].replace(b"success", b"succesS", 1)
                raw = b"".join(lines)
            target.writestr(name, raw)
    bad = subprocess.run(
        [sys.executable, str(VERIFIER), str(spoiled), "--vkey", vkey], capture_output=True, text=True, check=False
    )
    assert bad.returncode == 1
    assert "7" in bad.stdout + bad.stderr
