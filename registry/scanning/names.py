"""Which names a file may have imported for it: a list of what only builds data, and what is known to be a weapon.

What is on neither list is not known. The list of estimators holds classes of scikit-learn whose constructors only keep
their arguments; it was taken from the types skops trusts, and is read with each change of skops.
"""

import _compat_pickle
from pathlib import Path
from typing import Final, Literal

from serving.formats import HARMLESS_TYPES


def listed(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


Answer = Literal["allowed", "forbidden", "unlisted"]

ESTIMATORS: Final = listed((Path(__file__).parent / "estimators.txt").read_text()) | HARMLESS_TYPES

SCALARS: Final = frozenset(
    f"numpy.{name}"
    for name in listed(
        "bool bool_ bytes_ str_ void float16 float32 float64 longdouble complex64 complex128 clongdouble int8 int16 "
        "int32 int64 intc longlong uint8 uint16 uint32 uint64 uintc ulonglong datetime64 timedelta64"
    )
)

BUILTINS: Final = frozenset(
    f"builtins.{name}"
    for name in listed("bool bytearray bytes complex dict float frozenset int list object range set slice str tuple")
)

PICKLED: Final = (
    ESTIMATORS
    | SCALARS
    | BUILTINS
    | {
        "_codecs.encode",
        "collections.OrderedDict",
        "collections.defaultdict",
        "copyreg._reconstructor",
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
        "datetime.timezone",
        "decimal.Decimal",
        "numpy.core.multiarray._reconstruct",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray._reconstruct",
        "numpy._core.multiarray.scalar",
        "numpy._core.numeric._frombuffer",
        "numpy.core.numeric._frombuffer",
        "numpy.dtype",
        "numpy.ndarray",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "torch._utils._rebuild_parameter",
        "torch._utils._rebuild_tensor_v2",
        "torch.serialization._get_layout",
        "torch.Size",
        *(f"torch.{kind}Storage" for kind in listed("BFloat16 Bool Byte Char Double Float Half Int Long Short")),
    }
)
"""Neither does more than make data of the arguments it is given, whatever these are."""

SKOPS: Final = (
    ESTIMATORS
    | SCALARS
    | BUILTINS
    | {
        "builtins.NoneType",
        "collections.OrderedDict",
        "collections.defaultdict",
        "numpy.dtype",
        "numpy.ma.MaskedArray",
        "numpy.matrix",
        "numpy.ndarray",
        "numpy.random._generator.Generator",
        "numpy.random.mtrand.RandomState",
        *(f"numpy.random.{name}" for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")),
        *(f"scipy.sparse._{kind}.{kind}_{what}" for kind in ("csr", "csc", "coo") for what in ("matrix", "array")),
    }
)

FORBIDDEN_MODULES: Final = listed(
    "os posix nt posixpath ntpath subprocess _posixsubprocess pty commands popen2 sys shutil socket _socket ssl "
    "asyncio http urllib urllib2 urllib3 httplib requests httpx aiohttp ftplib smtplib telnetlib poplib imaplib xmlrpc "
    "pkgutil webbrowser runpy code codeop pdb bdb cProfile profile timeit trace doctest pydoc importlib imp zipimport "
    "ctypes _ctypes cffi multiprocessing concurrent threading _thread signal resource pickle _pickle cPickle dill "
    "marshal shelve inspect gc glob fileinput mmap fcntl platform sysconfig _osx_support distutils setuptools pip "
    "ensurepip venv idlelib lib2to3 ctags nturl2path faulthandler linecache tracemalloc site sqlite3 _sqlite3 test "
    "unittest antigravity this"
)
"""No data needs anything of these; each has been a way to run commands, read files or reach the network."""

FORBIDDEN_BUILTINS: Final = listed(
    "__import__ eval exec execfile compile open input breakpoint getattr setattr delattr globals locals vars apply "
    "file reload help exit quit"
)

FORBIDDEN_NAMES: Final = listed(
    "__import__ eval exec execfile system popen spawn spawnv_passfds fork execv execve execl execvp attrgetter "
    "methodcaller call_method __getattribute__ __builtins__ __subclasses__ __globals__ f2py run_entry_point "
    "_run_entry_point exec_command runstring getlincoef load_module run_path run_module read_pickle read_csv load "
    "loads CodeType FunctionType FileIO _get_command_stdout"
)
"""Whatever module they are in."""


def answer(module: str, name: str, listed: frozenset[str] = PICKLED) -> Answer:
    """What an import of `name` from `module` is taken for, under its names in Python 2 and 3."""
    pairs = {(module, name), _today(module, name)}
    if any(f"{where}.{what}" in listed for where, what in pairs):
        return "allowed"
    if any(_forbidden(where, what) for where, what in pairs):
        return "forbidden"
    return "unlisted"


def _today(module: str, name: str) -> tuple[str, str]:
    """Where old pickles' names are found now; the unpickler does the same."""
    pair = _compat_pickle.NAME_MAPPING.get((module, name))
    return pair or (_compat_pickle.IMPORT_MAPPING.get(module, module), name)


def _forbidden(module: str, name: str) -> bool:
    parts = name.split(".")
    if module.split(".")[0] in FORBIDDEN_MODULES or FORBIDDEN_NAMES & set(parts):
        return True
    if module in ("builtins", "__builtin__") and name in FORBIDDEN_BUILTINS:
        return True
    # A dotted name climbs through a harmless module to one that is not: numpy's `os.system`.
    return len(parts) > 1 and bool(FORBIDDEN_MODULES & set(parts))
