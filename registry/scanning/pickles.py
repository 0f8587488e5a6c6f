"""Reads a pickle's instructions without carrying any out: what it imports, on a stack of strings and unknowns.

Several pickles may stand one after the other. What cannot be followed to its last byte is not known; an import whose
name is hidden is as bad as a forbidden one.
"""

import pickletools
import re
from typing import Any, Final

from registry.scanning import names
from registry.scanning.parts import Look, Part

OPAQUE: Final = object()
MARK: Final = object()
TEXTS: Final = names.listed("STRING BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8")
PUTS: Final = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
GETS: Final = frozenset({"GET", "BINGET", "LONG_BINGET"})
CALLS: Final = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "STOP"})
EXTENSIONS: Final = frozenset({"EXT1", "EXT2", "EXT4"})
PLAIN: Final = re.compile(r"[A-Za-z_][\w.]{0,200}")
HEADS: Final = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))
MOST_PICKLES = 1_000
PROBED = 65_536
# Names of weapons as they stand in a stream that cannot be followed: as GLOBAL, INST or a short string.
RAW: Final = re.compile(
    rb"[ci](?:os|posix|nt|subprocess|builtins|__builtin__|sys|socket|runpy|importlib|pty)\n[A-Za-z_.]+\n"
    rb"|\x8c.(?:posix|nt|os|subprocess|runpy|importlib|pty)\x94?\x8c|\x8c.(?:eval|exec|__import__|getattr)\x94?\x93",
    re.DOTALL,
)


def is_pickle(head: bytes) -> bool:
    """By its first bytes, for protocols 2 to 5; older ones are text and are `probe`d."""
    return head[:2] in HEADS


def probe(head: bytes) -> bool:
    """Whether an unpickler that was given these bytes would import and call something, whatever else they are.

    It carries out instructions until one fails, so a pickle may be the beginning of anything.
    """
    imported = False
    try:
        for op, argument, _ in pickletools.genops(head):
            if op.name in ("GLOBAL", "INST"):
                module, _, name = str(argument).partition(" ")
                if not (PLAIN.fullmatch(module) and PLAIN.fullmatch(name)):
                    return False
                imported = True
            imported = imported or op.name == "STACK_GLOBAL"
            if imported and op.name in CALLS:
                return True
    except Exception:
        return False
    return False


def read(look: Look, part: Part, *, persistent: bool = False) -> str:
    """All pickles of the part. `persistent` allows the references by which torch names the storages beside it."""
    file = part.file()
    for number in range(MOST_PICKLES):
        at = file.tell()
        if at >= part.size:
            return "pickle"
        if number and not _another(part, at):
            _rest(look, part, at, "pickle.trailing", f"{part.size - at} bytes follow its last instruction")
            return "pickle"
        walk = _Walk(look, part, persistent)
        try:
            for op, argument, _ in pickletools.genops(file):
                walk.step(op, argument)
        except Exception as error:
            _rest(look, part, at, "pickle.unreadable", f"Its instructions cannot be followed: {type(error).__name__}")
            return "pickle"
    look.note(part, "pickle.trailing", f"It holds more than {MOST_PICKLES} pickles.")
    return "pickle"


def _another(part: Part, at: int) -> bool:
    head = part.read(at, PROBED)
    return is_pickle(head) or probe(head)


def _rest(look: Look, part: Part, at: int, rule: str, why: str) -> None:
    """What could not be followed is searched for the names of weapons, and stays unknown without one."""
    kept = b""
    for offset in range(at, part.size, PROBED):
        block = part.read(offset, PROBED)
        if RAW.search(kept + block):
            look.note(part, "pickle.forbidden_import", "Behind what can be followed it names what runs commands.")
            break
        kept = block[-300:]
    look.note(part, rule, f"{why}.")


class _Walk:
    """One pickle, instruction by instruction."""

    def __init__(self, look: Look, part: Part, persistent: bool) -> None:
        self.look, self.part, self.persistent = look, part, persistent
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, op: pickletools.OpcodeInfo, argument: Any) -> None:
        """Follow one instruction. Raises IndexError where the stack does not hold what it takes."""
        name = op.name
        if name in TEXTS:
            self.stack.append(argument)
        elif name == "MARK":
            self.stack.append(MARK)
        elif name in PUTS or name == "MEMOIZE":
            self.memo[len(self.memo) if name == "MEMOIZE" else int(argument)] = self.stack[-1]
        elif name in GETS:
            self.stack.append(self.memo[int(argument)])
        elif name == "DUP":
            self.stack.append(self.stack[-1])
        elif name == "STACK_GLOBAL":
            what, module = self.stack.pop(), self.stack.pop()
            self._imported(module, what)
        else:
            self._other(op, argument)

    def _other(self, op: pickletools.OpcodeInfo, argument: Any) -> None:
        if op.name in ("GLOBAL", "INST"):
            if op.name == "INST":
                self._to_mark()
            module, _, what = str(argument).partition(" ")
            self._imported(module, what)
            return
        if op.name in EXTENSIONS:
            self.look.note(self.part, "pickle.unlisted_import", "It imports by a number that only its loader knows.")
        if op.name in ("PERSID", "BINPERSID") and not self.persistent:
            self.look.note(self.part, "pickle.unlisted_import", "It names objects that only its loader knows.")
        self._generic(op)

    def _generic(self, op: pickletools.OpcodeInfo) -> None:
        """Any other instruction, by what it takes from the stack and leaves on it."""
        before = list(op.stack_before)
        if pickletools.markobject in before:
            self._to_mark()
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            if self.stack.pop() is MARK and op.name != "POP":
                raise IndexError("a mark where a value should be")
        self.stack += [OPAQUE] * len(op.stack_after)

    def _to_mark(self) -> None:
        while self.stack.pop() is not MARK:
            pass

    def _imported(self, module: Any, name: Any) -> None:
        self.stack.append(OPAQUE)
        if not (isinstance(module, str) and isinstance(name, str)):
            self.look.note(self.part, "pickle.hidden_import", "It imports something whose name it hides.")
            return
        shown = f"{module}.{name}"[:200]
        match names.answer(module, name):
            case "forbidden":
                self.look.note(
                    self.part, "pickle.forbidden_import", f"Loading it imports {shown}, which no data needs."
                )
            case "unlisted":
                self.look.note(self.part, "pickle.unlisted_import", f"Loading it imports {shown}, which is not listed.")
