"""What a password must not be, beyond Django's own checks."""

from django.core.exceptions import ValidationError

from portal.accounts.models import Person

FEWEST_DIFFERENT = 5


class VarietyValidator:
    """Refuses a row of blanks and the like: long enough, but nothing to guess."""

    def validate(self, password: str, user: Person | None = None) -> None:
        if len(set(password.strip())) < FEWEST_DIFFERENT:
            raise ValidationError(self.get_help_text(), code="password_too_uniform")

    def get_help_text(self) -> str:
        return f"Use at least {FEWEST_DIFFERENT} different characters."
