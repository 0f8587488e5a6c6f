"""Goes through the portal as one person: looks at pages, and asks for every kind of link they hold."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urldefrag

from playwright.sync_api import Browser, Page, Response

from tests.browsing import Complaints, sign_in
from tests.pages.looks import faults
from tests.pages.routes import kind_of, name_of, pages
from tests.stack import Stack

# A page is looked at this often in all, links of one kind are asked for this often by one person.
LOOKS, ASKS = 2, 2
LINKS = "[...document.querySelectorAll('a[href]')].map(a => a.href)"


@dataclass
class Findings:
    """What all visitors found. `seen` counts routes, `faults` are lines that begin with the visitor and the page."""

    seen: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


class Visitor:
    """A person (or nobody) in a browser context of their own."""

    def __init__(self, browser: Browser, stack: Stack, role: str, findings: Findings) -> None:
        self.stack, self.role, self.findings = stack, role, findings
        self.context = browser.new_context(viewport={"width": 1440, "height": 900})
        self.complaints = Complaints(self.context)
        self.page: Page = self.context.new_page()
        self.links: deque[str] = deque()
        self.asked: Counter[tuple[str, ...]] = Counter()
        self.known: set[str] = set()
        if role != "anonymous":
            sign_in(self.page, stack.url, stack.people[role])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.context.close()

    def report(self, what: str) -> None:
        self.findings.faults.append(f"{self.role} {self.page.url.removeprefix(self.stack.url)} {what}")

    def look(self, expected: int = 200, response: Response | None = None) -> None:
        """Judge the page that is open."""
        if response is not None and response.status != expected:
            self.report(f"answers {response.status}, not {expected}")
        for line in faults(self.page):
            self.report(line)
        for line in self.complaints.lines:
            if expected == 200 or f"status of {expected}" not in line:
                self.report(line)
        self.complaints.lines.clear()
        path = self.page.url.removeprefix(self.stack.url)
        self.known.add(path)
        self.findings.seen[name_of(path)] += 1
        self.links.extend(self.page.evaluate(LINKS))

    def visit(self, path: str, expected: int = 200) -> None:
        self.look(expected, self.page.goto(self.stack.url + path))

    def follow(self, starts: Iterable[str]) -> None:
        """Look at these pages, then at what they lead to, until nothing new is left."""
        for path in starts:
            self.visit(path)
        while self.links:
            address = urldefrag(self.links.popleft()).url
            path = address.removeprefix(self.stack.url)
            if address.startswith(self.stack.url) and path not in self.known:
                self.known.add(path)
                self._go_on(path)

    def _go_on(self, path: str) -> None:
        kind = kind_of(path)
        self.asked[kind] += 1
        if self.asked[kind] > ASKS:
            return
        route = kind[0]
        if route in pages() and self.findings.seen[route] < LOOKS:  # to look is to ask
            self.visit(path)
            return
        answer = self.context.request.get(self.stack.url + path)
        if not answer.ok:
            self.findings.faults.append(f"{self.role} {path} is linked and answers {answer.status}")
        html = answer.headers.get("content-type", "").startswith("text/html")
        landed = name_of(answer.url.removeprefix(self.stack.url))
        if answer.ok and html and landed and self.findings.seen[landed] < LOOKS and not landed.startswith("api:"):
            self.visit(path)
