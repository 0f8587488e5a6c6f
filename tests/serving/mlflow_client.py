"""MLflow's own client of its scoring protocol, asked by JSON on standard input. A process of its own, as `breed` is."""

import json
import sys

import pandas as pd
from mlflow.pyfunc.scoring_server.client import ScoringServerClient


def main() -> None:
    asked = json.load(sys.stdin)
    client = ScoringServerClient("host", 80)  # type: ignore[no-untyped-call]
    client.url_prefix = asked["url"]
    client.wait_server_ready(timeout=5)  # type: ignore[no-untyped-call]
    found = client.invoke(pd.DataFrame(asked["rows"])).get_predictions(predictions_format="ndarray")
    answered = {"version": client.get_version(), "predictions": found.tolist()}  # type: ignore[no-untyped-call]
    print(json.dumps(answered))


if __name__ == "__main__":
    main()
