"""Puts the texts of cards under the commit guard, and keeps them from ever being changed or removed."""

from django.db import migrations

from portal.audit import guard

STAND = """
CREATE FUNCTION card_text_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a text of a card is never changed or removed' USING ERRCODE = '42501';
END $$;
CREATE TRIGGER stands BEFORE UPDATE OR DELETE ON registry_cardtext
    FOR EACH ROW EXECUTE FUNCTION card_text_stands();
"""
UNDO = """
DROP TRIGGER stands ON registry_cardtext;
DROP FUNCTION card_text_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0012_card_texts"), ("audit", "0002_initial")]
    operations = [
        guard.attach("registry_cardtext", "model_version", id_column="version_id"),
        migrations.RunSQL(STAND, UNDO),
    ]
