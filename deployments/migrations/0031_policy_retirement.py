"""A change that takes the policy of a risk tier out of force, held by the database as every change is."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STANDS = """
CREATE OR REPLACE FUNCTION policy_version_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' THEN
            RAISE EXCEPTION 'a version of a policy begins as a draft' USING ERRCODE = '42501';
        END IF;
        IF NEW.base_id IS NULL AND EXISTS (
            SELECT 1 FROM deployments_policyversion v
              JOIN deployments_policy p ON p.id = v.policy_id
              JOIN deployments_policy mine ON mine.environment_id = p.environment_id
             WHERE mine.id = NEW.policy_id) THEN
            RAISE EXCEPTION 'a change of a policy names the version it changes' USING ERRCODE = '42501';
        END IF;
        IF NEW.falls_to_id IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM deployments_policyversion v
              JOIN deployments_policy general ON general.id = v.policy_id AND general.tier = ''
              JOIN deployments_policy mine ON mine.environment_id = general.environment_id AND mine.tier <> ''
             WHERE v.id = NEW.falls_to_id AND mine.id = NEW.policy_id) THEN
            RAISE EXCEPTION 'what holds instead of a tier''s policy is the general policy of its environment'
                USING ERRCODE = '42501';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a version of a policy is never removed' USING ERRCODE = '42501';
    END IF;
    IF (NEW.policy_id, NEW.base_id, NEW.falls_to_id, NEW.created_by_id)
       IS DISTINCT FROM (OLD.policy_id, OLD.base_id, OLD.falls_to_id, OLD.created_by_id) THEN
        RAISE EXCEPTION 'the policy, the base and the author of a version never change' USING ERRCODE = '42501';
    END IF;
    IF NEW.falls_to_id IS NOT NULL AND NEW.content IS DISTINCT FROM OLD.content THEN
        RAISE EXCEPTION 'a change that retires a policy has no rules of its own' USING ERRCODE = '42501';
    END IF;
    IF NEW.status = 'retired' AND EXISTS (
        SELECT 1 FROM deployments_policyversion v WHERE v.policy_id = NEW.policy_id AND v.status = 'in_force') THEN
        RAISE EXCEPTION 'a policy that is retired has no version in force' USING ERRCODE = '42501';
    END IF;
    IF NOT NEW.editors @> OLD.editors THEN
        RAISE EXCEPTION 'whoever edited a version stays its editor' USING ERRCODE = '42501';
    END IF;
    IF OLD.status <> 'draft' AND
       (NEW.content, NEW.digest, NEW.editors, NEW.proposed_by_id)
       IS DISTINCT FROM (OLD.content, OLD.digest, OLD.editors, OLD.proposed_by_id) THEN
        RAISE EXCEPTION 'a version of a policy is never changed once it was proposed' USING ERRCODE = '42501';
    END IF;
    IF OLD.status <> 'proposed' AND NOT (OLD.status = 'draft' AND OLD.base_id IS NULL) AND
       (NEW.number, NEW.approved_by_id) IS DISTINCT FROM (OLD.number, OLD.approved_by_id) THEN
        RAISE EXCEPTION 'only approving what was proposed gives a version its number' USING ERRCODE = '42501';
    END IF;
    IF OLD.status IN ('superseded', 'retired', 'rejected', 'withdrawn') AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'a version of a policy never comes back' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;
"""
AS_BEFORE = """
CREATE OR REPLACE FUNCTION policy_version_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' THEN
            RAISE EXCEPTION 'a version of a policy begins as a draft' USING ERRCODE = '42501';
        END IF;
        IF NEW.base_id IS NULL AND EXISTS (
            SELECT 1 FROM deployments_policyversion v
              JOIN deployments_policy p ON p.id = v.policy_id
              JOIN deployments_policy mine ON mine.environment_id = p.environment_id
             WHERE mine.id = NEW.policy_id) THEN
            RAISE EXCEPTION 'a change of a policy names the version it changes' USING ERRCODE = '42501';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a version of a policy is never removed' USING ERRCODE = '42501';
    END IF;
    IF (NEW.policy_id, NEW.base_id, NEW.created_by_id)
       IS DISTINCT FROM (OLD.policy_id, OLD.base_id, OLD.created_by_id) THEN
        RAISE EXCEPTION 'the policy, the base and the author of a version never change' USING ERRCODE = '42501';
    END IF;
    IF NOT NEW.editors @> OLD.editors THEN
        RAISE EXCEPTION 'whoever edited a version stays its editor' USING ERRCODE = '42501';
    END IF;
    IF OLD.status <> 'draft' AND
       (NEW.content, NEW.digest, NEW.editors, NEW.proposed_by_id)
       IS DISTINCT FROM (OLD.content, OLD.digest, OLD.editors, OLD.proposed_by_id) THEN
        RAISE EXCEPTION 'a version of a policy is never changed once it was proposed' USING ERRCODE = '42501';
    END IF;
    IF OLD.status <> 'proposed' AND NOT (OLD.status = 'draft' AND OLD.base_id IS NULL) AND
       (NEW.number, NEW.approved_by_id) IS DISTINCT FROM (OLD.number, OLD.approved_by_id) THEN
        RAISE EXCEPTION 'only approving what was proposed gives a version its number' USING ERRCODE = '42501';
    END IF;
    IF OLD.status IN ('superseded', 'rejected', 'withdrawn') AND NEW.status <> OLD.status THEN
        RAISE EXCEPTION 'a version of a policy never comes back' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0030_endpoint_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="policyversion",
            name="policy_status_known",
        ),
        migrations.RemoveConstraint(
            model_name="policyversion",
            name="policy_used_is_numbered",
        ),
        migrations.RemoveConstraint(
            model_name="policyversion",
            name="policy_change_is_approved",
        ),
        migrations.AddField(
            model_name="policyversion",
            name="falls_to",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="deployments.policyversion"
            ),
        ),
        migrations.AlterField(
            model_name="policyversion",
            name="status",
            field=models.CharField(
                choices=[
                    ("draft", "Draft"),
                    ("proposed", "Waits for a second person"),
                    ("in_force", "In force"),
                    ("superseded", "Superseded"),
                    ("retired", "Retired the policy"),
                    ("rejected", "Rejected"),
                    ("withdrawn", "Withdrawn"),
                ],
                default="draft",
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["draft", "proposed", "in_force", "superseded", "retired", "rejected", "withdrawn"])
                ),
                name="policy_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("number__isnull", False),
                    models.Q(("status__in", ("in_force", "superseded", "retired")), _negated=True),
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
                    models.Q(("status__in", ("in_force", "superseded", "retired")), _negated=True),
                    _connector="OR",
                ),
                name="policy_change_is_approved",
            ),
        ),
        migrations.AddConstraint(
            model_name="policyversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("falls_to__isnull", True), models.Q(("status", "retired"), _negated=True)),
                    models.Q(
                        ("falls_to__isnull", False), models.Q(("status__in", ("in_force", "superseded")), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="policy_retired_falls_back",
            ),
        ),
        migrations.RunSQL(STANDS, AS_BEFORE),
    ]
