from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.AddField(model_name="job", name="file_removed_at", field=models.DateTimeField(null=True)),
    ]
