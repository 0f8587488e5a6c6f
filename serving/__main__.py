"""The commands of the data plane: `python -m serving router|zygote|agent|grpc|revision|stop`."""

import sys
from collections.abc import Callable

from serving import places
from serving.places import Misconfigured, Settings


def _router(settings: Settings) -> None:
    from serving.router import program

    program.run(settings)


def _zygote(settings: Settings) -> None:
    from serving.zygote import program

    program.run(settings)


def _agent(settings: Settings) -> None:
    from serving.agent import program

    program.run(settings)


def _grpc(settings: Settings) -> None:
    from serving.grpc_door import program

    program.run(settings)


def _revision(settings: Settings) -> None:
    from serving import pod

    pod.run(settings)


def _stop(settings: Settings) -> None:
    from serving.zygote import leftovers

    print(f"{leftovers.stop(settings.places)} revision processes ended.")


COMMANDS: dict[str, Callable[[Settings], None]] = {
    "router": _router,
    "zygote": _zygote,
    "agent": _agent,
    "grpc": _grpc,
    "revision": _revision,
    "stop": _stop,
}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python -m serving {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        COMMANDS[arguments[0]](places.read())
    except Misconfigured as error:
        print(f"signalbox serving: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
