"""Keys of callers, one endpoint each."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

import portal.core.ids
from portal.audit import guard


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_passkey_holders"), ("deployments", "0015_changers")]

    operations = [
        migrations.CreateModel(
            name="EndpointKey",
            fields=[
                ("id", models.UUIDField(default=portal.core.ids.new_id, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=80)),
                ("prefix", models.CharField(max_length=20)),
                ("last4", models.CharField(max_length=4)),
                ("hash", models.CharField(max_length=64, unique=True)),
                ("made_at", models.DateTimeField(db_default=Now())),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="keys",
                        to="deployments.endpoint",
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.person",
                    ),
                ),
            ],
            options={"ordering": ["-made_at", "-id"]},
        ),
        guard.attach("deployments_endpointkey", "endpoint_key"),
    ]
