"""The command line: run, status, stop, logs, reset, hold, release, restart, manage, backup, restore."""

import argparse
import os
import sys
from pathlib import Path

from portal.embedded import backup, configuration, logfiles, restarting, session, status, stopping
from portal.embedded.errors import StartError
from portal.embedded.layout import Layout, resolve


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 done, 1 refused with a sentence, 3 not running."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.act(options))
    except StartError as error:
        print(f"\nsignalbox: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="signalbox", description="Runs Signalbox on this machine.")
    acts = parser.add_subparsers(required=True, metavar="ACT")
    acts.add_parser("run", help="start everything and stay in the foreground").set_defaults(act=_run)
    acts.add_parser("status", help="show the processes").set_defaults(act=_status)
    acts.add_parser("stop", help="stop everything this checkout runs").set_defaults(act=_stop)
    logs = acts.add_parser("logs", help="show the newest lines of the logs")
    logs.add_argument("names", nargs="*", help="process names; all when left out")
    logs.add_argument("--follow", action="store_true", help="keep printing what is added")
    logs.add_argument("--lines", type=int, default=40)
    logs.set_defaults(act=_logs)
    reset = acts.add_parser("reset", help="stop and remove this checkout's data")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    reset.set_defaults(act=_reset)
    for name, act, text in (
        ("hold", _hold, "stop processes and keep them stopped"),
        ("release", _release, "start held processes again"),
        ("restart", _restart, "end processes one after the other, each to come back"),
    ):
        holding = acts.add_parser(name, help=text)
        holding.add_argument("names", nargs="+")
        holding.set_defaults(act=act)
    backup = acts.add_parser("backup", help="write database, artifacts and keys to a file")
    backup.add_argument("file", help="the file to make")
    backup.set_defaults(act=_backup)
    restore = acts.add_parser("restore", help="bring a backup back into an empty data folder")
    restore.add_argument("file", help="a file that backup made")
    restore.set_defaults(act=_restore)
    manage = acts.add_parser("manage", help="run a manage.py command against the running portal's stores")
    manage.add_argument("rest", nargs=argparse.REMAINDER)
    manage.set_defaults(act=_manage)
    return parser


def _layout() -> Layout:
    return resolve(session.PROJECT, os.environ)


def _run(options: argparse.Namespace) -> int:
    session.open_session(os.environ).run(os.environ)
    return 0


def _status(options: argparse.Namespace) -> int:
    lines, running = status.table(_layout())
    print("\n".join(lines))
    return 0 if running else 3


def _stop(options: argparse.Namespace) -> int:
    print(stopping.stop(_layout()))
    return 0


def _logs(options: argparse.Namespace) -> int:
    folder = _layout().logs
    logs = sorted(folder.glob("*.log"))
    unknown = set(options.names) - {log.stem for log in logs}
    if unknown or not logs:
        have = ", ".join(log.stem for log in logs) or "none yet"
        raise StartError(f"There is no log called {', '.join(sorted(unknown)) or 'anything'}. There are: {have}.")
    chosen = [log for log in logs if not options.names or log.stem in options.names]
    for log in chosen:
        _print_tail(log, options.lines)
    if options.follow:
        for name, line in logfiles.follow(chosen):
            print(f"{name:<10} {line}", flush=True)
    return 0


def _print_tail(log: Path, lines: int) -> None:
    for line in logfiles.tail(log, lines):
        print(f"{log.stem:<10} {line}")


def _hold(options: argparse.Namespace) -> int:
    layout = _layout()
    restarting.services(layout.state, options.names)
    layout.holds.mkdir(exist_ok=True, mode=0o700)
    for name in options.names:
        (layout.holds / name).touch()
    return 0


def _release(options: argparse.Namespace) -> int:
    for name in options.names:
        (_layout().holds / name).unlink(missing_ok=True)
    return 0


def _restart(options: argparse.Namespace) -> int:
    """One after the other: the next ends once the one before is back."""
    state = _layout().state
    restarting.services(state, options.names)
    for name in options.names:
        print(restarting.restart(state, name), flush=True)
    return 0


def _reset(options: argparse.Namespace) -> int:
    layout = _layout()
    folders = stopping.removable(layout)
    if not folders:
        print("There is nothing to remove.")
        return 0
    if not options.yes:
        print("This removes every model, approval and log entry in\n" + "\n".join(f"  {folder}" for folder in folders))
        if not sys.stdin.isatty():
            raise StartError("Nobody can be asked here. Run make reset YES=1 if you mean it.")
        if input("Type reset to go on: ").strip() != "reset":
            raise StartError("Nothing was removed.")
    stopping.reset(layout)
    print("Removed. The next make run starts afresh.")
    return 0


def _file(text: str) -> Path:
    if not text:
        raise StartError("Name the file: make backup FILE=signalbox.tar")
    return Path(text).resolve()


def _backup(options: argparse.Namespace) -> int:
    target = _file(options.file)
    place = backup.find(_layout(), configuration.read(os.environ), os.environ)
    facts = backup.create(place, target)
    print(
        f"{target}: {facts['members']} files, {target.stat().st_size / 1024**2:.1f} MB, taken at {facts['taken_at']}."
    )
    print("It holds the portal's secrets and the signer's key. Keep it where only you can read it.")
    if facts["artifacts_elsewhere"]:
        print(f"Artifacts in {facts['artifacts_elsewhere']} are not in it. Back them up where they are.")
    return 0


def _restore(options: argparse.Namespace) -> int:
    source = _file(options.file)
    manifest = backup.restore(_layout(), configuration.read(os.environ), os.environ, source)
    print(f"Restored what was backed up at {manifest['taken_at']}. The next make run starts with it.")
    return 0


def _manage(options: argparse.Namespace) -> int:
    environment = session.open_session(os.environ).manage_environment(os.environ)
    python = sys.executable
    os.chdir(session.PROJECT)
    os.execve(python, [python, "manage.py", *options.rest], environment)  # noqa: S606  (our own manage.py, no shell)


if __name__ == "__main__":
    sys.exit(main())
