"""What is said of input in place of the libraries' own words, on pages and over the API: what to do, in one sentence.

Set once, before any form is made. Members and fields that say more of their own keep it.
"""

from django import forms
from django.core import validators
from rest_framework import serializers

MISSING = "This is missing."


def of_forms() -> None:
    """What Django's forms say; they copy it when their classes are made."""
    forms.Field.default_error_messages["required"] = MISSING
    forms.ChoiceField.default_error_messages["required"] = "Choose one."
    forms.ChoiceField.default_error_messages["invalid_choice"] = "Choose one of those offered: %(value)s is not."
    forms.BooleanField.default_error_messages = {"required": "Tick this."}
    validators.MinValueValidator.message = "This must be at least %(limit_value)s."
    validators.MaxValueValidator.message = "This must be at most %(limit_value)s."
    validators.MinLengthValidator.message = "This must have at least %(limit_value)d characters; it has %(show_value)d."
    validators.MaxLengthValidator.message = "This may have at most %(limit_value)d characters; it has %(show_value)d."


def of_api() -> None:
    """What members of the API say; they read it each time one is made."""
    serializers.Field.default_error_messages |= {"required": MISSING, "null": "This must not be null."}
    serializers.CharField.default_error_messages |= {
        "blank": "This must not be empty.",
        "max_length": "This may have at most {max_length} characters.",
        "min_length": "This must have at least {min_length} characters.",
    }
    for number, called in ((serializers.IntegerField, "a whole number"), (serializers.FloatField, "a number")):
        number.default_error_messages |= {
            "invalid": f"This must be {called}.",
            "min_value": "This must be at least {min_value}.",
            "max_value": "This must be at most {max_value}.",
        }
    serializers.BooleanField.default_error_messages |= {"invalid": "This must be true or false."}
    serializers.DictField.default_error_messages |= {"not_a_dict": "This must be an object."}
    serializers.ListField.default_error_messages |= {"not_a_list": "This must be a list."}
