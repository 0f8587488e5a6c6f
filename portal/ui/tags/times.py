"""Times: relative in lists, absolute UTC in the title and in every audit view."""

from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.core import clock
from portal.ui import text
from portal.ui.library import register
from portal.ui.tags.numbers import NOTHING


@register.simple_tag
def ago(moment: datetime | None) -> str | SafeString:
    """`{% ago version.created_at %}`: 3 hours ago, with the UTC time in the title. Works for the future too."""
    if moment is None:
        return NOTHING
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        text.iso(moment),
        text.stamp(moment, "seconds"),
        text.ago(moment, clock.about_now()),
    )


@register.simple_tag
def utc(moment: datetime | None, precision: str = "minutes") -> str | SafeString:
    """`{% utc event.at "ms" %}`: minutes, seconds, ms, date or time."""
    if moment is None:
        return NOTHING
    return format_html('<time datetime="{}">{}</time>', text.iso(moment), text.stamp(moment, precision))
