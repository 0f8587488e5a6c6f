"""Sample values for the gallery. Nothing here reaches a page of the product."""

import math
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django import forms
from django.utils import timezone

from portal.core.actors import Actor, Grant
from portal.ui import charts, nav, svg, text
from portal.ui.context import Entry, Shell
from portal.ui.icons import ICONS

SNIPPET = """curl -X POST http://localhost:8080/production/flights/invocations \\
  -H 'Content-Type: application/json' \\
  -d '{"dataframe_records": [{"carrier": "UA", "distance": 1400}]}'"""
DIGEST = "sha256:e9a4f1c20b7d5e11a7c3f08d2b6491c5d87e3a90f4126bb7c05e8d913fa2b07a"


class SampleForm(forms.Form):
    """One field of each shape."""

    name = forms.CharField(label="Name", help_text="Lower case, for example train-nightly.", max_length=20)
    email = forms.EmailField(label="E-mail address")
    role = forms.ChoiceField(label="Role", choices=[("viewer", "Viewer"), ("ml_lead", "ML lead")])
    decision = forms.ChoiceField(
        label="Your decision",
        widget=forms.RadioSelect,
        choices=[("approve", "Approve"), ("changes", "Request changes"), ("reject", "Reject")],
    )
    why = forms.ChoiceField(
        label="Why",
        widget=forms.RadioSelect,
        choices=[("quality", "Wrong decisions"), ("latency", "Slow or failing"), ("data", "Bad input data")],
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        widget=forms.CheckboxSelectMultiple,
        help_text="At most what its owner may do.",
        choices=[("read", "Read models and endpoints"), ("promote", "Ask for promotions")],
    )
    seen = forms.BooleanField(label="I looked at the warning")
    days = forms.IntegerField(label="Days it lives", initial=90, min_value=1)
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea(attrs={"rows": 3}))


class SignInForm(forms.Form):
    login = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(label="Password", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))


@dataclass
class SampleShell:
    """The frame as a signed-in person sees it, with this browser's theme."""

    inner: Shell
    actor: Actor
    entries: list[Entry]
    signed_in: bool = True
    role_line: str = "ML lead, Operator"
    density: str = "dense"
    shortcuts: str = "on"

    @property
    def theme(self) -> str:
        return self.inner.theme

    @property
    def version(self) -> str:
        return self.inner.version

    @property
    def waiting(self) -> Entry | None:
        return next((entry for entry in self.entries if entry.hot), None)

    @property
    def banners(self) -> list[nav.Line]:
        return [nav.Line("bad", "The audit log is broken at entry 184 233: later ones prove nothing.", "/audit/")]

    @property
    def feet(self) -> list[nav.Line]:
        return [nav.Line("ok", "Log signed up to 184\u202f233", "/audit/"), nav.Line("warn", "MLflow is starting")]


def shell(inner: Shell) -> SampleShell:
    actor = Actor("user", "person:0", "Marta Kowalska", grants=frozenset({Grant("ml_lead")}))
    items = [
        ("Inbox", "inbox", "i", 4, True),
        ("Models", "model", "m", 0, False),
        ("Promotions", "promotion", "p", 3, False),
        ("Endpoints", "endpoint", "e", 0, False),
        ("Status", "status", "s", 0, False),
        ("Audit log", "audit", "l", 0, False),
        ("Settings", "settings", "", 0, False),
    ]
    entries = [
        Entry(label, f"/{label.split()[0].lower()}/", icon, key, hot, count, label == "Promotions")
        for label, icon, key, count, hot in items
    ]
    return SampleShell(inner, actor, entries)


def figures() -> dict[str, Any]:
    start = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
    old = [(start + timedelta(minutes=i), 19 + math.sin(i / 23) + (i % 7) / 9) for i in range(360)]
    new = [(at, y + 1.5 if index > 200 else None) for index, (at, y) in enumerate(old)]
    times = [(text.stamp(at, "time"), a, b) for (at, a), (_, b) in zip(old, new, strict=True)]
    return {
        "latency": charts.Figure(
            "lat",
            "p95 latency",
            "limit 25 ms",
            "Line chart of p95 latency over six hours. v41 stays near 19 ms, v43 near 21 ms, below the limit of 25 ms.",
            [charts.line("v41 champion", old, "champ"), charts.line("v43 challenger", new, "chall")],
            charts.Layout(y_title="ms", x_is_time=True)
            .limit(25, "limit 25 ms")
            .marker(start + timedelta(minutes=201), "5 %")
            .as_plotly(),
            charts.table(("Time", "v41", "v43"), times, lambda v: f"{v:.1f} ms", more="/_ui/?csv=1"),
        ),
        "versions": charts.Figure(
            "ver",
            "PR-AUC by version",
            "v43 0.864 [0.858, 0.870]",
            "Dots with 95 percent intervals for versions 39 to 43; version 43 is the highest at 0.864.",
            [
                charts.dots("registered", [("v39", 0.83, 0.82, 0.84), ("v41", 0.85, 0.844, 0.857)], "champ"),
                charts.dots("rejected", [("v42", 0.84, 0.83, 0.849)], "ref", hollow=True),
                charts.dots("challenger", [("v43", 0.864, 0.858, 0.87)], "chall"),
            ],
            charts.Layout(y_title="PR-AUC").as_plotly(),
            charts.table(("Version", "PR-AUC"), [("v39", 0.83), ("v41", 0.85), ("v42", 0.84), ("v43", 0.864)]),
        ),
        "calibration": charts.Figure(
            "cal",
            "Calibration error by score",
            "ECE 0.004, band: 95 % for v43",
            "Observed minus predicted rate by score; version 43 stays within half a point of zero.",
            [
                *charts.band("95 % of v43", [(x / 10, -0.01 - x / 900, 0.01 + x / 900) for x in range(11)]),
                charts.line("v43", [(x / 10, math.sin(x) / 200) for x in range(11)], "chall", markers=True),
                charts.line("v44", [(x / 10, math.cos(x) / 150) for x in range(11)], "third", markers=True),
            ],
            charts.Layout(x_title="Predicted share", y_title="Observed minus predicted").as_plotly(),
            charts.table(("Score", "v43"), [(f"{x} %", math.sin(x / 10) / 200) for x in range(0, 101, 10)]),
        ),
        "counts": charts.Figure(
            "cnt",
            "Delays by carrier",
            "UA most, 58\u202f665 flights",
            "Bars of flights by carrier; United has the most with 58 665.",
            [charts.bars("flights", [("UA", 58665), ("B6", 54635), ("EV", 54173), ("DL", 48110)], "champ")],
            charts.Layout(y_title="Flights", from_zero=True).as_plotly(),
            charts.table(("Carrier", "Flights"), [("UA", 58665), ("B6", 54635)], text.number),
        ),
        "confusion": charts.heat(
            "v43, threshold 0.41",
            ("Predicted on time", "Predicted late"),
            [("On time", (1_850_041, 9278)), ("Late", (23_026, 57_484))],
            text.number,
        ),
        "drift": charts.heat(
            "PSI by feature and day",
            ("26", "27", "28", "29"),
            [("device_age_days", (0.02, 0.08, 0.19, 0.31)), ("amount", (0.01, 0.0, 0.03, 0.02))],
            lambda v: f"{v:.2f}",
            limit=0.2,
        ),
    }


def context() -> dict[str, Any]:
    now = timezone.now()
    rows = [("PR-AUC", 0.014, 0.009, 0.020), ("Recall", -0.016, -0.049, -0.004), ("Precision", 0.005, -0.004, 0.014)]
    return {
        "icons": sorted(ICONS),
        "tones": ("ok", "warn", "bad", "info", "mute"),
        "digest_value": DIGEST,
        "now": now,
        "hours_ago": now - timedelta(hours=3),
        "in_days": now + timedelta(days=2, hours=21),
        "facts": [("Owner", "Payments ML"), ("Digest", "sha256:e9a4f1"), ("Ticket", "")],
        "changes": [
            SimpleNamespace(label="Traffic", was="v41 100 %", now="v43 100 %", note="about 14 s; open requests finish"),
            SimpleNamespace(label="Alias champion", was="v41", now="v43", note=""),
            SimpleNamespace(label="Threshold", was=None, now="0.41", note=""),
        ],
        "before": {"rules": {"approvals": 1, "roles": ["ml_lead"]}, "alias": None},
        "after": {"rules": {"approvals": 2, "roles": ["ml_lead"]}, "alias": "champion", "freeze": False},
        "scale": svg.scale_of([(low, high) for _, _, low, high in rows]),
        "intervals": rows,
        "spark": [19 + math.sin(i / 2) for i in range(30)],
        "snippet": SNIPPET,
        "revision": "r0",
        **traffic(),
        **figures(),
    }


def traffic() -> dict[str, Any]:
    return {
        "split": [("v41 75 %", 75.0, "champ"), ("v43 25 %", 25.0, "chall")],
        "split_small": [("v41 97 %", 97.0, "champ"), ("v43 3 %", 3.0, "chall")],
    }
