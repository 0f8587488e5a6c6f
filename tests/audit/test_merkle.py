import hashlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.audit import canonical, merkle
from portal.audit.merkle import CompactRange, Tree, verify_consistency, verify_inclusion
from tools import signalbox_audit_verify as offline

DATA = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
LEAVES = [canonical.leaf_hash(bytes.fromhex(data)) for data in DATA]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
MANY = [canonical.leaf_hash(str(n).encode()) for n in range(66)]
# The portal's verifiers and the auditor's are written apart; both must say the same.
INCLUSION = [verify_inclusion, offline.verify_inclusion]
Inclusion = Callable[[bytes, int, int, Sequence[bytes], bytes], bool]
Consistency = Callable[[int, int, Sequence[bytes], bytes, bytes], bool]
CONSISTENCY = [verify_consistency, offline.verify_consistency]


def tree_of(leaves: list[bytes]) -> Tree:
    return Tree(lambda start, stop: leaves[start:stop])


def reference_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.children(reference_root(leaves[:k]), reference_root(leaves[k:]))


@pytest.mark.parametrize("size", range(9))
def test_roots_known_answers(size: int) -> None:
    assert merkle.root_of(LEAVES[:size]).hex() == ROOTS[size]
    assert tree_of(LEAVES).root(size).hex() == ROOTS[size]
    assert offline.root_of(LEAVES[:size]).hex() == ROOTS[size]


def test_a_growing_edge_gives_the_root_of_every_size() -> None:
    edge = CompactRange()
    for size, leaf in enumerate(MANY, start=1):
        before = edge.copy()
        edge.append(leaf)
        assert edge.root() == reference_root(MANY[:size])
        assert before.root() == reference_root(MANY[: size - 1])


def test_large_trees_agree_with_the_reference_and_are_read_once() -> None:
    leaves = [canonical.leaf_hash(str(n).encode()) for n in range(3 * merkle.TILE + 7)]
    read: list[int] = []

    def reader(start: int, stop: int) -> list[bytes]:
        read.append(stop - start)
        return leaves[start:stop]

    tree = Tree(reader)
    root = tree.root(len(leaves))
    assert root == reference_root(leaves)
    read.clear()
    path = tree.inclusion(1500, len(leaves))
    assert verify_inclusion(leaves[1500], 1500, len(leaves), path, root)
    assert sum(read) < 2 * merkle.TILE
    proof = tree.consistency(2049, len(leaves))
    assert verify_consistency(2049, len(leaves), proof, tree.root(2049), root)


@pytest.mark.parametrize("verify", INCLUSION)
def test_every_inclusion_proof_holds_and_no_forgery_does(verify: Inclusion) -> None:
    for size in range(1, 65):
        tree, root = tree_of(MANY), merkle.root_of(MANY[:size])
        for index in range(size):
            path = tree.inclusion(index, size)
            leaf = MANY[index]
            assert verify(leaf, index, size, path, root)
            forged = [
                (leaf, index, size, path[:-1], root),
                (leaf, index, size, [*path, MANY[0]], root),
                (leaf, index, size, [*path, path[-1]] if path else [root], root),
                (leaf, index + 1, size, path, root),
                (leaf, index - 1, size, path, root),
                (leaf, index, size, path, merkle.root_of(MANY[: size + 1])),
                (MANY[size], index, size, path, root),
                (leaf, size, size, path, root),
            ]
            if path[::-1] != path:
                forged.append((leaf, index, size, path[::-1], root))
            if not path:
                forged = [case for case in forged if case[3]] + [(MANY[1], index, size, [], root)]
            assert [case for case in forged if verify(*case)] == []


@pytest.mark.parametrize("verify", INCLUSION)
def test_an_inner_node_is_no_leaf(verify: Inclusion) -> None:
    inner = merkle.children(MANY[0], MANY[1])
    root = merkle.root_of(MANY[:4])
    shorter = [merkle.children(MANY[2], MANY[3])]
    # The hash itself proves its place only as what it is: the first of two leaves of another tree ...
    assert not verify(inner, 0, 4, shorter, root)
    # ... and no event has it as its leaf hash, for leaves carry another prefix.
    assert canonical.leaf_hash(MANY[0] + MANY[1]) != inner
    assert merkle.root_of([canonical.leaf_hash(MANY[0] + MANY[1]), shorter[0]]) != root


@pytest.mark.parametrize("verify", CONSISTENCY)
def test_every_consistency_proof_holds_and_no_forgery_does(verify: Consistency) -> None:
    roots = [merkle.root_of(MANY[:size]) for size in range(66)]
    tree = tree_of(MANY)
    for new in range(65):
        for old in range(new + 1):
            path = tree.consistency(old, new)
            assert verify(old, new, path, roots[old], roots[new])
            assert not verify(old, new, [*path, MANY[0]], roots[old], roots[new])
            # The empty tree begins every tree, whatever its root.
            assert old == 0 < new or not verify(old, new, path, roots[old], roots[new + 1])
            assert not verify(old, new, path, hashlib.sha256(b"other").digest(), roots[new])
            if path:
                assert not verify(old, new, path[:-1], roots[old], roots[new])
                assert not verify(old, new, path[1:], roots[old], roots[new])
                assert path[::-1] == path or not verify(old, new, path[::-1], roots[old], roots[new])
            assert not verify(new + 1, new, path, roots[old], roots[new])


@pytest.mark.parametrize("verify", CONSISTENCY)
def test_proofs_that_need_no_nodes_may_have_none(verify: Consistency) -> None:
    roots = [merkle.root_of(MANY[:size]) for size in range(66)]
    assert verify(0, 5, [], roots[0], roots[5])
    assert not verify(0, 5, [], roots[1], roots[5])
    assert not verify(0, 5, [roots[5]], roots[0], roots[5])
    assert not verify(5, 5, [roots[5]], roots[5], roots[5])
    assert not verify(5, 5, [], roots[4], roots[5])
    assert not verify(4, 5, [], roots[4], roots[5])
    assert not verify(-1, 5, [], roots[4], roots[5])


@pytest.mark.parametrize("verify", INCLUSION)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_mutated_inclusion_proof_is_refused(verify: Inclusion, data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 65))
    index = data.draw(st.integers(0, size - 1))
    path = tree_of(MANY).inclusion(index, size)
    root = merkle.root_of(MANY[:size])
    place = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 255))
    changed = bytearray(path[place])
    changed[bit // 8] ^= 1 << bit % 8
    assert not verify(MANY[index], index, size, [*path[:place], bytes(changed), *path[place + 1 :]], root)
    assert not verify(MANY[index], index, size, [*path[:place], path[place][:-1], *path[place + 1 :]], root)
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
    assert not verify(MANY[index], other, size, path, root)


def test_asking_for_what_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="no leaf 4"):
        tree_of(MANY).inclusion(4, 4)
    with pytest.raises(ValueError, match="no beginning"):
        tree_of(MANY).consistency(5, 4)
