"""The acts of the portal and who may do them: one table for pages, API, gate and templates."""

from enum import StrEnum

from portal.accounts.roles import Role


class Permission(StrEnum):
    MODELS_VIEW = "models.view"
    MODELS_REGISTER = "models.register"
    MODELS_EDIT = "models.edit"
    MODELS_DELETE = "models.delete"
    RUNS_WRITE = "runs.write"
    DATA_REGISTER = "data.register"
    EVALUATIONS_RUN = "evaluations.run"
    BATCH_PREDICTIONS_RUN = "batch_predictions.run"
    PROMOTIONS_REQUEST = "promotions.request"
    PROMOTIONS_COMMENT = "promotions.comment"
    PROMOTIONS_DECIDE = "promotions.decide"
    ENDPOINTS_VIEW = "endpoints.view"
    ENDPOINTS_CREATE = "endpoints.create"
    ENDPOINTS_CONFIGURE = "endpoints.configure"
    ENDPOINTS_ROLL_BACK = "endpoints.roll_back"
    ENDPOINTS_TRY = "endpoints.try"
    ROLLOUTS_STEER = "rollouts.steer"
    ENDPOINTS_KEYS = "endpoints.keys"
    GROUND_TRUTH_REPORT = "ground_truth.report"
    ENVIRONMENTS_MANAGE = "environments.manage"
    POLICIES_PROPOSE = "policies.propose"
    AUDIT_VIEW = "audit.view"
    AUDIT_EXPORT = "audit.export"
    PEOPLE_VIEW = "people.view"
    PEOPLE_MANAGE = "people.manage"
    SERVICE_ACCOUNTS_MANAGE = "service_accounts.manage"
    SYSTEM_VIEW = "system.view"


_READ = frozenset({Permission.MODELS_VIEW, Permission.ENDPOINTS_VIEW, Permission.PEOPLE_VIEW})

ROLE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.VIEWER: _READ,
    Role.DATA_SCIENTIST: _READ
    | {
        Permission.MODELS_REGISTER,
        Permission.MODELS_EDIT,
        Permission.RUNS_WRITE,
        Permission.DATA_REGISTER,
        Permission.EVALUATIONS_RUN,
        Permission.BATCH_PREDICTIONS_RUN,
        Permission.PROMOTIONS_REQUEST,
        Permission.PROMOTIONS_COMMENT,
        Permission.ENDPOINTS_TRY,
        Permission.GROUND_TRUTH_REPORT,
    },
    Role.ML_LEAD: _READ
    | {
        Permission.MODELS_REGISTER,
        Permission.MODELS_EDIT,
        Permission.MODELS_DELETE,
        Permission.RUNS_WRITE,
        Permission.DATA_REGISTER,
        Permission.EVALUATIONS_RUN,
        Permission.BATCH_PREDICTIONS_RUN,
        Permission.PROMOTIONS_REQUEST,
        Permission.PROMOTIONS_COMMENT,
        Permission.PROMOTIONS_DECIDE,
        Permission.ENDPOINTS_CREATE,
        Permission.ENDPOINTS_CONFIGURE,
        Permission.ENDPOINTS_ROLL_BACK,
        Permission.ENDPOINTS_TRY,
        Permission.ROLLOUTS_STEER,
        Permission.ENDPOINTS_KEYS,
        Permission.GROUND_TRUTH_REPORT,
    },
    Role.OPERATOR: _READ
    | {
        Permission.PROMOTIONS_COMMENT,
        Permission.ENDPOINTS_CREATE,
        Permission.ENDPOINTS_CONFIGURE,
        Permission.ENDPOINTS_ROLL_BACK,
        Permission.ENDPOINTS_TRY,
        Permission.ROLLOUTS_STEER,
        Permission.ENDPOINTS_KEYS,
        Permission.GROUND_TRUTH_REPORT,
        Permission.SYSTEM_VIEW,
    },
    Role.AUDITOR: _READ | {Permission.AUDIT_VIEW, Permission.AUDIT_EXPORT, Permission.SYSTEM_VIEW},
    Role.ADMINISTRATOR: _READ
    | {
        Permission.PEOPLE_MANAGE,
        Permission.SERVICE_ACCOUNTS_MANAGE,
        Permission.ENVIRONMENTS_MANAGE,
        Permission.POLICIES_PROPOSE,
        Permission.SYSTEM_VIEW,
        Permission.AUDIT_VIEW,
    },
}

SCOPES: dict[str, frozenset[Permission]] = {
    "read": _READ,
    "mlflow": frozenset(
        {
            Permission.MODELS_VIEW,
            Permission.MODELS_REGISTER,
            Permission.MODELS_EDIT,
            Permission.MODELS_DELETE,
            Permission.RUNS_WRITE,
        }
    ),
    "data": frozenset({Permission.DATA_REGISTER, Permission.MODELS_VIEW}),
    "evaluate": frozenset({Permission.EVALUATIONS_RUN, Permission.MODELS_VIEW}),
    "batch_predict": frozenset({Permission.BATCH_PREDICTIONS_RUN, Permission.MODELS_VIEW}),
    "promote": frozenset(
        {
            Permission.PROMOTIONS_REQUEST,
            Permission.PROMOTIONS_COMMENT,
            Permission.MODELS_VIEW,
            Permission.ENDPOINTS_VIEW,
        }
    ),
    "rollback": frozenset({Permission.ENDPOINTS_ROLL_BACK, Permission.ENDPOINTS_VIEW}),
    "rollouts": frozenset({Permission.ROLLOUTS_STEER, Permission.ENDPOINTS_VIEW}),
    "predict": frozenset({Permission.ENDPOINTS_TRY, Permission.ENDPOINTS_VIEW}),
    "endpoints": frozenset(
        {
            Permission.ENDPOINTS_CREATE,
            Permission.ENDPOINTS_CONFIGURE,
            Permission.ENDPOINTS_VIEW,
            Permission.MODELS_VIEW,
        }
    ),
    "keys": frozenset({Permission.ENDPOINTS_KEYS, Permission.ENDPOINTS_VIEW}),
    "ground_truth": frozenset({Permission.GROUND_TRUTH_REPORT, Permission.ENDPOINTS_VIEW}),
    "policies": frozenset({Permission.POLICIES_PROPOSE}),
    "audit": frozenset({Permission.AUDIT_VIEW, Permission.AUDIT_EXPORT}),
}
"""What a token of each scope may do at most; PROMOTIONS_DECIDE and ENVIRONMENTS_MANAGE are in none, on purpose."""

PERMISSION_WORDS: dict[Permission, str] = {
    Permission.MODELS_VIEW: "see models, runs and data sets",
    Permission.MODELS_REGISTER: "register models and versions",
    Permission.MODELS_EDIT: "edit models, tags and aliases",
    Permission.MODELS_DELETE: "delete models and versions",
    Permission.RUNS_WRITE: "log experiments and runs",
    Permission.DATA_REGISTER: "register data sets and their checks",
    Permission.EVALUATIONS_RUN: "run evaluations",
    Permission.BATCH_PREDICTIONS_RUN: "run batch predictions and take their files",
    Permission.PROMOTIONS_REQUEST: "ask for a promotion",
    Permission.PROMOTIONS_COMMENT: "comment on a promotion",
    Permission.PROMOTIONS_DECIDE: "decide on a promotion",
    Permission.ENDPOINTS_VIEW: "see endpoints",
    Permission.ENDPOINTS_CREATE: "create endpoints",
    Permission.ENDPOINTS_CONFIGURE: "set how endpoints serve",
    Permission.ENDPOINTS_ROLL_BACK: "roll an endpoint back",
    Permission.ENDPOINTS_TRY: "try an endpoint",
    Permission.ROLLOUTS_STEER: "pause, hurry and abort rollouts, and write their plans",
    Permission.ENDPOINTS_KEYS: "make and revoke the keys of callers",
    Permission.GROUND_TRUTH_REPORT: "report ground truth",
    Permission.ENVIRONMENTS_MANAGE: "create environments and approve their policies",
    Permission.POLICIES_PROPOSE: "draft and propose policies",
    Permission.AUDIT_VIEW: "read the audit log",
    Permission.AUDIT_EXPORT: "export the audit log",
    Permission.PEOPLE_VIEW: "see people and teams",
    Permission.PEOPLE_MANAGE: "invite people and grant roles",
    Permission.SERVICE_ACCOUNTS_MANAGE: "manage service accounts",
    Permission.SYSTEM_VIEW: "see the system status",
}
