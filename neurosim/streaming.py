"""Recorders with a file: `net.record(..., to=path)` writes a Zarr group in chunks; `recordings` reads it.

Knows recorders, arrays and files; no network.  zarr is imported when it is first needed.

Zarr puts each chunk into a file of its own and writes every file under another name before it renames it.  A recording is a
group of arrays of as many rows (`step` and `uid`, `step` and `values`, or `bin`, `count` and `neurons`), and an array
`neurons0` (`neurons1` ... when neurons came) with the uids of the neurons.  How many rows count, and to which step they are
complete, is in the group's attributes, which are written last: after a kill what they tell of is there.
(Files are not synced: a power cut, other than a kill, may take what was written last.)

On several ranks all recorders get the same rows, and only rank 0 has the file.  What it does there is told to the others
(`_led`), which forget the rows that it has put on disk.  Finalizers and exit handlers are rank 0's alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
import time
import uuid
import warnings
import weakref
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from neurosim import ranks
from neurosim.errors import NeurosimWarning, ParameterError, RunError, SaveError
from neurosim.recording import RateRecorder, Recorder, SpikeRecorder, StateRecorder

KIND, FORMAT = "neurosim recording", 1
INSTALL = 'pip install "zarr>=3.1.3"'
#: Rows that are no whole chunk are written after this long (s) of a run, and after SHARE times as long as writing takes.
PATIENCE_S, SHARE = 2.0, 20.0
COLUMNS: dict[str, dict[str, type]] = {
    "spikes": {"step": np.int64, "uid": np.int64},
    "state": {"step": np.int64, "values": np.float64},
    "rates": {"bin": np.int64, "count": np.float64, "neurons": np.float64},
}

Method = TypeVar("Method", bound=Callable[..., Any])
Parts = dict[str, list[Any]]
Settle = Callable[
    [Parts, int], int
]  # puts the rows in their last form, up to a step, and counts those that will not change
_OPEN: list[Stream] = []  # on rank 0
_HELD: list[str] = []  # paths of the files that are open, on all ranks alike; of recorders that nobody closed, too
_AT_EXIT: list[bool] = []


def library(what: str) -> Any:
    """The library, or what to do where it is not installed."""
    try:
        return import_module("zarr")
    except ImportError as error:
        raise ParameterError(f"{what}: needs zarr, which cannot be imported here ({error}); {INSTALL}") from None


def _led(method: Method) -> Method:
    """Make of what rank 0 does a method that all ranks call; after it, rows in whole chunks on disk leave the memory of all."""

    @wraps(method)
    def led(self: Stream, *given: Any) -> Any:
        if ranks.SIZE == 1:
            found = method(self, *given)
            self._forget(self._spare())
            return found

        def lead() -> tuple[Any, ...]:
            found = method(self, *given)
            fault = None if self.fault is None else str(self.fault)
            return found, self._spare(), self.path, self.token, fault, self._group is not None

        found, spare, self.path, self.token, fault, held = ranks.by_one(lead, self.name)
        self.final(self.parts, self.last)  # as rank 0 did if it wrote: the rows are alike on all ranks
        self._forget(spare)
        if not ranks.once():
            self.fault = None if fault is None else OSError(fault)
        if self._listed:
            _HELD.remove(self._listed)
        self._listed = self.path if held else ""
        if self._listed:
            _HELD.append(self._listed)
        return found

    return cast(Method, led)


class Stream:
    """The file of one recorder: rows are appended; what is no whole chunk yet is in memory too, in `parts`.

    Attributes
    ----------
    base : int
        Rows in whole chunks on disk, which are no more in memory; the rows of `parts` come behind them.
    rows : int
        Rows on disk that count, on rank 0; -1 if they are not those of `parts`, because the network was put back.
    fault : Exception or None
        Why the last attempt to write failed.  Nothing is lost by it: what could not be written stays in memory.

    All ranks must call the public methods, but `write` and `leave`; names with an underscore are for rank 0.
    """

    def __init__(self, path: str, chunk: int, what: str, told: dict[str, Any], parts: Parts, final: Settle) -> None:
        self.path, self.chunk, self.what, self.told, self.parts, self.final = path, chunk, what, told, parts, final
        self.token = uuid.uuid4().hex
        self.start = self.last = 0
        self.base = 0
        self.rows = -1
        self.members: list[tuple[str, np.ndarray]] = []
        self.fault: Exception | None = None
        self.left = False  # by its recorder: nobody will add rows any more
        self._kept: list[tuple[str, int]] = []  # members on disk
        self._version = -1
        self._counted = 0  # rows that the attributes on disk tell of
        self._committed: tuple[int, ...] = ()
        self._arrays: dict[str, Any] = {}
        self._group: Any = None
        self._lock = -1
        self._process = 0
        self._clock = self._cost = 0.0
        self._listed = ""  # in `_HELD`

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"record({self.told['label']}, {self.told['variable'] or self.what!r}, to={self.path!r})"

    # ---- opening ----------------------------------------------------------------------------------------------------

    @_led
    def create(self, shape: tuple[int, ...]) -> None:
        """Make the group; `shape` is that of a row of values."""
        zarr = library(self.name)
        close_left()
        place = Path(self.path)
        begun = False
        try:
            if place.exists() and (not place.is_dir() or any(place.iterdir())):
                raise ParameterError(
                    f"{self.name}: the path exists already; take a new one, or remove the old recording first: "
                    f"import shutil; shutil.rmtree({self.path!r})"
                )
            begun = True
            group = zarr.open_group(self.path, mode="w")
            for name, dtype in COLUMNS[self.what].items():
                row = shape if name == "values" else ()
                empty = -1 if dtype is np.int64 else float("nan")  # no such step or uid: a chunk that is gone shows
                group.create_array(name, shape=(0, *row), chunks=(self.chunk, *row), dtype=dtype, fill_value=empty)
            self._hold(group)
            self._write()
        except OSError as error:
            self._let_go()
            if begun:
                shutil.rmtree(place, ignore_errors=True)
            raise ParameterError(
                f"{self.name}: cannot write there ({error}); give a path in a folder where you may write and that has room, "
                'such as to="runs/mine/spikes.zarr"'
            ) from None

    def _hold(self, group: Any) -> None:
        """Take the file for this process alone."""
        self._lock = _lock(self.path)
        if self._lock < 0:
            raise RunError(
                f"{self.name}: another network or process is writing there; end it (in this process: net.remove(recorder)), "
                "or let this network go on without the file: net.remove(net.recorders[k])"
            )
        self._group = group
        self._arrays = {name: group[name] for name in COLUMNS[self.what]}
        self._process = os.getpid()
        _OPEN.append(self)
        if not _AT_EXIT:  # zarr's threads are gone when atexit calls; this is called before
            import atexit

            getattr(threading, "_register_atexit", atexit.register)(_close_all)
            ranks.before_the_end(_close_all)
            _AT_EXIT.append(True)

    @_led
    def move(self, path: str) -> None:
        """Let the file go, and go on with the one there."""
        self._let_go()
        self.path = str(Path(path).absolute())

    def _let_go(self) -> None:
        if self in _OPEN:
            _OPEN.remove(self)
        if self._lock >= 0:
            os.close(self._lock)
        self._lock, self._group, self._arrays = -1, None, {}

    def _resume(self) -> None:
        """Open the file again after a load, and drop what was recorded after the save: it will be recorded again."""
        close_left()
        zarr = library(self.name)
        try:
            group = zarr.open_group(self.path, mode="r+")
            told = dict(group.attrs)
        except Exception as error:
            raise RunError(
                f"{self.name}: the recording that it continues is not there ({error}); {self._cure()}"
            ) from None
        if told.get("token") != self.token or told["rows"] < self.base:
            raise RunError(
                f"{self.name}: what is there now is not the recording that this network continues ({self.base:,} rows of "
                f"{self.token[:8]} were saved); {self._cure()}"
            )
        self._hold(group)
        self._version, self._counted = told["version"], told["rows"]
        self.put_back()

    def _cure(self) -> str:
        return "copy it there, or tell where it is: net.recorders[k].to = 'path', or go on without: net.remove(net.recorders[k])"

    def put_back(self) -> None:
        """Only the first `base` rows on disk are those of this network; what else it has is in memory."""
        self.rows, self._kept, self._committed = -1, [], ()

    def _cut(self) -> None:
        """Let only the first `base` rows on disk count, before others are written behind them."""
        key, part = next(iter(self.parts.items()))
        first = next((int(one[0]) for one in part if len(one)), None)
        last = self.last if first is None else first * self.told["every"] if key == "bin" else first - 1
        self._group.update_attributes({"rows": self.base, "last": last, "finished": False})
        self._counted = self.base

    # ---- writing ----------------------------------------------------------------------------------------------------

    def _asked(self, flag: bool) -> bool:
        """What rank 0 says."""
        return bool(ranks.of_first(self.name, int(flag)))

    def pour(self) -> None:
        """The run has come to `last`: write if a whole chunk is there, or what is there waited for long."""
        waiting = sum(len(part) for part in next(iter(self.parts.values())))
        age = time.monotonic() - self._clock
        if self._asked(waiting >= self.chunk or age > max(PATIENCE_S, SHARE * self._cost)):
            self.flush()

    def rest(self) -> None:
        """A run is over: write what there is, unless that was done a moment ago."""
        if self._asked(time.monotonic() - self._clock > SHARE * self._cost):
            self.flush()

    @_led
    def flush(self) -> None:
        """Write all that is in memory; a failure is kept in `fault`."""
        self.write()

    def write(self) -> None:
        """As `flush`, by rank 0 alone: no row leaves memory, so that the others need not know."""
        if self._group is None:
            return
        begin = time.monotonic()
        try:
            self._write()
            self.fault = None
        except Exception as error:  # of zarr or the file system; told when the network has come to a whole state
            self.fault = error
        self._clock = time.monotonic()
        self._cost = self._clock - begin

    def _write(self, **more: Any) -> None:
        if os.getpid() != self._process:
            raise RuntimeError("it belongs to the process that opened it, and this is a fork of that one")
        n = self.final(self.parts, self.last)
        rows = self.base + n
        state = (rows, self.start, self.last)
        kept = [(name, uid.size) for name, uid in self.members]
        if state == self._committed and rows == self.rows and kept == self._kept and not more:
            return
        if self._committed and not (Path(self.path) / "zarr.json").exists():
            raise FileNotFoundError(f"{self.path} is gone")
        if self.rows < 0 and self._counted > self.base:
            self._cut()
        if rows != self.rows:
            for name, array in self._arrays.items():
                array.resize((rows, *array.shape[1:]))
                if n:
                    array[self.base : rows] = _joined(self.parts[name])[:n]
        old = version = self._version
        if kept != self._kept or old < 0:
            version = self._write_members()
        entry = {"kind": KIND, "format": FORMAT, "what": self.what, "token": self.token} | self.told
        entry |= {"rows": rows, "start": self.start, "last": self.last, "members": kept, "version": version}
        self._group.update_attributes(entry | {"finished": False} | more)  # one file; attrs.update writes it key by key
        self.rows, self._kept, self._committed, self._version, self._counted = rows, kept, state, version, rows
        if old not in (-1, version) and f"neurons{old}" in self._group:
            del self._group[f"neurons{old}"]

    def _spare(self) -> int:
        """Rows of `parts` that are on disk in whole chunks."""
        return max(0, self.rows - self.base) // self.chunk * self.chunk

    def _forget(self, n: int) -> None:
        """Let the first rows of `parts` be on disk only."""
        if n:
            self.base += n
            for part in self.parts.values():
                part[:] = [_joined(part)[n:].copy()]

    def _write_members(self) -> int:
        """Write the uids of the neurons to an array of a new number: the old one counts until the attributes tell otherwise."""
        uid, number = np.concatenate([np.zeros(0, np.int64), *[uid for _, uid in self.members]]), self._version + 1
        made = self._group.create_array(
            f"neurons{number}", shape=uid.shape, chunks=(max(1, uid.size),), dtype=np.int64, overwrite=True
        )
        if uid.size:
            made[:] = uid
        return number

    def ready(self) -> None:
        """Whether the run can go on: opens the file where it is not open, and tries again to write what could not be written.

        Raises
        ------
        RunError
            It cannot be opened or written.
        """
        if self._asked(self._group is None or self.fault is not None):
            self._try_again()

    @_led
    def _try_again(self) -> None:
        if self._group is None:
            self._resume()
        if self.fault is None:
            return
        self.write()
        if self.fault is not None:
            n = sum(len(part) for part in next(iter(self.parts.values())))
            raise RunError(
                f"{self.name}: cannot be written ({self.fault}); the network has stopped at {self.last * self.told['dt']:g} ms and stays "
                f"usable, and what is not on disk is kept in memory ({n:,} rows). Make room there and call net.run again, or go on "
                "without the file: net.remove(recorder)"
            )

    def close(self, *, alone: bool = False) -> None:
        """Write what there is, and let the file go; what could not be written stays in memory, with a warning.

        `alone`: rank 0 calls, for a recorder that is gone.
        """
        told = (Stream._close if alone else _led(Stream._close))(self)
        if told:
            warnings.warn(told, NeurosimWarning, stacklevel=3)

    def _close(self) -> str:
        """The warning, if there is one."""
        if self._group is None:
            return ""
        self.write()
        try:
            if self.fault is None and os.getpid() == self._process:
                self._write(finished=True)
        except Exception as error:
            self.fault = error
        told = ""
        if self.fault is not None and os.getpid() == self._process:
            told = f"{self.name}: its last rows could not be written ({self.fault}); the file is complete to an earlier time"
        self._let_go()
        return told

    # ---- reading ----------------------------------------------------------------------------------------------------

    def before(self, name: str) -> np.ndarray | None:
        """The rows of a column that are on disk only: rank 0 reads them for all."""
        if self.base == 0:
            return None
        return cast(np.ndarray, ranks.by_one(lambda: self._before(name), f"a reading of {self.name}"))

    def _before(self, name: str) -> np.ndarray:
        try:
            array = self._arrays.get(name)
            array = library(self.name).open_array(f"{self.path}/{name}", mode="r") if array is None else array
            return whole(array, slice(0, self.base))
        except Exception as error:
            raise SaveError(f"{self.name}: the {self.base:,} rows on disk cannot be read ({error})") from None

    def leave(self) -> None:
        """The recorder is gone; the file is closed at the next occasion, for this may be called in any thread."""
        self.left = True


def _joined(part: list[Any]) -> Any:
    """The only array of a part; the arrays of a part are joined in place."""
    if len(part) > 1:
        part[:] = [np.concatenate(part)]
    return part[0]


def _all(parts: Parts, last: int) -> int:
    """Rows that will not change: all of them."""
    return min(len(_joined(part)) if part else 0 for part in parts.values())


def _closed(every: int) -> Settle:
    """Make of rate recorders' rows one a bin, and count the bins that are over."""

    def closed(parts: Parts, last: int) -> int:
        if not parts["bin"]:
            return 0
        bins, place = np.unique(_joined(parts["bin"]), return_inverse=True)
        for name in ("count", "neurons"):
            parts[name][:] = [np.bincount(place, _joined(parts[name]), minlength=bins.size)]
        parts["bin"][:] = [bins]
        return int(np.searchsorted((bins + 1) * every, last, side="right"))

    return closed


def _lock(path: str) -> int:
    """A handle that only one holder has; -1 if another has it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return -1
    except OSError:  # a file system without locks
        pass
    return handle


def close_left() -> None:
    """Close the files whose recorders are gone, by rank 0 alone."""
    for stream in [one for one in _OPEN if one.left]:
        stream.close(alone=True)


def whole(array: Any, rows: slice) -> np.ndarray:
    """Rows of a column; a chunk whose file is gone reads as -1, which no step, uid or bin is."""
    found = np.asarray(array[rows])
    if found.dtype == np.int64 and (found < 0).any():
        raise SaveError(f"{array.path or array.store_path}: a chunk of it is missing")
    return found


def flush_open(path: str) -> None:
    """Write what a recorder of this process has for this path; on several ranks, before any of them goes on."""

    def write() -> None:
        close_left()
        for stream in _OPEN:
            if stream.path == path:
                stream.write()

    if ranks.SIZE == 1 or path in _HELD:
        ranks.by_one(write, f"read_recording({path!r})")


def _close_all() -> None:
    for stream in list(_OPEN):
        stream.close(alone=True)


# ---- recorders ------------------------------------------------------------------------------------------------------


class _OnDisk(Recorder):
    """What recorders with a file share; the file is made by `create`, or found again at the first run after a load."""

    file: Stream
    chunk: int

    def _settle(self, to: str, chunk: int, final: Settle, **more: Any) -> None:
        told = {"label": self.label, "dt": self.dt, "window": self.window, "variable": "", **more}
        self.chunk = chunk
        self.file = Stream(to, chunk, self.what, told, self._parts, final)
        self.file.start = self.file.last = self.start
        weakref.finalize(self, self.file.leave).atexit = False

    @property
    def to(self) -> str:
        """Path of the file; may be told anew for a network that was loaded."""
        return self.file.path

    @to.setter
    def to(self, path: str) -> None:
        self.file.move(path)

    def _joined(self, name: str, dtype: type, shape: tuple[int, ...] = (0,)) -> np.ndarray:
        part, before = self._parts[name], self.file.before(name)
        new = _joined(part) if part else np.zeros(shape, dtype)
        return np.asarray(new) if before is None else np.concatenate([before, new])

    def reach(self, step: int) -> None:
        super().reach(step)
        self.file.last = step
        self.file.rest()

    def ready(self) -> None:
        self.file.ready()

    def close(self) -> None:
        self.file.close()

    def check_clear(self) -> None:
        if self.file.base or any(self._parts.values()):
            raise RunError(
                f"net.reset: would empty the file of {self.file.name}; let it be whole with net.remove(recorder) before, "
                "and record to another file after"
            )

    def clear(self, start: int) -> None:
        self._take({name: [] for name in self._parts}, 0, start, start)

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps: the rows that are no whole chunk yet, and how many are on disk before them."""
        held = {name: np.array(_joined(part)) for name, part in self._parts.items() if part}
        return held | {"span": np.array([self.start, self.last]), "base": np.array([self.file.base])} | {
            "token": np.array(self.file.token)
        }  # fmt: skip

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        start, last = (int(x) for x in arrays["span"])
        self.file.token = str(arrays["token"])
        parts = {name: [np.array(arrays[name])] if name in arrays else [] for name in self._parts}
        self._take(parts, int(arrays["base"][0]), start, last)

    def _take(self, parts: Parts, base: int, start: int, last: int) -> None:
        self.start, self.last = start, last
        for name, part in parts.items():
            self._parts[name][:] = part
        self.file.base, self.file.start, self.file.last = base, start, last
        self.file.put_back()


class SpikeStream(_OnDisk, SpikeRecorder):
    """A `SpikeRecorder` whose spikes go to a file."""

    def __init__(self, label: str, dt: float, *, to: str, chunk: int, **options: Any) -> None:
        super().__init__(label, dt, **options)
        self._settle(to, chunk, _all)

    def follow(self, who: list[tuple[str, np.ndarray]]) -> None:
        super().follow(who)
        self.file.members = self._who

    def take(self, stamp: np.ndarray, uid: np.ndarray, step: int) -> None:
        super().take(stamp, uid, step)
        self.file.last = step
        self.file.pour()

    @property
    def count(self) -> int:
        return self.file.base + sum(part.size for part in self._parts["step"])

    def arrays(self) -> dict[str, np.ndarray]:
        return super().arrays() | {f"who:{k:06d}:{name}": uid for k, (name, uid) in enumerate(self._who)}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        super().set_arrays(arrays)
        self._who = []
        self.follow([(n.split(":", 2)[2], np.array(arrays[n])) for n in sorted(arrays) if n.startswith("who:")])


class StateStream(_OnDisk, StateRecorder):
    """A `StateRecorder` whose samples go to a file."""

    def __init__(self, label: str, dt: float, *, to: str, chunk: int, **options: Any) -> None:
        super().__init__(label, dt, **options)
        self._settle(to, chunk, _all, variable=self.variable, unit=self.unit, every=self.every)
        self.file.members = [(label, self.uid)]

    def take(self, stamp: np.ndarray, values: np.ndarray) -> None:
        super().take(stamp, values)
        self.file.last = self.last
        self.file.pour()

    def _size(self) -> int:  # what `repr` needs is no reading
        return self.file.base + sum(part.size for part in self._parts["step"])


class RateStream(_OnDisk, RateRecorder):
    """A `RateRecorder` whose bins go to a file when they are over."""

    def __init__(self, label: str, dt: float, *, to: str, chunk: int, **options: Any) -> None:
        super().__init__(label, dt, **options)
        self._settle(to, chunk, _closed(self.every), every=self.every)

    def take(self, stamp: np.ndarray, uid: np.ndarray, step: int) -> None:
        super().take(stamp, uid, step)
        if len(self._parts["bin"]) > 64:
            self.file.final(self._parts, step)
        self.file.last = step
        self.file.pour()

    def _size(self) -> int:
        return int(self._over(np.arange(self.start // self.every, self.last // self.every)).sum())
