"""Who may call an endpoint, as the runtime should know it. Called while no transaction is open."""

from deployments.adapters.serving import ServingRuntime
from deployments.models import Endpoint
from deployments.services import keys


def keep_keys(row: Endpoint, runtime: ServingRuntime) -> None:
    """Those are let in who should be now: keys that were made, revoked or have ended since the last look."""
    wanted = keys.hashes(row)
    if runtime.keys(row.environment.name, row.name) != wanted:
        runtime.set_keys(row.environment.name, row.name, wanted)
