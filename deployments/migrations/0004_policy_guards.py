"""Puts policies under the commit guard, and their four eyes and their standing still into the database."""

from django.db import migrations

from portal.audit import guard

STANDS = """
ALTER TABLE deployments_policyversion ADD CONSTRAINT policy_not_by_editor
    CHECK (approved_by_id IS NULL OR NOT (approved_by_id = ANY (editors)));

CREATE FUNCTION policy_version_stands() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER stands BEFORE INSERT OR UPDATE OR DELETE ON deployments_policyversion
    FOR EACH ROW EXECUTE FUNCTION policy_version_stands();

CREATE FUNCTION policy_keeps_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a policy keeps its environment and tier, and is never removed' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER keeps_place BEFORE UPDATE OR DELETE ON deployments_policy
    FOR EACH ROW EXECUTE FUNCTION policy_keeps_place();
"""
UNDO = """
DROP TRIGGER keeps_place ON deployments_policy;
DROP FUNCTION policy_keeps_place();
DROP TRIGGER stands ON deployments_policyversion;
DROP FUNCTION policy_version_stands();
ALTER TABLE deployments_policyversion DROP CONSTRAINT policy_not_by_editor;
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0003_policies"), ("audit", "0002_initial")]
    operations = [
        guard.attach("deployments_policy", "policy"),
        guard.attach("deployments_policyversion", "policy_version"),
        migrations.RunSQL(STANDS, UNDO),
    ]
