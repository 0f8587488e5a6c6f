"""The portal's settings for a stack of tests: only passwords are hashed in fewer rounds.

Each approval shows a password again, and what makes guessing slow would be most of what the web process does here.
"""

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from portal.settings import *  # noqa: F403


class FewRounds(PBKDF2PasswordHasher):
    iterations = 1_000


PASSWORD_HASHERS = ["tests.stack_settings.FewRounds"]
