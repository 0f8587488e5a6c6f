"""The library's form that enrols a passkey, which a second account cannot do with the key of a first."""

from typing import Any

from allauth.core import context
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.db import transaction

from portal.accounts import passkeys
from portal.accounts.selectors.actors import actor_of_person
from portal.accounts.services.people import subject
from portal.audit import recorder

TAKEN = (
    "This passkey belongs to another account, or once did. One person is one account: use the passkey there, "
    "or enrol another one here."
)


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # the library has no types
    def clean(self) -> dict[str, Any]:
        """A passkey stays with the account that enrolled it first; the attempt to take it elsewhere is recorded.

        The library's view cleans a refused form once more to show it, and its challenge is used up by then.
        """
        credential = self.cleaned_data.get("credential")
        try:
            found: dict[str, Any] = super().clean()
        except forms.ValidationError:
            if credential and passkeys.is_anothers(self.user, credential):
                raise forms.ValidationError(TAKEN) from None
            raise
        if credential and not passkeys.claim(self.user, credential):
            self._record()
            raise forms.ValidationError(TAKEN)
        return found

    def _record(self) -> None:
        with transaction.atomic():
            recorder.record(
                "auth.mfa_enrolled",
                actor=actor_of_person(self.user, context.request),
                subject=subject(self.user),
                data={"method": "webauthn"},
                reason=TAKEN,
                outcome="denied",
            )
