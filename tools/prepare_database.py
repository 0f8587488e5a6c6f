"""Tables and grants in one process, as the owner: each Django start costs a second or more of a first start."""

import os
import sys
from pathlib import Path

import django
from django.core.management import call_command

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    call_command("migrate", interactive=False, verbosity=1, skip_checks=True)
    call_command("create_roles", skip_checks=True)
