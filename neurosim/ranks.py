"""The ranks of an MPI job: which one this process is, and what all ranks do together.

Knows arrays and mpi4py, nothing of networks.  A process that was not started by mpirun is alone: mpi4py is then never
imported, and every function here returns what it was given.  All functions but `once`, `cores` and `here` must be called by all
ranks in the same order.
"""

from __future__ import annotations

import atexit
import ctypes
import hashlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from functools import cache
from types import TracebackType
from typing import Any

import numpy as np

from neurosim.errors import NeurosimError, RunError

#: How launchers tell the number of processes: mpich's and Intel's, OpenMPI's, MVAPICH's, slurm's `srun --mpi=pmi2`.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
#: What a rank's own children see: they are not ranks.
MARK = "NEUROSIM_RANK_PROCESS"
LINGER = 0.5  # s before the job is ended: what mpirun has not read by then is lost
END = "the end of its script"
READING = "a reading of what all ranks have"  # edges, states, spikes, counts
PIECE = 1 << 30  # bytes a call: counts of MPI have 32 bits
_LAST: list[Callable[[], object]] = []  # called before this rank ends the job


def _started() -> int:
    """Processes of the job that the launcher tells of; 1 if there is none."""
    if os.environ.get(MARK, str(os.getpid())) != str(os.getpid()):
        return 1
    told = [os.environ.get(name, "") for name in SIZES]
    return max([int(one) for one in told if one.isdigit()], default=1)


def _join() -> tuple[Any, int, int]:
    """(communicator, size, rank); (None, 1, 0) where this process is alone."""
    started = _started()
    if started <= 1:
        return None, 1, 0
    try:
        from mpi4py import MPI
    except ImportError as error:
        slurm_only = not any(os.environ.get(name) for name in SIZES[:3])
        if slurm_only:
            return None, 1, 0  # srun starts independent runs too
        raise RunError(
            f"this process is one of {started} that mpirun started, and mpi4py cannot be imported ({error}); "
            f"pip install 'neurosim[mpi]', or start it without mpirun"
        ) from None
    world = MPI.COMM_WORLD
    if world.size == 1 and any(os.environ.get(name) for name in SIZES[:3]):
        raise RunError(
            f"mpirun started {started} processes, but each sees itself alone: its MPI ({MPI.Get_library_version().splitlines()[0].strip()}) "
            f"is another than that of mpirun; use the mpirun beside this Python: {os.path.dirname(sys.executable)}/mpirun"
        )
    if world.size == 1:
        return None, 1, 0
    os.environ[MARK] = str(os.getpid())
    return world.Dup(), int(world.size), int(world.rank)


_comm, SIZE, RANK = _join()
_names: list[str] = _comm.allgather(os.uname().nodename if hasattr(os, "uname") else "") if SIZE > 1 else [""]


def handles() -> tuple[int, int, int, int]:
    """What compiled code calls MPI with: address of MPI_Allgather, handles of the communicator and of int32, are they of 8 bytes."""
    from mpi4py import MPI

    try:
        function = ctypes.CDLL(MPI.__file__).MPI_Allgather
    except (OSError, AttributeError) as error:
        raise RunError(
            f"MPI_Allgather is not where mpi4py has it ({error}); take an mpi4py that is linked with its MPI: pip install 'neurosim[mpi]'"
        ) from None
    wide = MPI._sizeof(MPI.Comm) == 8
    mask = (1 << 64) - 1 if wide else (1 << 32) - 1
    comm, kind = (np.uint64(MPI._handleof(one) & mask).astype(np.int64) for one in (_comm, MPI.INT32_T))
    return ctypes.cast(function, ctypes.c_void_p).value or 0, int(comm), int(kind), int(wide)


def allgather(send: np.ndarray, recv: np.ndarray) -> None:
    """recv = the arrays of all ranks one behind the other; all of one length."""
    _comm.Allgather(send, recv)


def cores() -> int:
    """Cores of this machine that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def here() -> int:
    """Ranks on this machine."""
    return _names.count(_names[RANK])


def once() -> bool:
    """Whether this rank is the one that writes files and prints."""
    return RANK == 0


def by_one(act: Callable[[], Any], what: str = "what rank 0 does for all") -> Any:
    """Let rank 0 do it (write a file): what it gives is there on all ranks afterwards, and what goes wrong is raised on all.

    An array that it gives goes to the others as it is, piece by piece, and not as an object.
    """
    if SIZE == 1:
        return act()
    _meet(what, _digest_of(what), 0)
    value: Any = None
    error = form = wrong = None
    if once():
        try:
            value = act()
        except Exception as one:
            error, known = one, isinstance(one, NeurosimError)
            wrong = (type(one), str(one)) if known else (RunError, f"rank 0: {type(one).__name__}: {one}")
    if isinstance(value, np.ndarray) and value.dtype != object:
        form = value.shape, value.dtype
    wrong, form, told = same((wrong, form, None if form else value))
    if error is not None:
        raise error
    if wrong is not None:
        raise wrong[0](wrong[1])
    return told if form is None else _array_of_first(value, *form)


def _array_of_first(array: np.ndarray | None, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """The array that rank 0 has, of this shape."""
    array = np.empty(shape, dtype) if array is None else np.ascontiguousarray(array)
    raw = array.reshape(-1).view(np.uint8)
    for at in range(0, raw.size, PIECE):
        _comm.Bcast(raw[at : at + PIECE], 0)
    return array.reshape(shape)


def wait() -> None:
    """Wait until all ranks are here."""
    if SIZE > 1:
        _comm.Barrier()


def gather(array: np.ndarray) -> list[np.ndarray]:
    """The array of each rank, in order of ranks; they may differ in length."""
    array = np.ascontiguousarray(array)
    if SIZE == 1:
        return [array]
    counts = _meet(READING, _digest_of(READING), array.size)
    raw, size = array.reshape(-1).view(np.uint8), array.itemsize
    most = PIECE // max(1, SIZE)
    parts = [np.empty(n, array.dtype) for n in counts]
    for at in range(0, int(counts.max(initial=0)) * size, most):
        many = np.clip(counts * size - at, 0, most).astype(np.int64)
        got = np.empty(int(many.sum()), np.uint8)
        _comm.Allgatherv(raw[at : at + int(many[RANK])], [got, (many, np.cumsum(many) - many)])
        for part, first, n in zip(parts, np.cumsum(many) - many, many, strict=True):
            part.view(np.uint8)[at : at + n] = got[first : first + n]
    shape = array.shape[1:]
    return [part.reshape(-1, *shape) for part in parts] if len(shape) else parts


def joined(array: np.ndarray) -> np.ndarray:
    """The arrays of all ranks one behind the other."""
    return array if SIZE == 1 else np.concatenate(gather(array))


def objects(value: Any) -> list[Any]:
    """A small object of each rank."""
    if SIZE == 1:
        return [value]
    _meet(READING, _digest_of(READING), 0)
    return list(_comm.allgather(value))


def collect(arrays: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """Named arrays of every rank, on rank 0; an empty list on the others."""
    if RANK:
        _comm.send([(name, value.shape, value.dtype) for name, value in arrays.items()], 0)
        for value in arrays.values():
            _send(np.ascontiguousarray(value))
        return []
    out = [arrays]
    for rank in range(1, SIZE):
        told = _comm.recv(source=rank)
        out.append({name: _received(rank, shape, dtype) for name, shape, dtype in told})
    return out


def _send(array: np.ndarray) -> None:
    raw = array.reshape(-1).view(np.uint8)
    for at in range(0, raw.size, PIECE):
        _comm.Send(raw[at : at + PIECE], 0)


def _received(rank: int, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    array = np.empty(shape, dtype)
    raw = array.reshape(-1).view(np.uint8)
    for at in range(0, raw.size, PIECE):
        _comm.Recv(raw[at : at + PIECE], rank)
    return array


@contextmanager
def apart() -> Iterator[None]:
    """Inside, each rank is a process of its own: what it does there it does for itself."""
    global SIZE, RANK
    kept, SIZE, RANK = (SIZE, RANK), 1, 0
    try:
        yield
    finally:
        SIZE, RANK = kept


def same(value: Any) -> Any:
    """What rank 0 has."""
    return value if SIZE == 1 else _comm.bcast(value, 0)


def total(number: Any) -> Any:
    """Sum over ranks of a number or an array, in order of ranks."""
    if SIZE == 1:
        return number
    if np.ndim(number) == 0 and np.asarray(number).dtype.kind in "iub":
        return int(_meet(READING, _digest_of(READING), int(number)).sum())
    out = np.stack(gather(np.atleast_1d(number))).sum(axis=0)
    return out.reshape(np.shape(number)) if np.ndim(number) else out.item()


def least(number: Any) -> Any:
    """The smallest over all ranks."""
    return number if SIZE == 1 else min(objects(number))


def most(number: Any) -> Any:
    """The largest over all ranks."""
    return number if SIZE == 1 else max(objects(number))


def some(flag: Any) -> bool:
    """Whether it is so on any rank."""
    return bool(flag) if SIZE == 1 else bool(total(np.int64(bool(flag))))


def fill(owner: np.ndarray | None, own: np.ndarray) -> np.ndarray:
    """One value for each entry: those of which this rank is the owner are `own`, in order; others come from their owners.

    An entry that nobody owns is NaN, or 0 where values are whole numbers.
    """
    if owner is None or SIZE == 1:
        return own
    parts = gather(own)
    kind = np.result_type(*[part.dtype for part in parts])
    out = np.full(owner.size, np.nan if kind.kind == "f" else 0, kind)
    for rank, part in enumerate(parts):
        out[owner == rank] = part
    return out


def refuse(what: str, instead: str) -> None:
    """What is not possible yet under more than one rank."""
    if SIZE > 1:
        raise RunError(f"{what}: not possible on {SIZE} ranks yet; {instead}")


# ---- do all ranks ask for the same? ----------------------------------------------------------------------------------


def agree(what: str, *values: object) -> None:
    """Stop with a message, on all ranks, if they call with different arguments."""
    if SIZE == 1:
        return
    digest = hashlib.blake2b(digest_size=8)
    digest.update(what.encode())
    for value in values:
        _digest(digest, value, 0)
    _meet(what, int(np.frombuffer(digest.digest(), np.int64)[0]), 0)


def of_first(what: str, number: int) -> int:
    """The number that rank 0 gives, if all ranks are at `what`."""
    if SIZE == 1:
        return number
    return int(_meet(what, _digest_of(what), number)[0])


@cache
def _digest_of(what: str) -> int:
    return int(np.frombuffer(hashlib.blake2b(what.encode(), digest_size=8).digest(), np.int64)[0])


def _meet(what: str, digest: int, number: int) -> np.ndarray:
    """Tell all what this rank calls, and with what; return the number that each gives."""
    told = np.empty((SIZE, 2), np.int64)
    _comm.Allgather(np.array([digest, number], np.int64), told)
    other = np.flatnonzero(told[:, 0] != told[0, 0])
    if other.size:
        names = _comm.allgather(what)
        k = int(other[0])
        if names[k] != names[0]:
            raise RunError(
                f"rank 0 is at {names[0]}, rank {k} at {names[k]}: all ranks must do the same; do not branch on the rank, or on "
                f"what only one rank knows (files, clocks, unseeded draws)"
            )
        raise RunError(
            f"{what}: different arguments on ranks 0 and {k}; an unseeded draw? net.rng('mine').uniform(...) gives the same numbers "
            f"everywhere, np.random.default_rng(1) too"
        )
    return told[:, 1].copy()


def _digest(digest: Any, value: object, depth: int) -> None:
    """Add a value; what cannot be looked into counts by its type."""
    digest.update(type(value).__name__.encode())
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(str(value.shape).encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        digest.update(repr(value).encode())
    elif depth > 6:
        return
    elif isinstance(value, list | tuple):
        for one in value:
            _digest(digest, one, depth + 1)
    elif isinstance(value, dict):
        for key, one in value.items():
            _digest(digest, key, depth + 1)
            _digest(digest, one, depth + 1)
    elif isinstance(value, slice | range):
        digest.update(repr(value).encode())
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            _digest(digest, getattr(value, field.name), depth + 1)
    elif hasattr(value, "__array__"):
        _digest(digest, np.asarray(value), depth + 1)


# ---- the end of a rank -----------------------------------------------------------------------------------------------


def before_the_end(act: Callable[[], object]) -> None:
    """Do it before this rank ends the job because of an error; by itself: the other ranks are anywhere."""
    _LAST.append(act)


def abort(code: int = 1) -> None:
    """End all ranks."""
    sys.stdout.flush()
    sys.stderr.flush()
    for act in _LAST:
        with suppress(Exception):
            act()
    time.sleep(LINGER)
    from mpi4py import MPI

    MPI.COMM_WORLD.Abort(code)


def _died(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An exception that nobody caught ends the job: the other ranks would wait for this one for ever."""
    text = "".join(traceback.format_exception(kind, error, trace))
    print(f"rank {RANK} of {SIZE} has died, and the job ends:\n{text}", file=sys.stderr, flush=True)
    abort()


def _left(status: object) -> None:
    """`sys.exit` of one rank: with an error it ends the job."""
    code = status if isinstance(status, int) else 0 if status is None else 1
    if code:
        if not isinstance(status, int):
            print(status, file=sys.stderr)
        print(f"rank {RANK} of {SIZE} has left with status {code}, and the job ends", file=sys.stderr, flush=True)
        abort(code)
    raise SystemExit(status)


def _end(process: int) -> None:
    """This script is over.  Where the others are not at their end they would wait for this rank for ever."""
    if os.getpid() != process:  # the child of a fork
        return
    try:
        _meet(END, _digest_of(END), 0)
    except RunError as error:
        print(f"rank {RANK} of {SIZE} has ended, and the job ends: {error}", file=sys.stderr, flush=True)
        abort()


if SIZE > 1:
    sys.excepthook = _died
    sys.exit = _left  # type: ignore[assignment]
    atexit.register(_end, os.getpid())
