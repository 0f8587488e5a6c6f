"""What the API of this app takes, member by member, each with its limits."""

from typing import Any

from rest_framework import serializers

from deployments.policies import asking, rollback_freeze, steering
from deployments.policies.rollback import REASONS
from deployments.policies.steering import ABORT_REASONS
from portal.core.api.inputs import Strict


class Why(serializers.CharField):
    """Why something is asked for, in 3 to 4,000 characters; whatever is wrong with it, one sentence says what is
    wanted."""

    sentence = asking.WHY

    def __init__(self, **options: Any) -> None:
        wrong = ("required", "null", "blank", "invalid", "min_length", "max_length")
        super().__init__(
            min_length=asking.LEAST_WHY,
            max_length=asking.MOST_WHY,
            error_messages=dict.fromkeys(wrong, self.sentence),
            **options,
        )


class WhyReleased(Why):
    sentence = rollback_freeze.WHY


class WhyEarly(Why):
    sentence = steering.WHY_EARLY


class EnvironmentPlan(Strict):
    plan = serializers.CharField(max_length=60, help_text="the name of a rollout plan; at-once for all at once")


class Submit(Strict):
    """`why` may be left out of a dry run, which says what is missing of everything else. `plan` names a rollout plan;
    without one it is the environment's. With `supersede` a request that is rolling out on the same endpoint is taken
    back first."""

    model = serializers.CharField(max_length=250)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    environment = serializers.CharField(max_length=40)
    why = Why()
    plan = serializers.CharField(
        max_length=72,
        required=False,
        default="",
        allow_blank=True,
        help_text="a rollout plan, of which it takes the newest version, or NAME@N for version N; the environment's if "
        "empty",
    )
    supersede = serializers.BooleanField(default=False)
    dry_run = serializers.BooleanField(default=False)

    def get_fields(self) -> dict[str, Any]:
        found, sent = super().get_fields(), getattr(self, "initial_data", None)
        rehearsed = isinstance(sent, dict) and sent.get("dry_run") is True
        return found | {"why": Why(required=False, default="")} if rehearsed else found


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
    why = Why()
    plan = serializers.CharField(
        max_length=60, required=False, default="", allow_blank=True, help_text="another rollout plan; its own if empty"
    )
    dry_run = serializers.BooleanField(default=False)


class Comment(Strict):
    text = serializers.CharField(max_length=8000)


class NewEnvironment(Strict):
    name = serializers.SlugField(max_length=40)
    position = serializers.IntegerField(min_value=0, max_value=999, default=0)
    alias = serializers.CharField(max_length=120, default="", allow_blank=True)
    plan = serializers.CharField(max_length=60, default="", allow_blank=True)
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


class Release(Strict):
    """`reason` says why programs may promote here again."""

    reason = WhyReleased()


class DrillHours(Strict):
    """Hours between two drills of each endpoint, 0 for none."""

    hours = serializers.IntegerField(min_value=0, max_value=2160)


class Pause(Strict):
    reason = serializers.CharField(max_length=4000, default="", allow_blank=True)


class Nothing(Strict):
    """No members."""


class Resume(Strict):
    """`expect_step` and `expect_pause` are the `step` and the `pause_code` on which the decision rests: a call that is
    repeated goes past no pause that nobody saw."""

    expect_step = serializers.IntegerField(min_value=0, max_value=1000)
    expect_pause = serializers.CharField(max_length=40, allow_blank=True)


class Abort(Strict):
    reason_code = serializers.ChoiceField(choices=list(ABORT_REASONS.items()))
    note = serializers.CharField(max_length=4000, default="", allow_blank=True)


class Advance(Strict):
    """`expect_step` is the step on which the decision rests."""

    reason = WhyEarly()
    expect_step = serializers.IntegerField(min_value=0, max_value=1000)


class Try(Strict):
    """`payload` is the body of the call as `/invocations` takes it."""

    payload = serializers.DictField()


class NewKey(Strict):
    """`name` says who calls with it; it lives `days`, 1 to 365."""

    name = serializers.CharField(max_length=80)
    days = serializers.IntegerField(required=False, min_value=1, max_value=365, default=90)
