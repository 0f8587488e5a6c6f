import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.audit import canonical
from portal.audit.canonical import NotCanonicalError

SAFE = canonical.LARGEST_SAFE_INTEGER
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-SAFE, SAFE) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_what_is_encoded_is_its_own_canonical_spelling(value: Any) -> None:
    raw = canonical.encode(value)
    assert canonical.encode(canonical.check(raw)) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b"NaN",
        b"[Infinity]",
        b"-Infinity",
        b"1e999",
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b"9007199254740993",
        b"-9007199254740993",
        b"36893488147419103232",
        b"10000000000000000000000",
        b"1" + b"0" * 5000,
        b'"\xff"',
        b"\xef\xbb\xbf1",
        b'"\x01"',
        b"",
        b"{",
        b"1 2",
        b"[" * 100_000,
    ],
)
def test_json_that_two_readers_could_understand_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(NotCanonicalError):
        canonical.parse(raw)


@pytest.mark.parametrize(
    "raw",
    [b"1.0", b"1e2", b"-0", b"[1, 2]", b'{"b":1,"a":2}', b'"\\u0041"', b'"\\/"', b" 1"],
)
def test_another_spelling_of_the_same_value_is_not_canonical(raw: bytes) -> None:
    canonical.parse(raw)
    with pytest.raises(NotCanonicalError):
        canonical.check(raw)


@pytest.mark.parametrize("value", [math.nan, math.inf, SAFE + 1, -SAFE - 1, "\ud800", {"\ud800": 1}, {1: 2}, object()])
def test_values_without_canonical_json_are_refused_at_the_source(value: Any) -> None:
    with pytest.raises(NotCanonicalError):
        canonical.encode(value)


def test_a_value_nested_too_deeply_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(NotCanonicalError):
        canonical.encode(value)


@pytest.mark.parametrize("number", [1e16, 9007199254740992.0, 1e17, 295147905179352830000.0, -1e20])
def test_large_floats_survive_as_rfc_8785_prints_them(number: float) -> None:
    raw = canonical.encode(number)
    assert canonical.check(raw) == number


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    assert canonical.encode({"\U0001f600": 1, "\ufb33": 2, "a": 3}) == '{"a":3,"\U0001f600":1,"\ufb33":2}'.encode()


def test_leaf_hash_and_commitment_known_answers() -> None:
    assert canonical.leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    # sha256 of 32 zero bytes and "abc", from sha256sum
    assert (
        canonical.commitment(bytes(32), "abc").hex()
        == "365aa7d8f7f9402c4b9434502b4cc89ddb09fe50d7cd95b493b834c62d5a5370"
    )


def test_commitments_are_found_wherever_they_stand() -> None:
    one, two, three = "1" * 64, "2" * 64, "3" * 64
    event = {"a": {"c": one}, "list": [{"c": two}, {"x": {"c": three}}], "c": "4" * 64, "d": {"c": "short"}}
    assert canonical.commitments(event) == {one, two, three}
