"""The portal's settings with only what must be faster or private in tests."""

import os

from tests import services

# Settings name the databases, so these must be there first.
services.start()

from portal.settings import *  # noqa: E402, F403

if services.SUPERUSER_VARIABLE in os.environ:  # a server that was given keeps Django's own way
    DATABASES["default"]["ENGINE"] = "tests.emptying"  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # noqa: F405
# Each client of a test makes the middleware anew, which otherwise looks up every static file then.
WHITENOISE_AUTOREFRESH = True
