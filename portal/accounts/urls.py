"""Pages about people and rights. The sign-in library's routes are in `signin_urls`."""

from django.urls import URLPattern, URLResolver, include, path, register_converter
from django.urls.converters import SlugConverter

from portal.accounts.views import join, me, people, service_accounts, tokens


class SwitchConverter(SlugConverter):
    regex = "enable|disable"


register_converter(SwitchConverter, "switch")

pages: list[URLPattern | URLResolver] = [
    path("me/", me.profile, name="me"),
    path("me/preferences/", me.preferences, name="preferences"),
    path("me/security/", me.security, name="security"),
    path("me/step-up/passkey/", me.passkey_challenge, name="step_up_passkey"),
    path("me/tokens/", tokens.mine, name="tokens"),
    path("me/tokens/new/", tokens.new, name="token_new"),
    path("tokens/<uuid:token_id>/rotate/", tokens.rotate, name="token_rotate"),
    path("tokens/<uuid:token_id>/revoke/", tokens.revoke, name="token_revoke"),
    path("join/", join.join, name="join"),
    path("join/<uuid:invitation_id>/<str:secret>/", join.open_link, name="join_link"),
    path("settings/people/", people.people_list, name="people"),
    path("settings/people/invite/", people.invite, name="invite"),
    path("settings/invitations/<uuid:invitation_id>/again/", people.invitation_again, name="invitation_again"),
    path("settings/invitations/<uuid:invitation_id>/revoke/", people.invitation_revoke, name="invitation_revoke"),
    path("settings/people/<int:person_id>/", people.person, name="person"),
    path("settings/people/<int:person_id>/grants/", people.grant, name="grant"),
    path("settings/people/<int:person_id>/grants/<int:grant_id>/revoke/", people.grant_revoke, name="grant_revoke"),
    path("settings/people/<int:person_id>/disable/", people.disable, name="disable"),
    path("settings/people/<int:person_id>/enable/", people.enable, name="enable"),
    path("settings/teams/", people.team_list, name="teams"),
    path("settings/teams/<slug:slug>/", people.team, name="team"),
    path("settings/roles/", people.roles_page, name="roles"),
    path("settings/service-accounts/", service_accounts.account_list, name="service_accounts"),
    path("settings/service-accounts/new/", service_accounts.new, name="service_account_new"),
    path("settings/service-accounts/<slug:name>/", service_accounts.account, name="service_account"),
    path("settings/service-accounts/<slug:name>/tokens/new/", tokens.new_for_account, name="account_token_new"),
    path("settings/service-accounts/<slug:name>/grants/", service_accounts.grant, name="account_grant"),
    path(
        "settings/service-accounts/<slug:name>/grants/<int:grant_id>/revoke/",
        service_accounts.grant_revoke,
        name="account_grant_revoke",
    ),
    path(
        "settings/service-accounts/<slug:name>/<switch:state>/", service_accounts.switch, name="service_account_switch"
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portal.accounts.signin_urls")),
    path("", include((pages, "accounts"))),
]
