"""How allauth is bound to the portal: by invitation only, secrets encrypted at rest, links from the settings."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.usersessions.models import UserSession
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from qrcode.main import QRCode

from portal.accounts import limits
from portal.accounts.services import mails
from portal.core.errors import Unavailable

STRANGE_SIGN_INS = 200  # per account and hour, from addresses without a session of theirs


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # the library has no types
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """People are invited; nobody signs up."""
        return False

    def send_password_reset_mail(self, user: AbstractBaseUser, email: str, context: dict[str, Any]) -> None:
        """The worker makes the link and mails it: no secret rests in a table, and asking takes as long for
        an address that nobody has here."""
        mails.reset_password(user.pk)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: AbstractBaseUser,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell people about changes of their credentials, after the change and whether or not mail works now."""
        mails.credential_changed(user.pk, template_prefix.rpartition("/")[2])

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Failed sign-ins are counted per account and address, so nobody is locked out by somebody elsewhere."""
        return f"{limits.client_ip(request)}:{str(credentials.get('email', '')).lower()}"

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """A slow limit per account on top, against guessing from many addresses; places known to be theirs are free."""
        super().pre_authenticate(request, **credentials)
        email = str(credentials.get("email", "")).lower()
        if UserSession.objects.filter(user__email=email, ip=limits.client_ip(request) or None).exists():
            return
        try:
            limits.spend("login_account", email, limit=STRANGE_SIGN_INS, seconds=3600)
        except limits.TooManyAttempts as error:
            raise self.validation_error("too_many_login_attempts") from error

    def reauthenticate(self, user: AbstractBaseUser, password: str) -> bool:
        """The library looks the address up in a table of its own, which stays empty here."""
        found = self.authenticate(self.request, email=user.email, password=password)  # type: ignore[attr-defined]
        return found is not None and found.pk == user.pk


def _key(secret: str | bytes) -> Fernet:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"signalbox second factors").derive(
        secret.encode() if isinstance(secret, str) else secret
    )
    return Fernet(base64.urlsafe_b64encode(derived))


def _keys() -> MultiFernet:
    """The newest secret key encrypts; `SECRET_KEY_FALLBACKS` still decrypt what older ones wrote."""
    return MultiFernet([_key(secret) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # the library has no types
    """Secrets of one-time codes rest encrypted under a key derived from the portal's secret key."""

    def encrypt(self, text: str) -> str:
        return _keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _keys().decrypt(encrypted_text.encode()).decode()
        except InvalidToken as error:
            raise Unavailable(
                "Your second factor was stored under a secret key the portal no longer has. "
                "Ask the people who run it to restore the key.",
                code="secret_key_changed",
            ) from error

    def get_public_key_credential_rp_entity(self) -> dict[str, Any]:
        entity: dict[str, Any] = super().get_public_key_credential_rp_entity()
        return entity | {"name": "Signalbox"}

    def build_totp_svg(self, url: str) -> str:
        """The QR code as one SVG path: no inline style and no data address, which the security policy refuses."""
        code: QRCode[Any] = QRCode(border=4)
        code.add_data(url)
        code.make()
        rows = code.get_matrix()
        path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
        size = len(rows)
        return (
            f'<svg class="qr" viewBox="0 0 {size} {size}" width="200" height="200" role="img" '
            'aria-label="QR code for an authenticator app"><path fill="#fff" '
            f'd="M0 0h{size}v{size}h-{size}z"/><path fill="#000" d="{path}"/></svg>'
        )
