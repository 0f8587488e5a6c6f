import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.audit import notes
from portal.audit.notes import Checkpoint, NoteError, SigningKey, VerifierKey, open_checkpoint, open_note
from tools import signalbox_audit_verify as offline

Opened = Callable[[bytes], tuple[int, bytes]]
ORIGIN = "portal.example/audit/test"


def fixed(name: str, seed: bytes) -> SigningKey:
    """The same key in every process, so that tests have the same names everywhere."""
    return SigningKey(name, Ed25519PrivateKey.from_private_bytes(seed * 32))


KEY = fixed(ORIGIN, b"k")
WITNESS = fixed("witness.example/w1", b"w")
STRANGER = fixed("stranger.example", b"s")
HEAD = Checkpoint(ORIGIN, 20852163, bytes(range(32)))
NOTE = KEY.sign(HEAD, 1_700_000_000)


def open_here(raw: bytes, key: VerifierKey = KEY.verifier()) -> tuple[int, bytes]:  # noqa: B008  (keys are frozen)
    found = open_checkpoint(raw, key).checkpoint
    return found.size, found.root


def open_offline(raw: bytes, key: VerifierKey = KEY.verifier()) -> tuple[int, bytes]:  # noqa: B008
    found = offline.open_checkpoint(raw, offline.Key.parse(key.text()), [])
    return found.size, found.root


# The portal's parser and the auditor's are written apart; both must take and refuse the same.
BOTH = pytest.mark.parametrize("opened", [open_here, open_offline])
REFUSED = (NoteError, offline.NoteError)


def test_the_published_example_verifies() -> None:
    """The key and note of the C2SP paper on signed notes, made by another implementation."""
    key = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    line = (
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    opened, verified = open_note(f"{text}\n{line}".encode(), [key])
    assert opened == text
    assert [signature.key for signature in verified] == [key]


def test_a_checkpoint_comes_back_with_its_signed_time() -> None:
    found = open_checkpoint(NOTE.encode(), KEY.verifier())
    assert found.checkpoint == HEAD
    assert found.signed_at == 1_700_000_000
    again = offline.open_checkpoint(NOTE.encode(), offline.Key.parse(KEY.verifier().text()), [])
    assert (again.size, again.root, again.signed_at) == (HEAD.size, HEAD.root, 1_700_000_000)


def test_the_body_is_three_lines() -> None:
    body = NOTE.split("\n\n")[0].split("\n")
    assert body == [ORIGIN, "20852163", base64.b64encode(HEAD.root).decode()]


def test_witnesses_are_counted_only_when_known_and_valid() -> None:
    text = HEAD.text()
    cosigned = NOTE + notes.cosign(WITNESS, text, 1_700_000_001)
    known = WITNESS.verifier().timed()
    assert open_checkpoint(cosigned.encode(), KEY.verifier(), [known]).witnesses == ("witness.example/w1",)
    assert open_checkpoint(NOTE.encode(), KEY.verifier(), [known]).witnesses == ()
    assert open_checkpoint(cosigned.encode(), KEY.verifier()).witnesses == ()
    forged = NOTE + notes.cosign(WITNESS, text.replace("2085", "2086"), 1_700_000_001)
    with pytest.raises(NoteError, match="not valid"):
        open_checkpoint(forged.encode(), KEY.verifier(), [known])


def signature(key: SigningKey, text: str) -> str:
    return notes.signature_line(key.verifier(), key.private.sign(text.encode()))


TEXT = HEAD.text()
GOOD = signature(KEY, TEXT)
UNKNOWN = signature(STRANGER, TEXT)
SAME_NAME = notes.signature_line(
    fixed(ORIGIN, b"o").verifier(), KEY.private.sign(TEXT.encode())
)  # the right name under another key id


@BOTH
def test_signatures_of_unknown_keys_are_ignored_beside_a_good_one(opened: Opened) -> None:
    assert opened(f"{TEXT}\n{UNKNOWN}{GOOD}{SAME_NAME}".encode()) == (HEAD.size, HEAD.root)
    assert opened(f"{TEXT}\n{UNKNOWN * 15}{GOOD}".encode()) == (HEAD.size, HEAD.root)


def resigned(text: str) -> str:
    return f"{text}\n{signature(KEY, text)}"


ROOT = base64.b64encode(HEAD.root).decode()
BAD = {
    "unknown key only": f"{TEXT}\n{UNKNOWN}",
    "wrong key id only": f"{TEXT}\n{SAME_NAME}",
    "known key, bad signature": f"{TEXT.replace('2085', '2086')}\n{GOOD}",
    "one good, one bad of the same key": f"{TEXT}\n{GOOD}{signature(KEY, 'other')}",
    "no signature": f"{TEXT}\n",
    "no empty line": f"{TEXT}{GOOD}",
    "more signatures than the cap": f"{TEXT}\n{GOOD}{UNKNOWN * notes.MAX_SIGNATURES}",
    "too large": f"{TEXT}\n{GOOD}— {'x' * notes.MAX_NOTE_BYTES} AAAAAAAA\n",
    "trailing bytes": f"{TEXT}\n{GOOD}x",
    "trailing line": f"{TEXT}\n{GOOD}hello\n",
    "no last newline": f"{TEXT}\n{GOOD[:-1]}",
    "carriage returns": resigned(TEXT.replace("\n", "\r\n")),
    "carriage returns outside": f"{TEXT}\n{GOOD}".replace("\n", "\r\n"),
    "tab": resigned(TEXT.replace("2085", "20\t85")),
    "hyphen for the dash": f"{TEXT}\n{GOOD.replace('—', '-')}",
    "plus in the name": f"{TEXT}\n{GOOD}— a+b AAAAAAAA\n",
    "no name": f"{TEXT}\n{GOOD}—  AAAAAAAA\n",
    "short signature": f"{TEXT}\n{GOOD}— someone AAAA\n",
    "loose base64": f"{TEXT}\n{GOOD}— someone AAAAAAB=\n",
    "leading zero": resigned(TEXT.replace("2085", "02085")),
    "plus sign": resigned(TEXT.replace("2085", "+2085")),
    "negative": resigned(TEXT.replace("2085", "-2085")),
    "other digits": resigned(TEXT.replace("2", "２")),
    "huge size": resigned(TEXT.replace("20852163", "9" * 30)),
    "short root": resigned(TEXT.replace(ROOT, ROOT[:-4])),
    "root in other base64": resigned(TEXT.replace(ROOT, ROOT.replace("=", "") + " =")),
    "two lines": resigned("\n".join(TEXT.split("\n")[:2]) + "\n"),
    "empty line inside": resigned(TEXT.replace("\n20", "\n\n20")),
    "other origin": resigned(TEXT.replace("/test", "/staging")),
    "empty": "",
}


@BOTH
@pytest.mark.parametrize("name", BAD)
def test_a_bad_note_is_refused(opened: Opened, name: str) -> None:
    with pytest.raises(REFUSED):
        opened(BAD[name].encode())


@BOTH
def test_bytes_that_are_not_utf8_are_refused(opened: Opened) -> None:
    with pytest.raises(REFUSED, match="UTF-8"):
        opened(b"\xff" + NOTE.encode())


@BOTH
def test_a_checkpoint_of_another_environment_is_refused(opened: Opened) -> None:
    staging = SigningKey("portal.example/audit/staging", KEY.private)
    note = staging.sign(Checkpoint(staging.name, 5, bytes(32)), 1)
    with pytest.raises(REFUSED):
        opened(note.encode())


@BOTH
def test_the_time_is_signed(opened: Opened) -> None:
    moved = notes.cosign(KEY, TEXT, 1_700_000_000)
    raw = base64.b64decode(moved.split(" ")[2])
    later = raw[:4] + (1_800_000_000).to_bytes(8, "big") + raw[12:]
    line = f"— {ORIGIN} {base64.b64encode(later).decode()}\n"
    with pytest.raises(REFUSED):
        opened(f"{TEXT}\n{GOOD}{line}".encode())


def test_a_time_alone_is_no_signature_of_the_log() -> None:
    with pytest.raises(NoteError, match="own signature"):
        open_checkpoint(f"{TEXT}\n{notes.cosign(KEY, TEXT, 5)}".encode(), KEY.verifier())


@BOTH
@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_a_mutated_note_never_says_something_else(opened: Opened, data: st.DataObject) -> None:
    """Whatever bytes are changed, what still verifies says exactly what was signed."""
    raw = bytearray(NOTE.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        change = data.draw(st.sampled_from(["set", "delete", "insert", "repeat"]))
        if change == "set":
            raw[place] = data.draw(st.integers(0, 255))
        elif change == "delete":
            del raw[place]
        elif change == "insert":
            raw.insert(place, data.draw(st.integers(0, 255)))
        else:
            raw[place:place] = raw[place : place + data.draw(st.integers(1, 80))]
    try:
        said = opened(bytes(raw))
    except REFUSED:
        return
    assert said == (HEAD.size, HEAD.root)


def test_keys_survive_their_text_form() -> None:
    assert SigningKey.generate(ORIGIN).verifier() != SigningKey.generate(ORIGIN).verifier()
    assert VerifierKey.parse(KEY.verifier().text()) == KEY.verifier()
    assert VerifierKey.parse(KEY.verifier().timed().text()) == KEY.verifier().timed()
    assert SigningKey.parse(KEY.text() + "\n").verifier() == KEY.verifier()
    assert KEY.text() not in repr(KEY)


@pytest.mark.parametrize(
    "text",
    ["", "name", "name+00000000+AAAA", KEY.verifier().text().replace("/test", "/other"), KEY.verifier().text()[:-4]],
)
def test_a_damaged_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(text)
    with pytest.raises(offline.NoteError):
        offline.Key.parse(text)


@pytest.mark.parametrize("text", ["", KEY.verifier().text(), KEY.text().replace("/test", "/other"), KEY.text()[:-8]])
def test_a_damaged_signing_key_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(NoteError) as caught:
        SigningKey.parse(text)
    assert KEY.text()[-20:] not in str(caught.value)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "cosignature/v1", "line\nbreak"])
def test_a_log_needs_a_name_that_fits_in_a_note(name: str) -> None:
    with pytest.raises(NoteError):
        SigningKey.generate(name)


def test_a_key_signs_only_for_its_own_log() -> None:
    with pytest.raises(NoteError, match="does not sign"):
        KEY.sign(Checkpoint("other.example", 1, bytes(32)), 1)
