"""Puts deployments under the commit guard, and four eyes into the database."""

from django.db import migrations

from portal.audit import guard

FOUR_EYES = """
CREATE FUNCTION approval_copies_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT requester_id, uploader_id INTO NEW.requester_id, NEW.uploader_id
      FROM deployments_promotionrequest WHERE id = NEW.request_id;
    RETURN NEW;
END $$;
CREATE TRIGGER copies_request BEFORE INSERT ON deployments_approval
    FOR EACH ROW EXECUTE FUNCTION approval_copies_request();

CREATE FUNCTION approval_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an approval is never changed or removed' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON deployments_approval
    FOR EACH ROW EXECUTE FUNCTION approval_stands();

CREATE FUNCTION request_keeps_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.requester_id, NEW.uploader_id, NEW.endpoint_id, NEW.version_id)
       IS DISTINCT FROM (OLD.requester_id, OLD.uploader_id, OLD.endpoint_id, OLD.version_id) THEN
        RAISE EXCEPTION 'the people, version and endpoint of a request never change' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keeps_people BEFORE UPDATE ON deployments_promotionrequest
    FOR EACH ROW EXECUTE FUNCTION request_keeps_people();
"""
UNDO = """
DROP TRIGGER keeps_people ON deployments_promotionrequest;
DROP FUNCTION request_keeps_people();
DROP TRIGGER stands ON deployments_approval;
DROP FUNCTION approval_stands();
DROP TRIGGER copies_request ON deployments_approval;
DROP FUNCTION approval_copies_request();
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0001_initial"), ("audit", "0002_initial")]
    operations = [
        guard.attach("deployments_environment", "environment"),
        guard.attach("deployments_endpoint", "endpoint", free=("observed", "observed_at")),
        guard.attach("deployments_routetable", "endpoint", id_column="endpoint_id"),
        guard.attach("deployments_revision", "revision"),
        guard.attach("deployments_promotionrequest", "promotion_request"),
        guard.attach("deployments_approval", "promotion_request", id_column="request_id"),
        guard.attach("deployments_rollout", "rollout", free=("generation", "step")),
        migrations.RunSQL(FOUR_EYES, UNDO),
    ]
