"""Outline icons as SVG paths on a 24 by 24 grid. From Tabler Icons 3.51.0 (MIT); see static/vendor/MANIFEST.txt.

The paths are in `icons.json` under Tabler's names; `ALIASES` names the things of this portal, so each has one picture.
"""

import json
from pathlib import Path

ALIASES = {
    "alert": "alert-triangle",
    "arrow-back": "arrow-back-up",
    "audit": "history",
    "chart": "chart-line",
    "compare": "git-compare",
    "device": "device-mobile",
    "endpoint": "server-2",
    "environment": "stack-2",
    "external": "external-link",
    "file": "file-text",
    "help": "help-circle",
    "info": "info-circle",
    "jobs": "checklist",
    "menu": "menu-2",
    "model": "box",
    "pause": "player-pause",
    "play": "player-play",
    "promotion": "rocket",
    "shield": "shield-check",
    "status": "activity",
    "team": "users-group",
}
ICONS: dict[str, list[str]] = json.loads(Path(__file__).with_suffix(".json").read_text())
