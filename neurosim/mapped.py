"""Arrays that lie in files: a folder that lends disk to one network while it lives.  Knows files and arrays only.

Disk stands in for memory; it is no save.  The files are reserved in full before they are written (a full disk is an error here,
not a crash in a kernel), mapped into memory, and removed when the network is closed, forgotten, or the program ends.  What a
killed program leaves behind is removed by the next one that is given the folder.
"""

import contextlib
import errno
import json
import math
import mmap
import os
import shutil
import weakref
from pathlib import Path
from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.errors import ParameterError, RunError

try:
    import fcntl
except ImportError:  # pragma: no cover
    fcntl = None  # type: ignore[assignment]

MARK = "neurosim-store.json"


class Store:
    """A folder for the columns of all pools of one network.

    Parameters
    ----------
    path : str or path
        New or empty folder, or one that a program left behind when it was killed.

    Raises
    ------
    ParameterError
        The folder holds something else, or belongs to a network that lives.

    Notes
    -----
    `above` is a folder that goes with the last of the stores in it.
    """

    def __init__(self, path: str | os.PathLike[str], *, above: Path | None = None) -> None:
        self.path = Path(path).absolute()
        self._made = _prepare(self.path)
        self._number = 0
        mark = os.open(self.path / MARK, os.O_RDWR | os.O_CREAT, 0o644)
        if not _lock(mark):
            os.close(mark)
            raise ParameterError(
                f"Network.store: {str(path)!r} belongs to another network that is alive; name another folder, or close that network"
            )
        for left in self.path.glob("pool*"):  # of a program that was killed
            shutil.rmtree(left, ignore_errors=True)
        text = {
            "kind": "neurosim store, no save: synapses of a running program",
            "pid": os.getpid(),
            "made": self._made,
        }
        os.ftruncate(mark, 0)
        os.pwrite(mark, json.dumps(text).encode(), 0)
        self._end = weakref.finalize(self, _clear, self.path, mark, os.getpid(), self._made, above)

    def files(self) -> "Files":
        """A place for the columns of a new pool."""
        self.check_open("connect")
        self._number += 1
        return Files(self, self.path / f"pool{self._number}")

    @property
    def closed(self) -> bool:
        """Whether the files are gone."""
        return not self._end.alive

    @property
    def free(self) -> int:
        """Bytes that the disk has left."""
        self.check_open("connect")
        return shutil.disk_usage(self.path).free

    def check_open(self, what: str) -> None:
        """Refuse `what` after `close`."""
        if self.closed:
            raise RunError(f"{what}: the network has been closed, and its synapses on disk are gone; make a new one")

    def close(self) -> None:
        """Remove the files; arrays that are still held stay readable until they are dropped."""
        self._end()


def open_store(path: str | os.PathLike[str]) -> Store:
    """The store in this folder; on several ranks each has a folder of its own in it.

    Raises
    ------
    ParameterError
        As `Store`, on all ranks.
    """
    if ranks.SIZE == 1:
        return Store(path)
    whole = Path(path).absolute()
    new = ranks.by_one(lambda: _settle(whole), "a folder for the synapses of all ranks")
    error, store = None, None
    try:
        store = Store(whole / f"rank{ranks.RANK}", above=whole if new else None)
    except ParameterError as one:
        error = str(one)
    told = [one for one in ranks.objects(error) if one is not None]
    if store is None or told:
        raise ParameterError(told[0])
    return store


def _settle(whole: Path) -> bool:
    """Whether the folder of all ranks is new; what a killed job of more ranks left in it is removed."""
    if not whole.is_dir():
        return not whole.exists()
    others = [one for one in whole.iterdir() if not (one / MARK).exists()]
    if others:
        raise ParameterError(f"Network.store: {str(whole)!r} holds other things; name a new or empty folder")
    beyond = [one for one in whole.glob("rank*") if int(one.name.removeprefix("rank")) >= ranks.SIZE]
    for left in beyond:
        Store(left).close()
    return False


class Files:
    """The columns of one pool: one file each."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder
        self._scratch = 0
        folder.mkdir()
        self._end = weakref.finalize(self, _forget, folder, os.getpid())

    def resized(self, name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The column of this name with another length: the same file, mapped anew; what is won is zero.

        `array` must be what this gave before (or be empty), and is not to be used any more.
        """
        size = array.dtype.itemsize * math.prod(shape)
        file = self.folder / f"{name}.bin"
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._reserve(handle, size)
            return _mapped(handle, array.dtype, shape)
        finally:
            os.close(handle)

    def scratch(self, n: int, dtype: Any) -> np.ndarray:
        """An array of its own in a file without a name, gone with the array."""
        self._scratch += 1
        file = self.folder / f"scratch{self._scratch}.bin"
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.unlink(file)
            self._reserve(handle, n * np.dtype(dtype).itemsize)
            return _mapped(handle, np.dtype(dtype), (n,))
        finally:
            os.close(handle)

    def _reserve(self, handle: int, size: int) -> None:
        """Give a file its length, with all its blocks."""
        held = os.fstat(handle).st_size
        if size <= held:
            os.ftruncate(handle, size)
            return
        if size - held > self.store.free:
            raise self._full(size - held)
        try:
            os.posix_fallocate(handle, held, size - held)
        except AttributeError:  # pragma: no cover
            os.ftruncate(handle, size)  # a system without it
        except OSError as error:
            os.ftruncate(handle, held)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise self._full(size - held) from None
            raise

    def _full(self, more: int) -> RunError:
        return RunError(
            f"Network.store: {str(self.store.path)!r} needs {more / 1e9:.3g} GB more, and its disk has {self.store.free / 1e9:.3g} GB left; "
            f"name a folder on a larger disk, or take fewer synapses or dtype='float32'"
        )


def _mapped(handle: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """A plain array over a whole file."""
    if not math.prod(shape):
        return np.zeros(shape, dtype)
    return np.frombuffer(mmap.mmap(handle, 0), dtype).reshape(shape)


def _prepare(path: Path) -> bool:
    """Make the folder, or see that it may be used; whether it was made."""
    if path.exists() and not path.is_dir():
        raise ParameterError(f"Network.store: {str(path)!r} is a file; name a new folder")
    if path.is_dir() and any(path.iterdir()) and not (path / MARK).exists():
        raise ParameterError(f"Network.store: {str(path)!r} holds other things; name a new or empty folder")
    made = not path.exists()
    with contextlib.suppress(OSError, ValueError):
        made |= bool(json.loads((path / MARK).read_text()).get("made"))  # by a program that was killed
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ParameterError(f"Network.store: cannot make the folder {str(path)!r} ({error.strerror})") from None
    return made


def _lock(handle: int) -> bool:
    """Take the folder for this network until the file is closed; False if another has it."""
    if fcntl is None:  # pragma: no cover
        return True  # type: ignore[unreachable]
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _forget(folder: Path, pid: int) -> None:
    if os.getpid() == pid:  # not the child of a fork
        shutil.rmtree(folder, ignore_errors=True)


def _clear(path: Path, mark: int, pid: int, made: bool, above: Path | None) -> None:
    """Remove what a store has made."""
    if os.getpid() == pid:
        for folder in path.glob("pool*"):
            shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            os.unlink(path / MARK)
            if made:
                path.rmdir()
            if above is not None:
                above.rmdir()
    with contextlib.suppress(OSError):
        os.close(mark)
