"""The Merkle tree of RFC 6962 and RFC 9162 over leaf hashes: roots, proofs and their verifiers.

Everything here is pure. Leaves come from a reader, so that a log of millions needs no list of them in memory.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_SIZE = 32
TILE = 1024
"""Subtrees of this many leaves and more are remembered; smaller ones are read again."""
CACHE_LIMIT = 200_000

Reader = Callable[[int, int], Iterable[bytes]]
"""Gives the leaf hashes `start` (included) to `stop` (excluded), in order, all of them or an error."""


def children(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The right-hand edge of a growing tree: the roots of its full subtrees, largest first.

    Appending n leaves costs n hashes however long the log is, and the root of each size on the way is at hand.
    """

    __slots__ = ("peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self.peaks = list(peaks)

    def copy(self) -> "CompactRange":
        return CompactRange(self.size, self.peaks)

    def append(self, leaf: bytes) -> None:
        self.peaks.append(leaf)
        self.size += 1
        rest = self.size
        while rest % 2 == 0:
            right = self.peaks.pop()
            self.peaks.append(children(self.peaks.pop(), right))
            rest //= 2

    def extend(self, leaves: Iterable[bytes]) -> None:
        for leaf in leaves:
            self.append(leaf)

    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = children(peak, node)
        return node


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes."""
    edge = CompactRange()
    edge.extend(leaves)
    return edge.root()


class Tree:
    """Roots and proofs for any size of one append-only list of leaves.

    Full subtrees never change, so a Tree that lives long answers from memory but for the last few leaves.
    """

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, size: int) -> bytes:
        return self._hash(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path of leaf `index` in the tree of `size` leaves, from the leaf upwards."""
        if not 0 <= index < size:
            raise ValueError(f"There is no leaf {index} in a tree of {size}.")
        path = []
        start, stop = 0, size
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                path.append(self._hash(middle, stop))
                stop = middle
            else:
                path.append(self._hash(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` leaves begins with the tree of `old` leaves."""
        if not 0 <= old <= new:
            raise ValueError(f"A tree of {old} leaves is no beginning of a tree of {new}.")
        path: list[bytes] = []
        start, stop, whole = 0, new, True
        while 0 < old - start < stop - start:
            middle = start + _split(stop - start)
            if old <= middle:
                path.append(self._hash(middle, stop))
                stop = middle
            else:
                path.append(self._hash(start, middle))
                start, whole = middle, False
        if old and not whole:
            path.append(self._hash(start, stop))
        return path[::-1]

    def _hash(self, start: int, stop: int) -> bytes:
        count = stop - start
        lasting = count >= TILE and count & (count - 1) == 0
        if lasting and (start, stop) in self._known:
            return self._known[start, stop]
        if count <= TILE:
            node = root_of(self._read(start, stop))
        else:
            middle = start + _split(count)
            node = children(self._hash(start, middle), self._hash(middle, stop))
        if lasting and len(self._known) < CACHE_LIMIT:
            self._known[start, stop] = node
        return node


def _split(count: int) -> int:
    """The largest power of two smaller than `count`, where RFC 6962 divides a tree."""
    return 1 << (count - 1).bit_length() - 1


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` proves that `leaf` stands at `index` of the tree with this size and root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _hashes(leaf, *path):
        return False
    position, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = children(sibling, node)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            node = children(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether `path` proves that the new tree begins with the old one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old <= new or not _hashes(old_root, new_root, *path):
        return False
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    return _fold_consistency(old, new, path, old_root, new_root)


def _fold_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    nodes = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not nodes or not path:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first = second = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            first, second = children(node, first), children(node, second)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            second = children(second, node)
        position, last = position >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
