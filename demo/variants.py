"""Register the versions that rollouts are shown with: the example model's own, and four with a fault put in.

    MLFLOW_TRACKING_URI=... MLFLOW_TRACKING_TOKEN=... python -m demo.variants flight-delay-rollouts

They go to a model of their own, so that no broken version stands among those of the example world. The good ones are
the very files of `flight-delay`. What is registered already is left alone.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from demo import runs  # first: it says how MLflow is to be imported

# isort: split
import mlflow
from mlflow.entities.model_registry import ModelVersion

from demo import faulty, flights
from demo.flights import months
from demo.recipe import RECIPES

TAG: Final = "variant"
OWN: Final = {"schedule": "v1", "weather": "v2", "fresher": "v3"}
"""The good versions by the recipe they come from."""
FAULTS: Final = {
    "slow": f"Each answer takes {1000 * faulty.SLOW_SECONDS:.0f} ms more.",
    "late": f"Every {faulty.LATE_EVERY}th answer takes {faulty.LATE_SECONDS:.0f} s more.",
    "wrong": f"Every chance of being late lies between {faulty.MIDDLE:g} and {faulty.MIDDLE + faulty.SQUEEZED:g}.",
    "crashing": f"The process ends at each flight to {faulty.FATAL_DEST}.",
}
BROKEN_RECIPE: Final = RECIPES[2]
"""The faulty ones are the second recipe's model with a fault."""


def register(model: str, cache: Path) -> Iterator[tuple[str, str]]:
    """Register what is missing; yields each variant with the number of its version."""
    client = mlflow.MlflowClient()
    if not client.search_registered_models(f"name = '{model}'"):
        text = "Versions of flight-delay, good and with a fault put in, to show what rollouts make of them."
        client.create_registered_model(model, description=text)
    known = {entry.tags.get(TAG): str(entry.version) for entry in client.search_model_versions(f"name = '{model}'")}
    originals = runs.registered(runs.MODEL)
    for variant, recipe in OWN.items():
        yield variant, known.get(variant) or same_files(client, model, variant, originals[recipe])
    missing = [fault for fault in FAULTS if fault not in known]
    broken = dict(with_faults(client, model, missing, originals[BROKEN_RECIPE.name], cache)) if missing else {}
    for fault in FAULTS:
        yield fault, known.get(fault) or broken[fault]


def same_files(client: mlflow.MlflowClient, model: str, variant: str, number: str) -> str:
    """Register the files of a version of the example model under the other name."""
    found = client.get_model_version(runs.MODEL, number)
    text = f"{found.description} The files of {runs.MODEL} version {number}."
    return register_files(client, model, variant, str(found.source), found.run_id, text)


def with_faults(
    client: mlflow.MlflowClient, model: str, faults: Sequence[str], number: str, cache: Path
) -> Iterator[tuple[str, str]]:
    """Log the example model's version with each fault, and register it."""
    mlflow.set_experiment(model)
    rows = runs.example(months(flights.load(cache), BROKEN_RECIPE.first_month, BROKEN_RECIPE.last_month))
    with tempfile.TemporaryDirectory() as folder:
        files = Path(mlflow.artifacts.download_artifacts(f"models:/{runs.MODEL}/{number}", dst_path=folder))
        weights = next(files.glob("*.skops"))
        for fault in faults:
            with mlflow.start_run(run_name=f"{model}-{fault}", tags={TAG: fault}) as run:
                info = mlflow.pyfunc.log_model(
                    name="model",
                    python_model=faulty.__file__,
                    artifacts={"model": str(weights)},
                    model_config={"fault": fault, "trusted": runs.TRUSTED_TYPES[BROKEN_RECIPE.kind]},
                    signature=runs.SIGNATURE,
                    input_example=rows,
                    pip_requirements=runs.REQUIREMENTS,
                )
            yield fault, register_files(client, model, fault, info.model_uri, run.info.run_id, FAULTS[fault])


def register_files(
    client: mlflow.MlflowClient, model: str, variant: str, source: str, run_id: str | None, text: str
) -> str:
    made: ModelVersion = client.create_model_version(
        model,
        source,
        run_id,
        tags={TAG: variant},
        description=text,
        model_id=source.removeprefix("models:/"),
    )
    return str(made.version)


def main(arguments: Sequence[str]) -> int:
    model, cache = arguments[0], Path(arguments[1])
    try:
        for variant, number in register(model, cache):
            print(f"{model} version {number} ({variant})", flush=True)
    except (flights.DataMissingError, runs.TrackingError) as error:
        print(f"Registering stopped. {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
