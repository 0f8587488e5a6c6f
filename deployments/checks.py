"""System checks of settings that only this app can read."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from deployments.adapters.kubernetes import targets


@register
def runtimes_can_be_read(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A file that says where environments serve is refused at the start, not at the first rollout."""
    try:
        targets.read(settings.SIGNALBOX_RUNTIMES)
    except targets.BadTarget as error:
        return [Error(f"SIGNALBOX_RUNTIMES: {error}", id="signalbox.E005")]
    return []
