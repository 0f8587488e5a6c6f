"""Puts bypasses under the commit guard, and their four eyes into the database."""

from django.db import migrations

from portal.audit import guard

FOUR_EYES = """
CREATE FUNCTION bypass_copies_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT requester_id, uploader_id INTO NEW.requester_id, NEW.uploader_id
      FROM deployments_promotionrequest WHERE id = NEW.request_id;
    RETURN NEW;
END $$;
CREATE TRIGGER copies_request BEFORE INSERT ON deployments_bypass
    FOR EACH ROW EXECUTE FUNCTION bypass_copies_request();

CREATE FUNCTION bypass_grant_copies_bypass() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT asker_id, requester_id, uploader_id INTO NEW.asker_id, NEW.requester_id, NEW.uploader_id
      FROM deployments_bypass WHERE id = NEW.bypass_id;
    RETURN NEW;
END $$;
CREATE TRIGGER copies_bypass BEFORE INSERT ON deployments_bypassgrant
    FOR EACH ROW EXECUTE FUNCTION bypass_grant_copies_bypass();

CREATE FUNCTION bypass_grant_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the grant of a bypass is never changed or removed' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON deployments_bypassgrant
    FOR EACH ROW EXECUTE FUNCTION bypass_grant_stands();

CREATE FUNCTION bypass_keeps_what_was_asked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a bypass is never removed' USING ERRCODE = '42501';
    END IF;
    IF (NEW.request_id, NEW.request_revision, NEW.evidence_digest, NEW.gates, NEW.reason, NEW.asker_id,
        NEW.requester_id, NEW.uploader_id, NEW.created_at, NEW.expires_at)
       IS DISTINCT FROM (OLD.request_id, OLD.request_revision, OLD.evidence_digest, OLD.gates, OLD.reason, OLD.asker_id,
        OLD.requester_id, OLD.uploader_id, OLD.created_at, OLD.expires_at) THEN
        RAISE EXCEPTION 'what a bypass asks for never changes' USING ERRCODE = '42501';
    END IF;
    IF OLD.used_at IS NOT NULL AND (NEW.passed, NEW.used_at, NEW.rollout_id)
       IS DISTINCT FROM (OLD.passed, OLD.used_at, OLD.rollout_id) THEN
        RAISE EXCEPTION 'the mark of a bypass that was used stays' USING ERRCODE = '42501';
    END IF;
    IF NEW.reviewer_id IS NOT NULL AND EXISTS (
        SELECT 1 FROM deployments_bypassgrant WHERE bypass_id = NEW.id AND granter_id = NEW.reviewer_id) THEN
        RAISE EXCEPTION 'whoever granted a bypass cannot review it' USING ERRCODE = '23514';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keeps_what_was_asked BEFORE UPDATE OR DELETE ON deployments_bypass
    FOR EACH ROW EXECUTE FUNCTION bypass_keeps_what_was_asked();
"""
UNDO = """
DROP TRIGGER keeps_what_was_asked ON deployments_bypass;
DROP FUNCTION bypass_keeps_what_was_asked();
DROP TRIGGER stands ON deployments_bypassgrant;
DROP FUNCTION bypass_grant_stands();
DROP TRIGGER copies_bypass ON deployments_bypassgrant;
DROP FUNCTION bypass_grant_copies_bypass();
DROP TRIGGER copies_request ON deployments_bypass;
DROP FUNCTION bypass_copies_request();
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0010_bypasses"), ("audit", "0002_initial")]
    operations = [
        guard.attach("deployments_bypass", "bypass"),
        guard.attach("deployments_bypassgrant", "bypass", id_column="bypass_id"),
        migrations.RunSQL(FOUR_EYES, UNDO),
    ]
