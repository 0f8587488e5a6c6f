"""What people wrote into model cards."""

from django.db import models

from portal.accounts.models import Person
from registry.models.versions import ModelVersion


class CardText(models.Model):
    """The text of one section from this version on, never changed: the newest of the highest version counts."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="card_texts")
    section = models.CharField(max_length=40)
    text = models.TextField()
    author = models.CharField(max_length=120)
    author_label = models.CharField(max_length=200, default="")
    author_person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["version", "section", "-id"], name="card_text_newest")]

    def __str__(self) -> str:
        return f"{self.section} of {self.version}"
