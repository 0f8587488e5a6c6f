"""The leaf hash of an event must be the hash of its content from the first moment, whoever inserts it."""

from django.db import migrations

CHECK = """
ALTER TABLE audit.event ADD CONSTRAINT leaf_hash_covers_canon
    CHECK (leaf_hash = sha256('\\x00'::bytea || canon));
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_initial")]
    operations = [migrations.RunSQL(CHECK, "ALTER TABLE audit.event DROP CONSTRAINT leaf_hash_covers_canon")]
