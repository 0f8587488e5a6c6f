"""One-time codes are right or wrong by the database's clock.

The sign-in library reads the clock of the process and has no other place to say what time it is.
"""

from collections.abc import Iterator

from allauth.mfa import app_settings
from allauth.mfa.totp.internal import auth

from portal.core import clock


def counters() -> Iterator[int]:
    """The numbers of the periods whose codes count now."""
    number = int(clock.now().timestamp()) // app_settings.TOTP_PERIOD
    tolerance = app_settings.TOTP_TOLERANCE
    yield from range(number - tolerance, number + tolerance + 1)


def follow_the_database() -> None:
    auth.yield_hotp_counters_from_time = counters
