"""Takes the pictures of the README from the running portal. `make run` must have built the example world."""

import json
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WIDTH, HEIGHT, MARGIN = 1440, 900, 12


def sign_in(page: Page, url: str, person: dict[str, str]) -> None:
    page.goto(f"{url}/accounts/login/")
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password", exact=True).fill(person["password"])
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{url}/")


def take(page: Page, url: str, name: str, last: str = "main") -> None:
    """One picture down to the end of `last`, in a window as high as that, once the page's figures are drawn."""
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(url)
    for figure in page.locator("figure[data-plot]").all():
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-done", "1", timeout=20_000)
    page.evaluate("scrollTo(0, 0)")
    end = page.locator(last).evaluate("element => Math.ceil(element.getBoundingClientRect().bottom)")
    page.set_viewport_size({"width": WIDTH, "height": end + MARGIN})
    target = ROOT / "docs" / "img" / f"{name}.png"
    target.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=target)
    sys.stdout.write(f"{target.relative_to(ROOT)}, {target.stat().st_size // 1000} kB\n")


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
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light").new_page()
        sign_in(page, world["url"], world["people"]["ml_lead"])
        take(page, f"{world['url']}/promotions/3/", "promotion", "#artifact")
        take(page, f"{world['url']}/endpoints/production/flight-delay/", "endpoint")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
