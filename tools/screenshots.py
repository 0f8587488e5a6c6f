"""Takes the pictures of the README and the papers from the running portal, whose example world `make run` has built.

python tools/screenshots.py                 # those of the README
python tools/screenshots.py rollouts [case] # of rollouts, while `python -m demo.rollouts` carries them out
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WIDTH, HEIGHT, MARGIN = 1440, 900, 12
PHONE = 390
THEMES = ("light", "dark")
READING = "15"
ENDPOINT = "production/flight-delay-rollouts"
ASK_EVERY = 0.5
UNDER_WAY = 60
"""Requests to the new version from which on its canary is worth a picture."""


@dataclass(frozen=True)
class Moment:
    """A picture of what is only there for a while: of the newest rollout whose plan has the step `do`, when it has the
    status. `page` is below the endpoint's; of a page that is not whole, `last` is the part it ends with, `only` the one
    part that is shown. `opens` is a link to a dialog, in front of the page's first screen; `width` is the window's."""

    name: str
    do: str
    status: str
    page: str = ""
    last: str = "main"
    themes: tuple[str, ...] = ("light",)
    only: str = ""
    opens: str = ""
    width: int = WIDTH

    def now(self, row: dict[str, Any], requests: int) -> bool:
        kinds = {step["do"] for step in row["plan"]}
        kind = next((kind for kind in ("ab_test", "shadow") if kind in kinds), "analyse")
        enough = self.status != "progressing" or requests >= UNDER_WAY
        return (self.do, self.status) == (kind, row["status"]) and enough and row["from_version"] is not None


MOMENTS = (
    Moment("rollout-ab-test", "ab_test", "paused", "rollouts/{id}/ab-test/"),
    Moment("rollout-canary", "analyse", "progressing", last="#guards", themes=THEMES),
    Moment("rollback-dialog", "analyse", "progressing", opens="#rollback a[data-dialog]"),
    Moment("rollout-phone", "analyse", "progressing", last="#guards", width=PHONE),
    Moment("rollout-stopped", "analyse", "aborted", "?history=rollouts", only="#history"),
    Moment("rollout-shadow", "shadow", "paused", "rollouts/{id}/shadow/"),
)
STANDING = {"plan-editor": "plans/ab-test-fast/edit/", "environments": "environments/"}
"""Pictures of pages that stay as the command leaves them."""


def sign_in(page: Page, url: str, person: dict[str, str]) -> None:
    page.goto(f"{url}/accounts/login/")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password", exact=True).fill(person["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{url}/")


def take(page: Page, url: str, name: str, last: str = "main", only: str = "", width: int = WIDTH) -> None:
    """One picture down to the end of `last`, in a window as high as that, once the page's figures are drawn."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.goto(url)
    for figure in page.locator("figure[data-plot]:visible").all():
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-done", "1", timeout=20_000)
    page.evaluate("scrollTo(0, 0)")
    end = page.locator(last).evaluate("element => Math.ceil(element.getBoundingClientRect().bottom)")
    bar = page.evaluate("() => document.querySelector('.actionbar')?.offsetHeight ?? 0")
    page.set_viewport_size({"width": width, "height": end + MARGIN + bar})
    keep(page.locator(only) if only else page, name)


def take_dialog(page: Page, url: str, name: str, opens: str) -> None:
    """The first screen of a page with a dialog in front of it, which nobody sends."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(url)
    page.locator(opens).first.click()
    expect(page.locator("#page-dialog[open] button[type=submit]")).to_be_visible()
    keep(page, name)


def keep(shown: Page | Locator, name: str) -> None:
    target = ROOT / "docs" / "img" / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    shown.screenshot(path=target)
    sys.stdout.write(f"{target.relative_to(ROOT)}, {target.stat().st_size // 1000} kB\n")
    sys.stdout.flush()


@contextmanager
def browsing(program: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


def signed_in(browser: Browser, world: dict[str, Any], theme: str = "light") -> Page:
    size = {"width": WIDTH, "height": HEIGHT}
    page = browser.new_context(viewport=size, color_scheme=theme).new_page()  # type: ignore[arg-type]
    sign_in(page, world["url"], world["people"]["ml_lead"])
    return page


def of_readme(browser: Browser, world: dict[str, Any]) -> None:
    page = signed_in(browser, world)
    take(page, f"{world['url']}/promotions/3/", "promotion", "#artifact")
    take(page, f"{world['url']}/endpoints/production/flight-delay/", "endpoint")


def of_rollouts(browser: Browser, world: dict[str, Any], cases: list[str]) -> int:
    """Each moment once, while the command shows them; 1 where the command or a picture failed."""
    pages = {theme: signed_in(browser, world, theme) for theme in THEMES}
    token = {"Authorization": f"Bearer {world['tokens']['data_scientist']}"}
    left = list(MOMENTS)
    command = [sys.executable, "-m", "demo.rollouts", *cases, "--reading", READING]
    with httpx.Client(base_url=world["url"], headers=token) as portal, subprocess.Popen(command, cwd=ROOT) as shown:
        before = newest(portal)[0].get("id", 0)
        while left and shown.poll() is None:
            time.sleep(ASK_EVERY)
            row, requests = newest(portal)
            for moment in [one for one in left if row.get("id", 0) > before and one.now(row, requests)]:
                left.remove(moment)
                catch(pages, moment, f"{world['url']}/endpoints/{ENDPOINT}/{moment.page.format(id=row['id'])}")
    for name, place in STANDING.items():
        take(pages["light"], f"{world['url']}/{place}", name)
    sys.stdout.writelines(f"There was no moment for {moment.name}.\n" for moment in left)
    return 1 if left or shown.returncode else 0


def catch(pages: dict[str, Page], moment: Moment, address: str) -> None:
    """The pictures of one moment, one for each theme it is wanted in."""
    for theme in moment.themes:
        name = moment.name if theme == "light" else f"{moment.name}-{theme}"
        if moment.opens:
            take_dialog(pages[theme], address, name, moment.opens)
        else:
            take(pages[theme], address, name, moment.last, moment.only, moment.width)


def newest(portal: httpx.Client) -> tuple[dict[str, Any], int]:
    """The newest rollout of the endpoint, {} before any, and what its new version was asked."""
    environment, name = ENDPOINT.split("/")
    rows = portal.get("/api/v1/rollouts/", params={"environment": environment, "endpoint": name}).json()["results"]
    if not rows:
        return {}, 0
    measured = portal.get(f"/api/v1/rollouts/{rows[0]['id']}/measurements/").json()["results"]
    return rows[0], measured[-1]["requests"] if measured else 0


def main() -> int:
    facts = Path(os.environ.get("SIGNALBOX_VAR", ROOT / "var")) / "demo.json"
    if not facts.is_file():
        sys.stderr.write("There is no running example world. Start it with `make run`, then take the pictures.\n")
        return 1
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        sys.stderr.write("There is no Chromium on the path. Run tools/bootstrap-browser.\n")
        return 1
    world = json.loads(facts.read_text())
    with browsing(program) as browser:
        if sys.argv[1:2] == ["rollouts"]:
            return of_rollouts(browser, world, sys.argv[2:])
        of_readme(browser, world)
    return 0


if __name__ == "__main__":
    sys.exit(main())
