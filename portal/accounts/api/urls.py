from django.urls import URLPattern, URLResolver, path

from portal.accounts.api import credentials, people, schema

__all__ = ["schema"]  # importing it names the ways to call in the OpenAPI document

app_name = "accounts_api"
urlpatterns: list[URLPattern | URLResolver] = [
    path("me/", people.MeView.as_view(), name="me"),
    path("people/", people.PeopleView.as_view(), name="people"),
    path("people/<int:person_id>/", people.PersonView.as_view(), name="person"),
    path("people/<int:person_id>/disable/", people.DisableView.as_view(), name="person_disable"),
    path("people/<int:person_id>/enable/", people.EnableView.as_view(), name="person_enable"),
    path("people/<int:person_id>/grants/", people.PersonGrantsView.as_view(), name="person_grants"),
    path("people/<int:person_id>/grants/<int:grant_id>/", people.PersonGrantView.as_view(), name="person_grant"),
    path("invitations/", people.InvitationsView.as_view(), name="invitations"),
    path("invitations/<uuid:invitation_id>/again/", people.InvitationAgainView.as_view(), name="invitation_again"),
    path("invitations/<uuid:invitation_id>/revoke/", people.InvitationRevokeView.as_view(), name="invitation_revoke"),
    path("teams/", people.TeamsView.as_view(), name="teams"),
    path("teams/<slug:slug>/", people.TeamView.as_view(), name="team"),
    path("roles/", people.RolesView.as_view(), name="roles"),
    path("service-accounts/", credentials.ServiceAccountsView.as_view(), name="service_accounts"),
    path("service-accounts/<slug:name>/", credentials.ServiceAccountView.as_view(), name="service_account"),
    path(
        "service-accounts/<slug:name>/grants/",
        credentials.ServiceAccountGrantsView.as_view(),
        name="service_account_grants",
    ),
    path(
        "service-accounts/<slug:name>/grants/<int:grant_id>/",
        credentials.ServiceAccountGrantView.as_view(),
        name="service_account_grant",
    ),
    path("tokens/", credentials.TokensView.as_view(), name="tokens"),
    path("tokens/<uuid:token_id>/", credentials.TokenView.as_view(), name="token"),
    path("tokens/<uuid:token_id>/rotate/", credentials.TokenRotateView.as_view(), name="token_rotate"),
    path("tokens/<uuid:token_id>/revoke/", credentials.TokenRevokeView.as_view(), name="token_revoke"),
    path("step-up/", credentials.StepUpView.as_view(), name="step_up"),
    path("step-up/challenge/", credentials.StepUpChallengeView.as_view(), name="step_up_challenge"),
]
