"""What is backed up comes back, a damaged file is refused before anything is touched, and nothing is overwritten."""

import stat
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from portal.embedded import backup, configuration, keys, layout, postgres, preparation
from portal.embedded.backup import Place
from portal.embedded.errors import StartError

TABLES = """
CREATE SCHEMA audit;
CREATE TABLE audit.event (id int PRIMARY KEY, xid xid8 NOT NULL DEFAULT pg_current_xact_id());
CREATE TABLE public.model (name text PRIMARY KEY);
INSERT INTO public.model VALUES ('flight-delay');
"""


def _place(var: Path) -> Place:
    environ = {"SIGNALBOX_VAR": str(var)}
    return backup.find(layout.resolve(var.parent, environ), configuration.read({}), environ)


def _execute(place: Place, database: str, *statements: str) -> list[tuple[object, ...]]:
    role = postgres.DATABASES[database]
    assert place.stores.cluster is not None
    url = place.stores.cluster.url(role, database, place.stores.passwords[role])
    with closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []


@pytest.fixture
def filled(open_folder: Path) -> Place:
    """A small portal's data: rows in both databases, an artifact, the signer's key and state."""
    var = open_folder / "first"
    found = layout.resolve(open_folder, {"SIGNALBOX_VAR": str(var)})
    layout.prepare(found)
    preparation.make_secrets(found)
    place = _place(var)
    preparation.make_folders(found, place.configuration, place.stores, None)
    assert preparation.database(place.stores)
    with place.running():
        passwords = place.stores.passwords
        assert place.stores.cluster is not None
        postgres.ensure_roles(place.stores.cluster, passwords, passwords[postgres.SUPERUSER])
        _execute(place, "signalbox", TABLES)
        for number in range(40):
            _execute(place, "signalbox", f"INSERT INTO audit.event (id) VALUES ({number})")
        _execute(place, "mlflow", "CREATE TABLE runs (id int)", "INSERT INTO runs VALUES (7)")
    (var / "store" / "ab").mkdir()
    (var / "store" / "ab" / "model.skops").write_bytes(b"weights" * 1000)
    (var / "signer" / "key").write_text("private")
    (var / "signer" / "key").chmod(0o400)
    (var / "checkpoints" / "latest").write_text("signalbox/local\n40\n")
    (found.state / "kind").write_text("demo")
    return place


def test_everything_comes_back(filled: Place, open_folder: Path) -> None:
    target = open_folder / "backup.tar"
    backup.create(filled, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600

    second = open_folder / "second"
    environ = {"SIGNALBOX_VAR": str(second)}
    found = layout.resolve(open_folder, environ)
    backup.restore(found, configuration.read({}), environ, target)

    assert (second / "store" / "ab" / "model.skops").read_bytes() == b"weights" * 1000
    assert (second / "signer" / "key").read_text() == "private"
    assert stat.S_IMODE((second / "signer" / "key").stat().st_mode) == 0o400
    assert (second / "run-state" / "kind").read_text() == "demo"
    for secret in (keys.SECRET_KEY, keys.TOKEN_PEPPER, keys.ARTIFACT_KEY):
        assert (found.keys / secret).read_text() == (filled.layout.keys / secret).read_text()
    place = _place(second)
    with place.running():
        assert _execute(place, "signalbox", "SELECT name FROM model") == [("flight-delay",)]
        assert _execute(place, "mlflow", "SELECT id FROM runs") == [(7,)]
        new_id, seen = _execute(
            place, "signalbox", "SELECT pg_current_xact_id()::text::bigint, max(xid::text::bigint) FROM audit.event"
        )[0]
        assert isinstance(new_id, int)
        assert isinstance(seen, int)
        assert new_id > seen
        owners = _execute(
            place, "signalbox", "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname IN ('audit', 'public')"
        )
        assert owners == [(postgres.OWNER,)]


def test_transaction_ids_continue_above_the_log(filled: Place, open_folder: Path) -> None:
    """The control: with a log far ahead of a fresh server, its ids must be used up, not merely happen to be higher."""
    with filled.running():
        _execute(filled, "signalbox", "INSERT INTO audit.event VALUES (99, '50000')")
        backup.create(filled, open_folder / "backup.tar")
    environ = {"SIGNALBOX_VAR": str(open_folder / "second")}
    found = layout.resolve(open_folder, environ)
    backup.restore(found, configuration.read({}), environ, open_folder / "backup.tar")
    place = _place(open_folder / "second")
    with place.running():
        ((current,),) = _execute(place, "signalbox", "SELECT pg_current_xact_id()::text::bigint")
    assert isinstance(current, int)
    assert current > 50000


def test_never_into_a_folder_with_data(filled: Place, open_folder: Path) -> None:
    backup.create(filled, open_folder / "backup.tar")
    environ = {"SIGNALBOX_VAR": str(filled.layout.var)}
    with pytest.raises(StartError, match="is not empty, and a restore never overwrites"):
        backup.restore(filled.layout, configuration.read({}), environ, open_folder / "backup.tar")


def test_an_existing_file_is_kept(filled: Place, open_folder: Path) -> None:
    (open_folder / "backup.tar").write_text("precious")
    with pytest.raises(StartError, match="exists already"):
        backup.create(filled, open_folder / "backup.tar")
    assert (open_folder / "backup.tar").read_text() == "precious"


def _change_a_byte(archive: Path) -> None:
    content = archive.read_bytes()
    position = content.index(b"weightsweights")
    archive.write_bytes(content[:position] + b"W" + content[position + 1 :])


def _cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])


def _add_a_member(archive: Path) -> None:
    with tarfile.open(archive, "a:") as tar:
        info = tarfile.TarInfo("store/planted")
        tar.addfile(info)


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (_change_a_byte, r"damaged: store/ab/model.skops does not have the digest"),
        (_cut, r"cannot be unpacked|cut short"),
        (_add_a_member, r"store/planted is not in its list"),
    ],
)
def test_a_damaged_file_is_refused_and_nothing_is_made(
    filled: Place, open_folder: Path, harm: Callable[[Path], None], sentence: str
) -> None:
    archive = open_folder / "backup.tar"
    backup.create(filled, archive)
    harm(archive)
    environ = {"SIGNALBOX_VAR": str(open_folder / "second")}
    found = layout.resolve(open_folder, environ)
    with pytest.raises(StartError, match=sentence):
        backup.restore(found, configuration.read({}), environ, archive)
    assert not (open_folder / "second" / "store").exists()
    assert not (found.database_home / "postgres").exists()


def _member(name: str, **more: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for attribute, value in more.items():
        setattr(info, attribute, value)
    return info


@pytest.mark.parametrize(
    "member",
    [
        _member("../../outside"),
        _member("/tmp/outside-of-a-backup"),
        _member("store/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        _member("store/hard", type=tarfile.LNKTYPE, linkname="../../outside"),
        _member("store/pipe", type=tarfile.FIFOTYPE),
    ],
    ids=lambda member: member.name,
)
def test_only_files_below_the_folder_are_unpacked(open_folder: Path, member: tarfile.TarInfo) -> None:
    archive = open_folder / "evil.tar"
    with tarfile.open(archive, "w:") as tar:
        tar.addfile(member)
    environ = {"SIGNALBOX_VAR": str(open_folder / "second")}
    with pytest.raises(StartError, match="is no file of a backup"):
        backup.restore(layout.resolve(open_folder, environ), configuration.read({}), environ, archive)
    assert not (open_folder / "outside").exists()
    assert not (open_folder / "second" / "store").exists()
