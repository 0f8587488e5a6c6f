"""People, teams, role grants, service accounts and tokens, invitations, step-ups."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower, Now

from portal.accounts.roles import Role
from portal.core import ids


class PersonManager(BaseUserManager["Person"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "Person":
        """A person with this e-mail address; without a password nobody can sign in with one."""
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        if password:
            person.set_password(password)
        else:
            person.set_unusable_password()
        person.save(using=self._db)
        return person


class Person(AbstractBaseUser):
    """Somebody who can sign in. Rights come from role grants alone; there is no staff or superuser flag."""

    THEMES = (("system", "As the system"), ("light", "Light"), ("dark", "Dark"))
    DENSITIES = (("dense", "Dense"), ("comfortable", "Comfortable"))

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    theme = models.CharField(max_length=8, default="system", choices=THEMES)
    density = models.CharField(max_length=12, default="dense", choices=DENSITIES)
    shortcuts = models.BooleanField(default=True)

    objects: ClassVar[PersonManager] = PersonManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="person_email_once")]

    def __str__(self) -> str:
        return self.name or self.email

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Django's own permissions are not used; rights are asked of `portal.accounts.access`."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return False


class Team(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class ServiceAccount(models.Model):
    """A program's identity with role grants of its own and a responsible human."""

    name = models.SlugField(max_length=60, unique=True)
    description = models.CharField(max_length=300, default="", blank=True)
    responsible = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="service_accounts")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class RoleGrant(models.Model):
    """One role of one person or service account, globally (team None) or in a team."""

    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="role_grants")
    service_account = models.ForeignKey(ServiceAccount, null=True, on_delete=models.PROTECT, related_name="role_grants")
    role = models.CharField(max_length=20, choices=Role)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="role_grants")
    granted_at = models.DateTimeField(auto_now_add=True)
    granted_by = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(person__isnull=False, service_account__isnull=True)
                | models.Q(person__isnull=True, service_account__isnull=False),
                name="role_grant_one_holder",
            ),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_grant_role_known"),
            models.UniqueConstraint(
                fields=["person", "service_account", "role", "team"], name="role_grant_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} in {self.team.name}" if self.team else self.get_role_display()


class ApiToken(models.Model):
    """A hashed, scoped, expiring credential. The secret is shown once and never stored."""

    id = models.UUIDField(primary_key=True, default=ids.new_id)
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=20)
    last4 = models.CharField(max_length=4)
    secret_hash = models.BinaryField(unique=True)
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="tokens")
    service_account = models.ForeignKey(ServiceAccount, null=True, on_delete=models.PROTECT, related_name="tokens")
    scopes = models.JSONField()
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(person__isnull=False, service_account__isnull=True)
                | models.Q(person__isnull=True, service_account__isnull=False),
                name="token_one_owner",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…{self.last4})"


class PasskeyHolder(models.Model):
    """Whose a passkey is, for good: known by the digest of its public key, and kept when the passkey is removed.

    So that nobody counts as two people by carrying one key from account to account.
    """

    key = models.CharField(max_length=80, primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="passkeys")
    since = models.DateTimeField(auto_now_add=True)


class Invitation(models.Model):
    """An offer to join, redeemed once with the secret of the mailed link; only its hash is kept."""

    id = models.UUIDField(primary_key=True, default=ids.new_id)
    email = models.EmailField()
    name = models.CharField(max_length=120, default="", blank=True)
    role = models.CharField(max_length=20, choices=Role)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT)
    secret_hash = models.BinaryField(unique=True)
    invited_by = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"Invitation of {self.email}"


class StepUp(models.Model):
    """A second look at the person, bound to one decision and used at most once."""

    id = models.UUIDField(primary_key=True, default=ids.new_id)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="step_ups")
    session_key_hash = models.CharField(max_length=80)
    method = models.CharField(
        max_length=10, choices=[("password", "Password"), ("totp", "One-time code"), ("passkey", "Passkey")]
    )
    binding = models.CharField(max_length=80)
    at = models.DateTimeField(db_default=Now())
    used_at = models.DateTimeField(null=True)
