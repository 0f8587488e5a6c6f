"""No environment has the name of another one's policy for a risk tier."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0031_policy_retirement")]

    operations = [
        migrations.AddConstraint(
            model_name="environment",
            constraint=models.CheckConstraint(
                condition=models.Q(("name__iregex", "-(low|medium|high)$"), _negated=True),
                name="environment_name_without_tier",
            ),
        ),
    ]
