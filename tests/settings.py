"""The portal's settings with only what must be faster or private in tests."""

import os
import tempfile

os.environ.setdefault("SIGNALBOX_VAR", tempfile.mkdtemp(prefix="signalbox-tests-"))

from portal.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {  # noqa: F405
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
}
