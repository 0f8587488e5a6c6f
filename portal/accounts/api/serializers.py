"""The shapes of people, rights and credentials in the API."""

from rest_framework import serializers

from portal.accounts import stepup
from portal.accounts.models import ApiToken, Invitation, Person, RoleGrant, ServiceAccount, Team
from portal.accounts.permissions import SCOPES
from portal.accounts.policies.credentials import MAX_DAYS
from portal.accounts.roles import Role
from portal.core.api.inputs import Strict

THEMES, DENSITIES = ("system", "light", "dark"), ("dense", "comfortable")


class GrantOut(serializers.ModelSerializer[RoleGrant]):
    team = serializers.SlugRelatedField(read_only=True, slug_field="slug", allow_null=True)  # type: ignore[var-annotated]

    class Meta:
        model = RoleGrant
        fields = ("id", "role", "team", "granted_at", "granted_by")


class PersonOut(serializers.ModelSerializer[Person]):
    """`email` is null for those who may not manage people."""

    email = serializers.SerializerMethodField()
    grants = GrantOut(source="held", many=True, read_only=True)

    class Meta:
        model = Person
        fields = ("id", "name", "email", "is_active", "created_at", "grants")

    def get_email(self, row: Person) -> str | None:
        return row.email if self.context.get("emails") else None


class MeOut(serializers.Serializer[dict[str, object]]):
    """The caller: a person in a session, or a token with what it stands for."""

    kind = serializers.CharField()
    id = serializers.CharField()
    name = serializers.CharField()
    person = serializers.IntegerField(allow_null=True)
    service_account = serializers.CharField(allow_null=True)
    scopes = serializers.ListField(child=serializers.CharField(), allow_null=True)
    grants = serializers.ListField(child=serializers.DictField())
    preferences = serializers.DictField(allow_null=True)
    step_up_methods = serializers.ListField(child=serializers.CharField())


class MeIn(Strict):
    name = serializers.CharField(max_length=120, required=False)
    theme = serializers.ChoiceField(THEMES, required=False)
    density = serializers.ChoiceField(DENSITIES, required=False)
    shortcuts = serializers.BooleanField(required=False)


class ReasonIn(Strict):
    reason = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class GrantIn(Strict):
    """`team` is a team's slug, or null for everywhere."""

    role = serializers.ChoiceField(Role.choices)
    team = serializers.SlugField(required=False, allow_null=True, default=None)


class InvitationIn(GrantIn):
    email = serializers.EmailField()


class InvitationOut(serializers.ModelSerializer[Invitation]):
    team = serializers.SlugRelatedField(read_only=True, slug_field="slug", allow_null=True)  # type: ignore[var-annotated]

    class Meta:
        model = Invitation
        fields = ("id", "email", "role", "team", "invited_by", "created_at", "expires_at", "revoked_at")


class TeamOut(serializers.ModelSerializer[Team]):
    class Meta:
        model = Team
        fields = ("slug", "name", "created_at")


class TeamIn(Strict):
    name = serializers.CharField(max_length=120)
    slug = serializers.SlugField(max_length=60, required=False, default="")


class TeamNameIn(Strict):
    name = serializers.CharField(max_length=120)


class MatrixRowOut(serializers.Serializer[dict[str, object]]):
    permission = serializers.CharField()
    words = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField())
    scopes = serializers.ListField(child=serializers.CharField())


class ServiceAccountOut(serializers.ModelSerializer[ServiceAccount]):
    grants = GrantOut(source="held", many=True, read_only=True)

    class Meta:
        model = ServiceAccount
        fields = ("id", "name", "description", "responsible", "is_active", "created_at", "grants")


class ServiceAccountIn(Strict):
    """`responsible` is the number of a person."""

    name = serializers.SlugField(max_length=60)
    responsible = serializers.IntegerField()
    description = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class ServiceAccountChange(Strict):
    responsible = serializers.IntegerField(required=False)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)
    is_active = serializers.BooleanField(required=False)


class TokenOut(serializers.ModelSerializer[ApiToken]):
    """`state` is one of active, ends_soon, expired, revoked."""

    state = serializers.CharField(read_only=True)
    team = serializers.SlugRelatedField(read_only=True, slug_field="slug", allow_null=True)  # type: ignore[var-annotated]
    service_account = serializers.SlugRelatedField(  # type: ignore[var-annotated]
        read_only=True, slug_field="name", allow_null=True
    )

    class Meta:
        model = ApiToken
        fields = (
            "id",
            "name",
            "prefix",
            "last4",
            "person",
            "service_account",
            "scopes",
            "team",
            "state",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )


class TokenMade(TokenOut):
    """`secret` is shown here and never again."""

    secret = serializers.CharField(read_only=True)

    class Meta(TokenOut.Meta):
        fields = (*TokenOut.Meta.fields, "secret")  # type: ignore[assignment]


class TokenIn(Strict):
    """Without `service_account` the token is the caller's own. `team` limits it to the things of one team."""

    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(child=serializers.ChoiceField(sorted(SCOPES)), allow_empty=False)
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, required=False, allow_null=True, default=None)
    team = serializers.SlugField(required=False, allow_null=True, default=None)
    service_account = serializers.SlugField(required=False, allow_null=True, default=None)


class RotateIn(Strict):
    overlap_hours = serializers.IntegerField(min_value=0, max_value=24, required=False, default=0)
    days = serializers.IntegerField(min_value=1, max_value=MAX_DAYS, required=False, allow_null=True, default=None)


class StepUpIn(Strict):
    """One of `password`, `code` and `credential`, as the method wants. `binding` comes from the refusal it answers."""

    method = serializers.ChoiceField(stepup.METHODS)
    binding = serializers.RegexField(r"^sha256:[0-9a-f]{64}$")
    password = serializers.CharField(required=False, trim_whitespace=False, max_length=4096)
    code = serializers.CharField(required=False, max_length=12)
    credential = serializers.JSONField(required=False)


class StepUpOut(serializers.Serializer[dict[str, object]]):
    method = serializers.CharField()
    binding = serializers.CharField()
    at = serializers.DateTimeField()
    good_until = serializers.DateTimeField()


class ChallengeIn(Strict):
    binding = serializers.RegexField(r"^sha256:[0-9a-f]{64}$")
