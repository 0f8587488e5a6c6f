"""Train versions of the example model and register them with an ordinary MLflow client.

    MLFLOW_TRACKING_URI=http://localhost:8000 MLFLOW_TRACKING_TOKEN=... python -m demo.train --version 1 2 3

Nothing here knows the portal: the same command works against a plain MLflow server. A recipe that is registered
already is left alone, so an interrupted command can be given again.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.flights import DataMissingError
from demo.recipe import RECIPES


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.train", description=__doc__.splitlines()[0])
    parser.add_argument("--version", type=int, nargs="+", choices=sorted(RECIPES), default=sorted(RECIPES))
    parser.add_argument("--model", default="flight-delay", help="name of the registered model")
    parser.add_argument("--cache", type=Path, default=Path(os.environ.get("SIGNALBOX_VAR", "var")) / "demo-cache")
    options = parser.parse_args(arguments)
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        parser.error("Set MLFLOW_TRACKING_URI to the portal's URL and MLFLOW_TRACKING_TOKEN to a token of yours.")
    # Only now: MLflow takes seconds to import, which a mistyped command need not wait for.
    from demo.runs import TrackingError, train

    try:
        for recipe, number in train(options.version, options.cache, options.model):
            print(f"{options.model} version {number} ({recipe.name}): {recipe.summary}", flush=True)
    except (DataMissingError, TrackingError) as error:
        print(f"Training stopped. {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
