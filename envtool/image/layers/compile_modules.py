"""A program for any Python 3.8 or later: compiles modules on all cores. Arguments: a list of modules, and a folder.

Each line of the list is a JSON array: what the module is called in the image, the file that has its source, and, where
that is a wheel, where in it the source is: offset, bytes there, and method (APPNOTE.TXT 4.3.7, 4.4.5). Into the folder
go, for each core, a file with the bytecode of one module after the other, and an index of their names and sizes.

The bytecode is what `compileall --invalidation-mode unchecked-hash` makes (PEP 552). It is run by the interpreter that
the bytecode is for, and imports nothing of envtool.
"""

import importlib.util
import json
import marshal
import os
import struct
import sys
import warnings
import zlib
from types import CodeType

# Bytecode with a hash of its source, which is not held against that.
_HEAD = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
_LOCAL_HEADER = struct.Struct("<26xHH")


def main(listing: str, folder: str) -> int:
    """Compile; the exit status is 0 where every module could be."""
    warnings.simplefilter("ignore")
    # Strings of one letter are there once in a process; marshal tells whether somebody has interned them.
    for number in range(256):
        sys.intern(chr(number))
    sys.intern("")
    with open(listing, encoding="utf-8") as stream:
        rows = stream.read().splitlines()
    cores = os.cpu_count() or 1
    others = []
    for number in range(1, cores):
        child = os.fork()
        if child == 0:
            os._exit(_compile_all(rows[number::cores], f"{folder}/{number}"))
        others.append(child)
    failed = [_compile_all(rows[::cores], f"{folder}/0"), *(os.waitpid(child, 0)[1] for child in others)]
    return 1 if any(failed) else 0


def _compile_all(rows: "list[str]", target: str) -> int:
    status = 0
    with open(target, "wb") as bytecode, open(f"{target}.index", "w", encoding="utf-8") as index:
        for row in rows:
            name, path, *place = json.loads(row)
            try:
                data = _compile_module(name, _read_source(path, *place))
            except Exception as error:
                sys.stderr.write(f"{name}: {error}\n")
                status = 1
                continue
            bytecode.write(data)
            index.write(json.dumps([importlib.util.cache_from_source(name), len(data)]) + "\n")
    sys.stderr.flush()
    return status


def _read_source(path: str, offset: "int | None" = None, size: int = 0, method: int = 0) -> bytes:
    with open(path, "rb") as stream:
        if offset is None:
            return stream.read()
        stream.seek(offset)
        name, extra = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
        stream.seek(name + extra, os.SEEK_CUR)
        data = stream.read(size)
        return zlib.decompress(data, -15) if method else data


def _compile_module(name: str, source: bytes) -> bytes:
    code = compile(source, name, "exec", dont_inherit=True)
    # marshal marks what has more than one reference, and a string has others wherever this process happens to use the
    # same one. With one more for all of them, the bytes depend on nothing but the source.
    held = _list_strings(code)
    data = marshal.dumps(code)
    del held
    return _HEAD + importlib.util.source_hash(source) + data


def _list_strings(code: CodeType) -> "list[str]":
    """The strings that a code object has, and its constants have."""
    found = []
    values: list[object] = [code]
    while values:
        value = values.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, (tuple, frozenset)):
            values.extend(value)
        elif isinstance(value, CodeType):
            found += (*value.co_names, *value.co_varnames, *value.co_cellvars, *value.co_freevars)
            found += (value.co_name, value.co_filename, getattr(value, "co_qualname", ""))
            values.extend(value.co_consts)
    return found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
