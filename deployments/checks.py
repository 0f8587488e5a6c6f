"""System checks of settings that only this app can read."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from deployments import targets


@register
def runtimes_can_be_read(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A file that says where environments serve is refused at the start, not at the first rollout."""
    try:
        for target in targets.read(settings.SIGNALBOX_RUNTIMES).values():
            if target.token_file:
                Path(target.token_file).read_text()
    except (targets.BadTarget, OSError) as error:
        return [Error(f"SIGNALBOX_RUNTIMES: {error}", id="signalbox.E005")]
    return []
