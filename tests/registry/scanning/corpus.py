"""Files that run code when they are loaded, in every wrapping known to have fooled a scanner, with inert arguments.

Each is bytes put together by hand: nothing here is ever loaded.
"""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

CLEAN = pickle.dumps({"weights": [1.0, 2.0], "name": "clean"})
KNOWN = [("os", "system"), ("posix", "system"), ("builtins", "eval")]
GADGETS = [
    ("torch.utils.collect_env", "run"),
    ("multiprocessing.util", "spawnv_passfds"),
    ("mlflow.projects.backend.local", "_run_entry_point"),
    ("pandas.io.parsers.readers", "read_csv"),
    ("_osx_support", "_read_output"),
    ("uuid", "_get_command_stdout"),
    ("numpy.f2py.crackfortran", "getlincoef"),
    ("numpy.f2py.crackfortran", "myeval"),
    ("pydoc", "locate"),
    ("pydoc", "pipepager"),
    ("timeit", "timeit"),
    ("idlelib.run", "Executive.runcode"),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
    ("operator", "methodcaller"),
    ("functools", "partial"),
    ("torch.jit.unsupported_tensor_ops", "execWrapper"),
    ("torch.hub", "load"),
    ("sklearn.utils._testing", "run_python_script_in_subprocess"),
    ("numpy.testing._private.utils", "runstring"),
    ("ensurepip", "_run_pip"),
    ("some_package.of_its_author", "Loader"),
]


def gadget(module: str = "posix", name: str = "system", argument: str = "echo inert") -> bytes:
    """A pickle of protocol 4 that would call `module.name(argument)`."""
    strings = b"".join(b"\x8c" + bytes([len(one)]) + one.encode() for one in (module, name))
    called = b"\x8c" + bytes([len(argument)]) + argument.encode()
    return b"\x80\x04" + strings + b"\x93" + called + b"\x85R."


def text_gadget(module: str = "os", name: str = "system") -> bytes:
    """The same in protocol 0, which is plain text."""
    return f"c{module}\n{name}\n(S'echo inert'\ntR.".encode()


def hidden() -> bytes:
    """An import whose name is put together while it is loaded."""
    return b"\x80\x04\x8c\x05posix\x8c\x08builtins\x8c\x03str\x93\x8c\x06system\x85R\x93\x8c\x04echo\x85R."


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return out.getvalue()


def tarred(members: dict[str, bytes], mode: Any = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, body in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    return out.getvalue()


def torch_zip(body: bytes) -> bytes:
    return zipped({"archive/data.pkl": body, "archive/version": b"3\n", "archive/data/0": bytes(range(8))})


def flagged(body: bytes) -> bytes:
    """Torch's loader ignores the flag that says "encrypted"; others give up."""
    raw = bytearray(torch_zip(body))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def renamed_in_header(body: bytes) -> bytes:
    """The local header has another name than the list of members."""
    raw = bytearray(torch_zip(body))
    raw[30 : 30 + len("archive/data.pkl")] = b"archive/date.pkl"
    return bytes(raw)


def wrong_checksum(body: bytes) -> bytes:
    """Both headers agree on a checksum that the bytes do not have."""
    raw = bytearray(torch_zip(body))
    for at in (14, raw.index(b"PK\x01\x02") + 16):
        raw[at : at + 4] = b"\x01\x02\x03\x04"
    return bytes(raw)


def object_array(body: bytes) -> bytes:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def keras_lambda() -> bytes:
    config = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Lambda", "config": {}}]}}
    return zipped({"config.json": json.dumps(config).encode(), "metadata.json": b"{}", "model.weights.h5": b"\x89HDF"})


def skops_calling(loader: str, module: str, name: str) -> bytes:
    node = {"__class__": name, "__module__": module, "__loader__": loader, "content": {}, "__id__": 1}
    return zipped({"schema.json": json.dumps({**node, "protocol": 2, "_skops_version": "0.16"}).encode()})


def external_onnx() -> bytes:
    """A model whose one tensor says that its weights lie in `../../etc/passwd`."""
    entry = field(1, b"location") + field(2, b"../../etc/passwd")
    tensor = field(8, b"w") + field(13, entry) + b"\x70\x01"
    return b"\x08\x08" + field(7, field(5, tensor)) + field(8, b"\x10\x11")


def field(number: int, body: bytes) -> bytes:
    return bytes([number << 3 | 2, len(body)]) + body


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.compress,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def dangerous() -> Iterator[tuple[str, bytes]]:
    """File name and bytes of everything that must never be called clean."""
    for module, name in [*KNOWN, *GADGETS]:
        yield f"{module}.{name}.pkl", gadget(module, name)
    for suffix in ("bin", "model", "txt", "json", "safetensors", "onnx", "npy"):
        yield f"renamed.{suffix}", gadget()
    yield "no_name_at_all", gadget()
    yield "text.txt", text_gadget()
    yield "text.csv", text_gadget() + b"\nand,more\n"
    yield "old.pkl", text_gadget("__builtin__", "eval")
    yield "instance.pkl", b"(S'echo inert'\nios\nsystem\n."
    yield "object.pkl", b"(cos\nsystem\nS'echo inert'\no."
    yield "hidden.pkl", hidden()
    yield "climbing.pkl", gadget("numpy", "os.system")
    yield "number.pkl", b"\x80\x02\x82\x01."
    yield "second.pkl", CLEAN + gadget()
    yield "behind_rubbish.pkl", CLEAN + b"\xff\xff" + gadget()
    yield "cut.pkl", gadget()[:-2]
    for packing, pack in PACKINGS.items():
        yield f"joblib.{packing}", pack(gadget())
        yield f"second.{packing}", pack(CLEAN) + pack(gadget())
    yield "twice.gz", gzip.compress(bz2.compress(gadget()))
    yield "torch.pt", torch_zip(gadget())
    yield "flagged.pt", flagged(gadget())
    yield "renamed_in_header.pt", renamed_in_header(gadget())
    yield "wrong_checksum.pt", wrong_checksum(gadget())
    yield "before.zip", gadget() + torch_zip(CLEAN)
    yield "deflated.zip", zipped({"a.bin": gadget()}, zipfile.ZIP_DEFLATED)
    yield "nested.zip", zipped({"inner.zip": zipped({"deep.dat": gadget()})})
    yield "deep.zip", _nested(gadget(), 8)
    yield "array.npy", object_array(gadget())
    yield "arrays.npz", zipped({"a.npy": object_array(gadget())})
    yield "lambda.keras", keras_lambda()
    yield "pickle_inside.keras", zipped({"config.json": b"{}", "metadata.json": b"{}", "assets/x.pkl": gadget()})
    yield "bundle.tar", tarred({"model.dat": gadget()}, "w:")
    yield "bundle.tar.gz", tarred({"model.dat": gadget()})
    yield "named.tar", tarred({"cos\nsystem\n(S'echo inert'\ntR.": b"x"}, "w:")
    yield "method.skops", skops_calling("MethodNode", "builtins", "str")
    yield "operator.skops", skops_calling("OperatorFuncNode", "operator", "methodcaller")
    yield "function.skops", skops_calling("FunctionNode", "os", "system")
    yield "own_class.skops", skops_calling("ObjectNode", "of_its_author", "Model")
    yield "outside.onnx", external_onnx()
    yield "loader.py", b"import os\nos.system('echo inert')\n"
    yield "script", b"#!/bin/sh\necho inert\n"
    yield "library.so", b"\x7fELF" + bytes(60)
    yield "tag.yaml", b"!!python/object/apply:os.system ['echo inert']\n"


def _nested(body: bytes, depth: int) -> bytes:
    for _ in range(depth):
        body = zipped({"inner.zip": body})
    return body


def attacks() -> Iterator[tuple[str, bytes, str]]:
    """Archives that attack whoever unpacks them: file name, bytes, and the rule that names it."""
    yield "climbs.zip", zipped({"../x": b"1"}), "archive.path"
    yield "absolute.zip", zipped({"/etc/x": b"1"}), "archive.path"
    yield "drive.zip", zipped({"C:x": b"1"}), "archive.path"
    yield "dot.zip", zipped({"a/b.": b"1"}), "archive.path"
    yield "climbs.tar", tarred({"../x": b"1"}, "w:"), "archive.path"
    yield "case.zip", zipped({"Model": b"1", "model": b"2"}), "archive.twice"
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        yield f"link{kind.decode()}.tar", _linked(kind), "archive.link"
    yield "link.zip", _linked_zip(), "archive.link"
    yield "flagged.pt", flagged(CLEAN), "archive.trick"
    yield "renamed_in_header.pt", renamed_in_header(CLEAN), "archive.trick"
    yield "wrong_checksum.pt", wrong_checksum(CLEAN), "archive.trick"
    yield "hidden.zip", _gap(), "archive.trick"
    yield "between.zip", _between(), "archive.trick"
    yield "overlap.zip", _overlap(), "archive.trick"
    yield "sizes.zip", _lies(), "archive.trick"
    yield "bomb.gz", _bomb(), "archive.bomb"
    yield "bomb.zip", zipped({"zeros": bytes(100 * 1024**2)}, zipfile.ZIP_DEFLATED), "archive.bomb"


def _linked(kind: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:") as archive:
        entry = tarfile.TarInfo("innocent")
        entry.type, entry.linkname = kind, "/etc/passwd"
        archive.addfile(entry)
    return out.getvalue()


def _linked_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("innocent")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")
    return out.getvalue()


def _gap() -> bytes:
    """Bytes of a pickle between the last member and the list of members."""
    raw = zipped({"a": b"1"})
    at = raw.index(b"PK\x01\x02")
    end = bytearray(raw[at:])
    where = end.index(b"PK\x05\x06") + 16
    body = gadget()
    end[where : where + 4] = struct.pack("<L", at + len(body))
    return raw[:at] + body + bytes(end)


def _between() -> bytes:
    """Bytes of a pickle between two members, every offset in the list right."""
    raw, body = zipped({"a": b"1", "b": b"2"}), gadget()
    at, listed = raw.rindex(b"PK\x03\x04"), raw.index(b"PK\x01\x02")
    tail = bytearray(raw[listed:])
    second, end = tail.rindex(b"PK\x01\x02"), tail.index(b"PK\x05\x06")
    tail[second + 42 : second + 46] = struct.pack("<L", at + len(body))
    tail[end + 16 : end + 20] = struct.pack("<L", listed + len(body))
    return raw[:at] + body + raw[at:listed] + bytes(tail)


def _overlap() -> bytes:
    """Two members in the list that are the same bytes."""
    raw = zipped({"aa": b"12345", "bb": b"12345"})
    listed = bytearray(raw)
    second = raw.rindex(b"PK\x01\x02")
    listed[second + 42 : second + 46] = struct.pack("<L", 0)
    return bytes(listed)


def _lies() -> bytes:
    """The local header claims another size than the list."""
    raw = bytearray(zipped({"a": b"12345"}))
    raw[22:26] = struct.pack("<L", 4)
    return bytes(raw)


def _bomb() -> bytes:
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(pack.compress(bytes(1024**2)) for _ in range(1024)) + pack.flush()


def harmless() -> Iterator[tuple[str, bytes]]:
    """What has to come out clean: formats that hold only data, and a pickle of listed names."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    array = io.BytesIO()
    np.save(array, np.arange(6.0).reshape(2, 3))
    tensors = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    tensors += b" " * (-len(tensors) % 8)
    yield "model.safetensors", struct.pack("<Q", len(tensors)) + tensors + bytes(8)
    yield "array.npy", array.getvalue()
    yield "arrays.npz", zipped({"a.npy": array.getvalue()}, zipfile.ZIP_DEFLATED)
    yield "plain.pkl", CLEAN
    yield "arrays.pkl", pickle.dumps({"w": np.arange(3.0), "k": np.float64(2)})
    yield "old.pkl", pickle.dumps({"w": np.arange(3.0), "s": {1, 2}}, protocol=2)
    yield "estimator.pkl", pickle.dumps(LogisticRegression().fit([[0.0], [1.0]], [0, 1]))
    yield "packed.pkl.gz", gzip.compress(CLEAN)
    yield "torch.pt", torch_zip(CLEAN)
    yield "bundle.tar.gz", tarred({"notes.txt": b"hello\n", "a.npy": array.getvalue()})
    yield "model.onnx", b"\x08\x08" + field(7, field(1, field(4, b"Add"))) + field(8, b"\x10\x11")
    yield "xgboost.json", b'{"learner": {}, "version": [2, 1, 0]}'
    yield "model.lgb", b"tree\nversion=v4\nnum_class=1\n"
    yield "conda.yaml", b"channels:\n- conda-forge\ndependencies:\n- python=3.11\n"
    yield "README.md", "Verspätung, größer als 15 Minuten.\n".encode()
    yield "empty", b""
