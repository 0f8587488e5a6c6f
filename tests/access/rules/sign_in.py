"""The routes of the sign-in library. Signing in is open to everybody; everything else is about oneself."""

from tests.access_matrix import ANONYMOUS, DISABLED, PEOPLE, TOKENS, RouteRule, open_page, page

SIGNED_IN = dict.fromkeys(PEOPLE, 302)
"""Somebody who is signed in is sent on from the pages for signing in."""


def own(route: str, method: str = "GET", *, ok: int, **options: object) -> RouteRule:
    return page(route, method, ok=ok, **options)  # type: ignore[arg-type]


def session_call(route: str, method: str, *, out: int, inside: int, **options: object) -> RouteRule:
    """The session API: `out` for those without a session, `inside` with one."""
    expect = {ANONYMOUS: out, DISABLED: out} | dict.fromkeys(TOKENS, out) | dict.fromkeys(PEOPLE, inside)
    return RouteRule(route, method, expect, json=True, **options)  # type: ignore[arg-type]


NO_SECOND_FACTOR = 302
REAUTHENTICATE = 302

RULES = (
    open_page("account_login", status=200, special=SIGNED_IN),
    open_page("account_login", "POST", status=200, special=SIGNED_IN),
    open_page("account_inactive", status=200),
    open_page("account_reset_password", status=200),
    open_page("account_reset_password", "POST", status=302, send=lambda w: {"email": "nobody@example.org"}),
    open_page("account_reset_password_done", status=200),
    open_page("account_reset_password_from_key_done", status=200),
    open_page("account_reset_password_from_key", status=200, kwargs=lambda w: {"uidb36": "1", "key": "set-password"}),
    open_page(
        "account_reset_password_from_key", "POST", status=200, kwargs=lambda w: {"uidb36": "1", "key": "set-password"}
    ),
    open_page("account_logout", status=302, special=dict.fromkeys(PEOPLE, 200)),
    open_page("account_logout", "POST", status=302),
    own("account_reauthenticate", ok=200),
    own("account_reauthenticate", "POST", ok=200),
    own("account_change_password", ok=200),
    own("account_change_password", "POST", ok=200),
    own("account_set_password", ok=302),
    own("account_set_password", "POST", ok=302),
    open_page("mfa_index", status=302),
    open_page("mfa_authenticate", status=302),
    open_page("mfa_authenticate", "POST", status=302),
    own("mfa_reauthenticate", ok=NO_SECOND_FACTOR),
    own("mfa_reauthenticate", "POST", ok=NO_SECOND_FACTOR),
    own("mfa_activate_totp", ok=REAUTHENTICATE),
    own("mfa_activate_totp", "POST", ok=REAUTHENTICATE),
    own("mfa_deactivate_totp", ok=404),
    own("mfa_deactivate_totp", "POST", ok=404),
    own("mfa_view_recovery_codes", ok=404),
    own("mfa_generate_recovery_codes", ok=NO_SECOND_FACTOR),
    own("mfa_generate_recovery_codes", "POST", ok=NO_SECOND_FACTOR),
    own("mfa_download_recovery_codes", ok=404),
    open_page("mfa_list_webauthn", status=302),
    own("mfa_add_webauthn", ok=REAUTHENTICATE),
    own("mfa_add_webauthn", "POST", ok=REAUTHENTICATE),
    own("mfa_reauthenticate_webauthn", ok=NO_SECOND_FACTOR),
    own("mfa_reauthenticate_webauthn", "POST", ok=NO_SECOND_FACTOR),
    own("mfa_remove_webauthn", ok=REAUTHENTICATE, kwargs=lambda w: {"pk": w.passkey.pk}),
    own("mfa_remove_webauthn", "POST", ok=REAUTHENTICATE, kwargs=lambda w: {"pk": w.passkey.pk}),
    own("mfa_edit_webauthn", ok=REAUTHENTICATE, kwargs=lambda w: {"pk": w.passkey.pk}),
    own("mfa_edit_webauthn", "POST", ok=REAUTHENTICATE, kwargs=lambda w: {"pk": w.passkey.pk}),
    open_page("mfa_login_webauthn", status=302),
    open_page("mfa_login_webauthn", "POST", status=302),
    own("usersessions_list", ok=200),
    own("usersessions_list", "POST", ok=302),
    session_call("headless:config", "GET", out=200, inside=200),
    session_call("headless:current_session", "GET", out=401, inside=200),
    session_call("headless:current_session", "DELETE", out=401, inside=401),
    session_call(
        "headless:login", "POST", out=400, inside=400, send=lambda w: {"email": "x@example.org", "password": "x"}
    ),
    session_call("headless:reauthenticate", "POST", out=401, inside=400, send=lambda w: {"password": "wrong"}),
    session_call("headless:mfa_authenticate", "POST", out=401, inside=401, send=lambda w: {"code": "1"}),
    session_call("headless:mfa_reauthenticate", "POST", out=401, inside=400, send=lambda w: {"code": "1"}),
    session_call("headless:authenticate_webauthn", "GET", out=401, inside=401),
    session_call("headless:authenticate_webauthn", "POST", out=401, inside=401),
    session_call("headless:login_webauthn", "GET", out=200, inside=200),
    session_call("headless:login_webauthn", "POST", out=400, inside=400),
)
