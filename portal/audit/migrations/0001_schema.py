"""The schema `audit`: tables, server-stamped columns, refusal of change, and the commit guard's function."""

from django.db import migrations

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS audit;

CREATE TABLE audit.event (
    id uuid PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    at timestamptz NOT NULL,
    db_user name NOT NULL,
    type text NOT NULL CHECK (type ~ '^[a-z_]+(\\.[a-z_]+)+$'),
    type_version integer NOT NULL CHECK (type_version > 0),
    subject_type text NOT NULL,
    subject_id text NOT NULL,
    subject_name text NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'token', 'system', 'anonymous')),
    actor_id text NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('success', 'denied', 'failed')),
    request_id text NOT NULL,
    canon bytea NOT NULL,
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
    search jsonb NOT NULL
);
CREATE INDEX audit_event_subject ON audit.event (subject_type, subject_id, xid);
CREATE INDEX audit_event_order ON audit.event (xid, id);
CREATE INDEX audit_event_at ON audit.event (at DESC, id DESC);
CREATE INDEX audit_event_actor ON audit.event (actor_id, at DESC);
CREATE INDEX audit_event_type ON audit.event (type, at DESC);
CREATE INDEX audit_event_request ON audit.event (request_id);

CREATE TABLE audit.leaf (
    idx bigint PRIMARY KEY CHECK (idx >= 0),
    event_id uuid NOT NULL UNIQUE,
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
    sequenced_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE audit.checkpoint (
    id bigserial PRIMARY KEY,
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    note text NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX audit_checkpoint_size ON audit.checkpoint (size);

CREATE TABLE audit.pii (
    commitment bytea PRIMARY KEY CHECK (length(commitment) = 32),
    salt bytea NOT NULL CHECK (length(salt) = 32),
    value text NOT NULL
);

CREATE FUNCTION audit.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.at := clock_timestamp();
    NEW.xid := pg_current_xact_id();
    NEW.db_user := session_user;
    RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE INSERT ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.stamp();

CREATE FUNCTION audit.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit.% only grows', TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
CREATE TRIGGER grows BEFORE UPDATE OR DELETE ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER grows BEFORE UPDATE OR DELETE ON audit.leaf FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER grows BEFORE UPDATE OR DELETE ON audit.checkpoint FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();
CREATE TRIGGER keeps BEFORE UPDATE ON audit.pii FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

CREATE FUNCTION audit.guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb := CASE WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END;
    wanted text := changed ->> TG_ARGV[1];
BEGIN
    IF TG_OP = 'UPDATE' AND TG_NARGS > 2
       AND (to_jsonb(NEW) - string_to_array(TG_ARGV[2], ',')) = (to_jsonb(OLD) - string_to_array(TG_ARGV[2], ',')) THEN
        RETURN NULL;
    END IF;
    PERFORM 1 FROM audit.event
      WHERE subject_type = TG_ARGV[0] AND subject_id = wanted AND xid = pg_current_xact_id() LIMIT 1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no audit event for % % of this transaction', TG_ARGV[0], wanted
            USING ERRCODE = '23514', TABLE = TG_TABLE_NAME, CONSTRAINT = 'audit_guard';
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [migrations.RunSQL(SCHEMA, "DROP SCHEMA audit CASCADE")]
