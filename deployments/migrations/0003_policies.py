"""Policies with versions; what environments carried as rules becomes the version of that number, in force."""

from typing import Any

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from portal.core import digests


def move_rules(apps: Any, editor: Any) -> None:
    """Each environment's rules become its policy's version in force, under the number they had."""
    Environment, Policy, PolicyVersion = (
        apps.get_model("deployments", name) for name in ("Environment", "Policy", "PolicyVersion")
    )
    for row in Environment.objects.all():
        PolicyVersion.objects.create(
            policy=Policy.objects.create(environment=row, tier=""),
            number=row.rules_version,
            status="in_force",
            content=row.rules,
            digest=digests.of_json(row.rules),
            decided_at=row.created_at,
        )


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0002_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Policy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "tier",
                    models.CharField(
                        blank=True,
                        choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "environment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="policies",
                        to="deployments.environment",
                    ),
                ),
            ],
            options={
                "ordering": ["environment__position", "environment__name", "tier"],
            },
        ),
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("proposed", "Waits for a second person"),
                            ("in_force", "In force"),
                            ("superseded", "Superseded"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="draft",
                        max_length=12,
                    ),
                ),
                ("content", models.JSONField()),
                ("digest", models.CharField(max_length=80)),
                ("why", models.TextField(blank=True, default="")),
                (
                    "editors",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), default=list, size=None
                    ),
                ),
                ("created_through", models.CharField(blank=True, default="", max_length=200)),
                ("step_up_at", models.DateTimeField(null=True)),
                ("step_up_method", models.CharField(blank=True, default="", max_length=10)),
                ("decision_note", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("proposed_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "base",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="deployments.policyversion",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "policy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="deployments.policy"
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.UniqueConstraint(fields=("environment", "tier"), name="policy_one_per_tier"),
        ),
        migrations.AddConstraint(
            model_name="policy",
            constraint=models.CheckConstraint(
                condition=models.Q(("tier__in", ["", "low", "medium", "high"])), name="policy_tier_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.UniqueConstraint(fields=("policy", "number"), name="policy_number_once"),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "in_force")), fields=("policy",), name="policy_one_in_force"
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ("draft", "proposed"))),
                fields=("policy",),
                name="policy_one_open_change",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["draft", "proposed", "in_force", "superseded", "rejected", "withdrawn"])
                ),
                name="policy_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("number__isnull", False),
                    models.Q(("status__in", ("in_force", "superseded")), _negated=True),
                    _connector="OR",
                ),
                name="policy_used_is_numbered",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("base__isnull", True),
                    ("approved_by__isnull", False),
                    models.Q(("status__in", ("in_force", "superseded")), _negated=True),
                    _connector="OR",
                ),
                name="policy_change_is_approved",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(("approved_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="policy_not_by_proposer",
            ),
        ),
        migrations.RunPython(move_rules),
        migrations.RemoveField(
            model_name="environment",
            name="rules",
        ),
        migrations.RemoveField(
            model_name="environment",
            name="rules_version",
        ),
    ]
