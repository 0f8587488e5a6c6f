"""Settings, in Django's order. Values come from the environment through `portal.env`; apps are named by string only."""

from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from portal import env
from portal.version import VERSION

BASE_DIR = Path(__file__).resolve().parent.parent
SIGNALBOX_VERSION = VERSION
SIGNALBOX_MODE = env.choice("SIGNALBOX_MODE", ("local", "production"), "local")
LOCAL = SIGNALBOX_MODE == "local"
DEBUG = env.flag("SIGNALBOX_DEBUG") and LOCAL

SIGNALBOX_VAR = env.folder("SIGNALBOX_VAR", BASE_DIR / "var")
SIGNALBOX_STORE = env.folder("SIGNALBOX_STORE", SIGNALBOX_VAR / "store")
SIGNALBOX_CHECKPOINT_DIR = env.folder("SIGNALBOX_CHECKPOINT_DIR", SIGNALBOX_VAR / "checkpoints")
SIGNALBOX_SERVING_DIR = env.folder("SIGNALBOX_SERVING_DIR", SIGNALBOX_VAR / "serving")
SIGNALBOX_URL = env.text("SIGNALBOX_URL", "http://localhost:8000").rstrip("/")
SIGNALBOX_GATEWAY_URL = env.text("SIGNALBOX_GATEWAY_URL", "http://localhost:8080").rstrip("/")
SIGNALBOX_LOG_ORIGIN = env.text("SIGNALBOX_LOG_ORIGIN", "signalbox/local")
SIGNALBOX_AGENT = env.text("SIGNALBOX_AGENT", "unix:" + str(SIGNALBOX_VAR / "run" / "agent.sock"))
SIGNALBOX_AGENT_TOKEN = env.text("SIGNALBOX_AGENT_TOKEN", "")
# Which environments serve from a cluster; docs/cluster.md describes the file. The others serve from the agent.
SIGNALBOX_RUNTIMES = env.document("SIGNALBOX_RUNTIMES")
MLFLOW_UPSTREAM = env.text("MLFLOW_UPSTREAM", "unix:" + str(SIGNALBOX_VAR / "run" / "mlflow.sock"))
# MLflow tells of changes made behind the gate; without a secret they are found at the next full pass, within a minute.
SIGNALBOX_MLFLOW_HOOK_SECRET = env.text("SIGNALBOX_MLFLOW_HOOK_SECRET", "")
SIGNALBOX_MLFLOW_HOOK_URL = env.text("SIGNALBOX_MLFLOW_HOOK_URL", f"{SIGNALBOX_URL}/hooks/mlflow/")
# Aliases that only promotions move, and that are put back when they were moved in MLflow. Others are taken over.
SIGNALBOX_PROTECTED_ALIASES = [
    name for name in env.text("SIGNALBOX_PROTECTED_ALIASES", "champion").replace(",", " ").split() if name
]
# Tags that change only through the gate, and that are put back when they were changed in MLflow; `risk.*` stands for
# all that begin so, `*` for every tag. Others are taken over.
SIGNALBOX_PROTECTED_TAGS = env.text("SIGNALBOX_PROTECTED_TAGS", "").replace(",", " ").split()
# The function that says which severe incidents are open, as `deployments.selectors.incident_source` asks it.
SIGNALBOX_INCIDENT_SOURCE = env.text("SIGNALBOX_INCIDENT_SOURCE", "monitoring.selectors.incidents.open_severe")
# The source of ground truth for A/B tests, as `deployments.adapters.ground_truth` asks it.
SIGNALBOX_GROUND_TRUTH = env.text("SIGNALBOX_GROUND_TRUTH", "monitoring.providers.ground_truth")
# Data sets are read from these folders of this host (as in PATH, with colons between them), and from S3 with the
# credentials of the worker's environment.
SIGNALBOX_DATA_FOLDERS = [path for path in env.text("SIGNALBOX_DATA_FOLDERS", "").split(":") if path]
SIGNALBOX_S3_ENDPOINT = env.text("SIGNALBOX_S3_ENDPOINT", "")
# Exports of the log and dossiers are removed from disk after so many days; 0 keeps them.
SIGNALBOX_EXPORT_DAYS = env.number("SIGNALBOX_EXPORT_DAYS", 30)
# When a change that MLflow never answered is asked after: longer than the gate itself waits for the answer.
SIGNALBOX_GATE_SETTLE_SECONDS = env.number("SIGNALBOX_GATE_SETTLE_SECONDS", 80)

SECRET_KEY = env.text("SIGNALBOX_SECRET_KEY", "only-for-local-use" if LOCAL else None)
SIGNALBOX_ARTIFACT_KEY = env.text("SIGNALBOX_ARTIFACT_KEY", SECRET_KEY)
SIGNALBOX_TOKEN_PEPPER = env.text("SIGNALBOX_TOKEN_PEPPER", SECRET_KEY if LOCAL else None)

HOST = urlsplit(SIGNALBOX_URL).hostname or "localhost"
if SIGNALBOX_MODE == "production" and urlsplit(SIGNALBOX_URL).scheme != "https":
    raise ImproperlyConfigured("SIGNALBOX_URL must start with https:// in production mode.")
ALLOWED_HOSTS = [HOST, "127.0.0.1", "[::1]"] if LOCAL else [HOST]
CSRF_TRUSTED_ORIGINS = [SIGNALBOX_URL]

INSTALLED_APPS = [
    "portal.core",
    "portal.audit",
    "portal.lifecycle",
    "portal.accounts",
    "portal.auditors",
    "portal.notices",
    "portal.ui",
    "registry",
    "deployments",
    "pipelines",
    "monitoring",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sites",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.headless",
    "allauth.usersessions",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]
SITE_ID = 1

MIDDLEWARE = [
    "portal.core.streaming.StreamingMiddleware",
    "portal.core.middleware.RequestIdMiddleware",
    "portal.core.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.core.middleware.SessionsMiddleware",
    "portal.core.slashes.SlashMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "portal.accounts.middleware.ActorMiddleware",
    "portal.core.middleware.ErrorPagesMiddleware",
]

ROOT_URLCONF = "portal.urls"
ASGI_APPLICATION = "portal.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "portal.ui.context.shell",
            ],
            "builtins": ["portal.ui.templatetags.ui"],
        },
    },
]

DATABASES = {"default": env.database(env.text("DATABASE_URL", "postgresql:///signalbox"))}
SIGNALBOX_DATABASE_OWNER_URL = env.text("DATABASE_OWNER_URL", "")
SIGNALBOX_DATABASE_SEQUENCER_URL = env.text("DATABASE_SEQUENCER_URL", "")
SIGNALBOX_DATABASE_SIGNER_URL = env.text("DATABASE_SIGNER_URL", "")
SIGNALBOX_DATABASE_PRIVACY_URL = env.text("DATABASE_PRIVACY_URL", "")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "unix://" + str(SIGNALBOX_VAR / "run" / "valkey.sock") + "?db=0")
CACHES = {
    "default": {
        "BACKEND": "portal.core.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "signalbox",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 2},
    },
}
SESSION_ENGINE = "portal.accounts.sessions"
SESSION_COOKIE_NAME = "signalbox_session" if LOCAL else "__Host-signalbox_session"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = not LOCAL
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "signalbox_csrf" if LOCAL else "__Host-signalbox_csrf"
CSRF_COOKIE_SECURE = not LOCAL
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.core.views.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 0 if LOCAL else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not LOCAL
SECURE_SSL_REDIRECT = not LOCAL
SECURE_PROXY_SSL_HEADER = None if LOCAL else ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; report-uri /_csp/"
)

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "portal.accounts.passwords.VarietyValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "portal.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip"}
ALLAUTH_TRUSTED_PROXY_COUNT = env.number("SIGNALBOX_TRUSTED_PROXIES", 0)
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "http" if LOCAL else "https"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are proved by the invitation's link
MFA_ADAPTER = "portal.accounts.adapter.MFAAdapter"
MFA_FORMS = {"add_webauthn": "portal.accounts.passkey_form.AddPasskeyForm"}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = LOCAL
MFA_TOTP_ISSUER = "Signalbox"
MFA_RECOVERY_CODE_DIGITS = 12
HEADLESS_CLIENTS = ["browser"]
HEADLESS_FRONTEND_URLS: dict[str, str] = {}
USERSESSIONS_TRACK_ACTIVITY = False  # reading a page writes nothing

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = SIGNALBOX_VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage",
    },
}
WHITENOISE_USE_FINDERS = LOCAL
WHITENOISE_AUTOREFRESH = DEBUG

EMAIL_URL = env.text("EMAIL_URL", "")
if EMAIL_URL:
    globals().update(env.reader.email_url_config(EMAIL_URL))
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = SIGNALBOX_VAR / "mail"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("SIGNALBOX_MAIL_FROM", f"Signalbox <signalbox@{HOST}>")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.accounts.api.authentication.TokenAuthentication",
        "portal.accounts.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["portal.core.api.permissions.DenyAll"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "NON_FIELD_ERRORS_KEY": "body",
    "DEFAULT_PARSER_CLASSES": ["portal.core.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "portal.core.api.paging.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.core.api.exceptions.handle",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Signalbox API",
    "DESCRIPTION": "Everything the pages do, for programs. See docs/api.md.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["portal.core.api.permissions.AnySignedIn"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    # Choices of which others are called the same; without a name of their own they get a digest for one.
    "ENUM_NAME_OVERRIDES": {
        "BypassStatusEnum": "deployments.states.bypass.MACHINE.choices",
        "DataSetVersionStatusEnum": "registry.states.data_version.MACHINE.choices",
        "GateVerdictEnum": "deployments.api.gates.WORST_FIRST",
        "JobStatusEnum": "registry.states.evaluation.MACHINE.choices",
        "PolicyVersionStatusEnum": "deployments.states.policy.MACHINE.choices",
        "PromotionStatusEnum": "deployments.states.promotion.MACHINE.choices",
        "RoleEnum": "portal.accounts.roles.Role",
    },
}

CELERY_BROKER_URL = (
    "redis+socket://" + REDIS_URL.removeprefix("unix://").replace("?db=", "?virtual_host=")
    if REDIS_URL.startswith("unix://")
    else REDIS_URL
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True  # a broker without memory refuses what a worker notes there
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "unacked_restore_interval": 2,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 1,
    "socket_timeout": 10,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {"sweep": {"task": "portal.sweep", "schedule": 5.0, "options": {"expires": 5}}}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "portal.core.logs.RequestIdFilter"}},
    "formatters": {"line": {"()": "portal.core.logs.LineFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}},
    "root": {"handlers": ["console"], "level": env.text("SIGNALBOX_LOG_LEVEL", "INFO")},
    "loggers": {"httpx": {"level": "WARNING"}, "celery.beat": {"level": "WARNING"}},
}
SILENCED_SYSTEM_CHECKS: list[str] = []
SIGNALBOX_LOGIN_PATH = "/accounts/login/"
