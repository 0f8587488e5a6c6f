"""Whose a passkey is, for good. One that two accounts have already stays with the account that had it first."""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def note_known(apps: Any, editor: Any) -> None:
    from portal.accounts import passkeys

    holders = apps.get_model("accounts", "PasskeyHolder")
    known = apps.get_model("mfa", "Authenticator").objects.filter(type="webauthn").order_by("created_at", "pk")
    for factor in known.iterator():
        key = passkeys.key_of(factor.data["credential"])
        holders.objects.get_or_create(key=key, defaults={"person_id": factor.user_id})


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_guards"),
        ("mfa", "0003_authenticator_type_uniq"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PasskeyHolder",
            fields=[
                ("key", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("since", models.DateTimeField(auto_now_add=True)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="passkeys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.RunPython(note_known, migrations.RunPython.noop),
    ]
