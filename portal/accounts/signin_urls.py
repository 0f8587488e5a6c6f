"""The routes of the sign-in library that this portal offers, and no others.

Each fails closed: when attempts cannot be counted because the shared cache is away, nobody is let in.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import views as account
from allauth.headless.account import views as headless_account
from allauth.headless.base import views as headless_base
from allauth.headless.constants import Client
from allauth.headless.mfa import views as headless_mfa
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.usersessions import views as sessions
from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from redis.exceptions import RedisError

from portal.accounts.limits import CLOSED
from portal.accounts.models import Person
from portal.accounts.stepup import available
from portal.core.errors import NotAllowed, Unavailable

View = Callable[..., HttpResponseBase]


def _closed_without_cache(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except (RedisError, ConnectionError) as error:
            raise Unavailable(CLOSED, code="limits_unavailable") from error

    return guarded


def _with_something_known(view: View) -> View:
    """The library lets people change factors unasked when they have none to be asked for. Here they may not."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if isinstance(request.user, Person) and not available(request.user):
            raise NotAllowed("Set a password first: use Forgotten password on the sign-in page.", code="no_password")
        return view(request, *args, **kwargs)

    return guarded


def _page(route: str, view: View, name: str) -> URLPattern:
    return path(route, _closed_without_cache(view), name=name)


def _factor(route: str, view: View, name: str) -> URLPattern:
    return path(route, _closed_without_cache(_with_something_known(view)), name=name)


def _session_api(route: str, view: Any, name: str) -> URLPattern:
    return path(route, _closed_without_cache(view.as_api_view(client=Client.BROWSER)), name=name)


to_security = RedirectView.as_view(pattern_name="accounts:security", http_method_names=["get"])
"""The library's own overviews of factors are one page of ours."""

accounts: list[URLPattern | URLResolver] = [
    _page("login/", account.login, "account_login"),
    _page("logout/", account.logout, "account_logout"),
    _page("inactive/", account.account_inactive, "account_inactive"),
    _page("reauthenticate/", account.reauthenticate, "account_reauthenticate"),
    _page("password/change/", account.password_change, "account_change_password"),
    _page("password/set/", account.password_set, "account_set_password"),
    _page("password/reset/", account.password_reset, "account_reset_password"),
    _page("password/reset/done/", account.password_reset_done, "account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        _closed_without_cache(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    _page("password/reset/key/done/", account.password_reset_from_key_done, "account_reset_password_from_key_done"),
    path("2fa/", to_security, name="mfa_index"),
    _page("2fa/authenticate/", mfa.authenticate, "mfa_authenticate"),
    _page("2fa/reauthenticate/", mfa.reauthenticate, "mfa_reauthenticate"),
    _factor("2fa/totp/activate/", totp.activate_totp, "mfa_activate_totp"),
    _factor("2fa/totp/deactivate/", totp.deactivate_totp, "mfa_deactivate_totp"),
    _factor("2fa/recovery-codes/", recovery_codes.view_recovery_codes, "mfa_view_recovery_codes"),
    _factor("2fa/recovery-codes/generate/", recovery_codes.generate_recovery_codes, "mfa_generate_recovery_codes"),
    _factor("2fa/recovery-codes/download/", recovery_codes.download_recovery_codes, "mfa_download_recovery_codes"),
    path("2fa/webauthn/", to_security, name="mfa_list_webauthn"),
    _factor("2fa/webauthn/add/", webauthn.add_webauthn, "mfa_add_webauthn"),
    _page("2fa/webauthn/reauthenticate/", webauthn.reauthenticate_webauthn, "mfa_reauthenticate_webauthn"),
    _factor("2fa/webauthn/keys/<int:pk>/remove/", webauthn.remove_webauthn, "mfa_remove_webauthn"),
    _factor("2fa/webauthn/keys/<int:pk>/edit/", webauthn.edit_webauthn, "mfa_edit_webauthn"),
    _page("2fa/webauthn/login/", webauthn.login_webauthn, "mfa_login_webauthn"),
    _page("sessions/", sessions.list_usersessions, "usersessions_list"),
]

browser: list[URLPattern | URLResolver] = [
    _session_api("config", headless_base.ConfigView, "config"),
    _session_api("auth/session", headless_account.SessionView, "current_session"),
    _session_api("auth/login", headless_account.LoginView, "login"),
    _session_api("auth/reauthenticate", headless_account.ReauthenticateView, "reauthenticate"),
    _session_api("auth/2fa/authenticate", headless_mfa.AuthenticateView, "mfa_authenticate"),
    _session_api("auth/2fa/reauthenticate", headless_mfa.ReauthenticateView, "mfa_reauthenticate"),
    _session_api("auth/webauthn/authenticate", headless_mfa.AuthenticateWebAuthnView, "authenticate_webauthn"),
    _session_api("auth/webauthn/login", headless_mfa.LoginWebAuthnView, "login_webauthn"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include(accounts)),
    path("_allauth/browser/v1/", include((browser, "headless"))),
]
