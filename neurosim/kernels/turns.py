"""Processes that share a cache of compiled code take turns: one compiles a function, the others wait and load it.

Numba's cache has no lock of its own: of two processes that add to the index of one function at once, each may be given
the code of the other, and all compile what one could have compiled for all.  The lock is a byte of one file, another byte
for each function (POSIX record locks: they end with their process, and work on network file systems).  Knows files only.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from numba.core.compiler_lock import global_compiler_lock

try:
    import fcntl
except ImportError:  # pragma: no cover - systems without record locks: nobody waits
    fcntl = None  # type: ignore[assignment]

NAME = "turns.lock"
_files: dict[Path, int] = {}  # descriptors, never closed: to close one would give up all locks of the file
_inside: Counter[tuple[Path, int]] = Counter()  # (folder, byte): how deep this process is


@contextmanager
def turn(folder: Path, name: str) -> Iterator[None]:
    """Keep other processes, and other threads that compile, out of this name in this folder; it nests."""
    byte = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=3).digest(), "little")
    place = folder, byte
    with global_compiler_lock:  # before the other, or two processes with threads could wait for each other
        if not _inside[place]:
            _set("LOCK_EX", *place)
        _inside[place] += 1
        try:
            yield
        finally:
            _inside[place] -= 1
            if not _inside[place]:
                _set("LOCK_UN", *place)


def _set(kind: str, folder: Path, byte: int) -> None:
    """Lock or unlock the byte; a file system that cannot, or a circle of processes that wait, means no turns, as without this file."""
    if fcntl is None:  # pragma: no cover
        return  # type: ignore[unreachable]
    with suppress(OSError):
        if folder not in _files:
            folder.mkdir(parents=True, exist_ok=True)
            _files[folder] = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.lockf(_files[folder], getattr(fcntl, kind), 1, byte)


def _begin_as_child() -> None:
    """A forked child holds no lock of its parent."""
    _inside.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_as_child)
