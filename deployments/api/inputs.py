"""What the API of this app takes, member by member, each with its limits."""

from rest_framework import serializers

from deployments.policies.rollback import REASONS
from portal.core.api.inputs import Strict


class Submit(Strict):
    model = serializers.CharField(max_length=250)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    environment = serializers.CharField(max_length=40)
    why = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)
    dry_run = serializers.BooleanField(default=False)


class Dossier(Strict):
    """`since` is the number of events of a checkpoint you keep, which the log of the dossier then leads on from."""

    since = serializers.IntegerField(min_value=0, max_value=2**53 - 1, default=0)


class Decide(Strict):
    """`seen` is the evidence digest on which the decision rests."""

    seen = serializers.CharField(max_length=80)
    comment = serializers.CharField(max_length=4000, default="", allow_blank=True)
    dry_run = serializers.BooleanField(default=False)


class Approve(Decide):
    """`condition` is `{"most_weight": per cent, "until": {"labels" | "requests" | "hours": amount}}`, or left out."""

    condition = serializers.JSONField(required=False, default=None, allow_null=True)


class Withdraw(Strict):
    reason = serializers.CharField(max_length=4000, default="", allow_blank=True)
    dry_run = serializers.BooleanField(default=False)


class Resubmit(Strict):
    why = serializers.CharField(max_length=4000, default="", allow_blank=True)
    dry_run = serializers.BooleanField(default=False)


class Comment(Strict):
    text = serializers.CharField(max_length=8000)


class NewEnvironment(Strict):
    name = serializers.SlugField(max_length=40)
    position = serializers.IntegerField(min_value=0, max_value=999, default=0)
    alias = serializers.CharField(max_length=120, default="", allow_blank=True)
    rules = serializers.DictField()


class NewEndpoint(Strict):
    environment = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=60)
    model = serializers.CharField(max_length=250)
    description = serializers.CharField(max_length=300, default="", allow_blank=True)


class RollBack(Strict):
    """`expect_generation` is the traffic table on which the decision rests."""

    reason_code = serializers.ChoiceField(choices=list(REASONS.items()))
    note = serializers.CharField(max_length=4000, default="", allow_blank=True)
    expect_generation = serializers.IntegerField(min_value=0)
    dry_run = serializers.BooleanField(default=False)


class Try(Strict):
    """`payload` is the body of the call as `/invocations` takes it."""

    payload = serializers.DictField()


class NewKey(Strict):
    """`name` says who calls with it; it lives `days`, 1 to 365."""

    name = serializers.CharField(max_length=80)
    days = serializers.IntegerField(required=False, min_value=1, max_value=365, default=90)
