"""More evaluations of a version, in a process with the environment of a portal.

`python -m bench.gates_rows MODEL NUMBER COUNT`

They are copies of its newest one, as if it had been asked for again and again. `bench.gates` starts this on a portal
made for benchmarks.
"""

import sys


def main(model: str, number: int, count: int) -> None:
    from django.db import transaction

    from portal.audit import recorder
    from portal.core import actors
    from registry.models import Evaluation
    from registry.services.evaluations import subject

    rows = Evaluation.objects.filter(version__model__name=model, version__number=number, status="done")
    newest = rows.select_related("version__model", "data__data_set").order_by("-pk")[0]
    told = {"version": str(newest.version), "data": str(newest.data), "settings_digest": newest.settings_digest}
    actor = actors.system("a benchmark", via="command")
    for _ in range(count - rows.count()):
        newest.pk, newest._state.adding = None, True
        with transaction.atomic():
            newest.save()
            recorder.record("evaluation.requested", actor=actor, subject=subject(newest), data=told)


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    django.setup()
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
