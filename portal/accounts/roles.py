"""The six roles. Each is held globally or in a team."""

from django.db import models


class Role(models.TextChoices):
    VIEWER = "viewer", "Viewer"
    DATA_SCIENTIST = "data_scientist", "Data scientist"
    ML_LEAD = "ml_lead", "ML lead"
    OPERATOR = "operator", "Operator"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"
