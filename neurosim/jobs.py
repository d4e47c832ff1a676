"""One job of a sweep: a function, its arguments and a folder that ends with the result in it, whole or not at all.

Knows functions, values and files; no network, no pool of processes.  A job is named by what decides its result: the code of
the function, the arguments and the seed.  So the same call finds the same folder after a kill, and other code another one.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import dataclasses
import fcntl
import functools
import hashlib
import inspect
import re
import shutil
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from neurosim import __version__, checkpoint
from neurosim.errors import ParameterError, SaveError

KIND, RESULT, PRINTED, BEGUN = "neurosim job", "sweep_result", "printed.txt", ".begun"
#: Columns of the table that are not the function's own.
RESERVED = ("seed", "seconds", "error", "folder")
_LONGEST = 80  # characters of a folder's readable part


# ---- what a job is called -------------------------------------------------------------------------------------------


def identity(name: str, value: object) -> str:
    """Text that is equal for equal values, in any process.

    Raises
    ------
    ParameterError
        The value has no such text: a function, a network, an object of a class made on the fly.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return f"array({value.dtype.str}, {value.shape}, {hashlib.sha256(value.tobytes()).hexdigest()})"
    if isinstance(value, list | tuple):
        return f"{type(value).__name__}({', '.join(identity(name, one) for one in value)})"
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return f"mapping({', '.join(f'{key!r}: {identity(name, value[key])}' for key in sorted(value))})"
    kind = type(value)
    if dataclasses.is_dataclass(value) and getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is kind:
        told = [f"{f.name}={identity(name, getattr(value, f.name))}" for f in dataclasses.fields(value) if f.compare]
        return f"{kind.__module__}.{kind.__qualname__}({', '.join(told)})"
    raise ParameterError(
        f"{name}: {value!r} has no value that a later process could recognise; allowed are numbers, text, None, arrays, lists and "
        f"descriptions such as ns.LIF(). Give a name and make the object inside the function: "
        f'{{"rule": ["pair", "none"]}} and `rules = {{"pair": ns.PairSTDP(), "none": None}}` in it'
    )


def fingerprint(function: Callable[..., object]) -> str:
    """Hash of a function's code (not its comments), of the functions and constants of its file that it uses, and of the version of neurosim."""
    digest = hashlib.sha256(f"{__version__} {sys.version_info[:2]}".encode())
    while isinstance(function, functools.partial):
        digest.update(identity("sweep(function)", [list(function.args), dict(function.keywords)]).encode())
        function = function.func
    seen: list[object] = []
    waiting: list[Callable[..., object]] = [function]
    while waiting:
        one = waiting.pop(0)
        seen.append(one)
        digest.update(f"{one.__qualname__}: {_code(one)}".encode())
        outside = inspect.getclosurevars(one)
        for name, value in sorted({**outside.globals, **outside.nonlocals}.items()):
            if isinstance(value, FunctionType) and value.__module__ == function.__module__:
                waiting += [value] if value not in seen + waiting else []
                continue
            with contextlib.suppress(ParameterError):  # modules, classes and what others wrote are taken as they are
                digest.update(f"{name}={identity(name, value)}".encode())
    return digest.hexdigest()[:8]


def _code(function: Callable[..., object]) -> str:
    """The function's syntax tree without docstrings; its byte code if it has no text, as under `python -c`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError):  # no text, or a lambda in the middle of a line
        assert isinstance(function, FunctionType)
        code = function.__code__
        constants = [one for one in code.co_consts if one is None or isinstance(one, bool | int | float | str)]
        return f"{code.co_code.hex()} {code.co_names} {constants} {function.__defaults__} {function.__kwdefaults__}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)


def name_of(function: Callable[..., object]) -> str:
    """The name that a function is called by in messages and folders."""
    while isinstance(function, functools.partial):
        function = function.func
    return function.__name__


# ---- the job --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What a job gave: named values, the error ("" if none), wall time (s)."""

    values: Mapping[str, Any]
    error: str
    seconds: float


@dataclass(frozen=True, eq=False)
class Job:
    """A call `function(**parameters, seed=seed)` and where it leaves its files.

    Attributes
    ----------
    parameters : dict of str to value
    seed : int
    home : Path
        Folder of all jobs of the same function; the job's own is `folder`, inside it.
    """

    parameters: Mapping[str, Any]
    seed: int
    home: Path

    @functools.cached_property
    def name(self) -> str:
        """Readable, and unlike that of every other job: `rate=5.0_seed=1-1a2b3c4d`."""
        told = {key: identity(f"sweep(grid[{key!r}])", value) for key, value in self.parameters.items()}
        unique = hashlib.sha256(repr((sorted(told.items()), self.seed)).encode()).hexdigest()[:12]
        short = {key: text if "(" not in text else type(self.parameters[key]).__name__ for key, text in told.items()}
        words = "_".join(f"{key}={text}" for key, text in [*short.items(), ("seed", str(self.seed))])
        return f"{re.sub(r'[^A-Za-z0-9._=+-]', '', words)[:_LONGEST]}-{unique}"

    @property
    def folder(self) -> Path:
        """Where its files go."""
        return self.home / self.name

    @property
    def begun(self) -> Path:
        """A file that is there while the job runs, and after it was killed."""
        return self.home / BEGUN / self.name

    def line(self, function: Callable[..., object]) -> str:
        """The call, to paste."""
        told = [f"{key}={value!r}" for key, value in self.parameters.items()]
        return f"{name_of(function)}({', '.join([*told, f'seed={self.seed}'])})"

    def outcome(self) -> Outcome | None:
        """What it gave; None if it was not run, was killed, or its result is damaged."""
        try:
            manifest, arrays = checkpoint.read(self.folder / RESULT)
        except SaveError:
            return None
        if manifest.get("kind") != KIND:
            return None
        values = {key: arrays[key] if key in arrays else manifest["values"][key] for key in manifest["order"]}
        return Outcome(values, manifest["error"], manifest["seconds"])

    def finished(self) -> bool:
        """Whether it need not be run again: it gave a result without an error."""
        outcome = self.outcome()
        return outcome is not None and not outcome.error


def run_job(function: Callable[..., object], takes_out: bool, job: Job) -> tuple[str, bool]:
    """Run a job in its folder unless it is finished; (its name, whether it failed).  An error of the function is its result."""
    with _turn(job):
        if job.finished():
            return job.name, False
        shutil.rmtree(job.folder, ignore_errors=True)
        job.folder.mkdir(parents=True)
        began, error, values = time.perf_counter(), "", {}
        with (
            open(job.folder / PRINTED, "w", encoding="utf-8") as page,
            contextlib.redirect_stdout(page),
            contextlib.redirect_stderr(page),
        ):
            try:
                arguments = copy.deepcopy(dict(job.parameters)) | ({"out": str(job.folder)} if takes_out else {})
                values = _columns(function(**arguments, seed=job.seed), [*job.parameters, *RESERVED])
            except (Exception, SystemExit) as problem:
                error = f"{type(problem).__name__}: {problem}"
                traceback.print_exc(file=page)
        keep(job, values, error, time.perf_counter() - began)
    return job.name, bool(error)


def keep(job: Job, values: Mapping[str, Any], error: str, seconds: float) -> None:
    """Write the outcome of a job; from then on it is over."""
    arrays = {key: value for key, value in values.items() if isinstance(value, np.ndarray)}
    manifest = {
        "kind": KIND, "parameters": {key: repr(value)[:500] for key, value in job.parameters.items()}, "seed": job.seed,
        "order": list(values), "values": {key: value for key, value in values.items() if key not in arrays},
        "error": error, "seconds": seconds,
    }  # fmt: skip
    checkpoint.write(job.folder / RESULT, manifest, arrays)


@contextlib.contextmanager
def _turn(job: Job) -> Iterator[None]:
    """Wait until no other process is at this job: a worker may outlive a sweep that was killed by a moment."""
    job.begun.parent.mkdir(parents=True, exist_ok=True)
    with open(job.begun, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        job.begun.unlink(missing_ok=True)


def _columns(result: object, taken: list[str]) -> dict[str, Any]:
    """What the function returned, as named values that can be kept."""
    if result is None:
        return {}
    named = result if isinstance(result, Mapping) else {"result": result}
    columns = {}
    for key, value in named.items():
        if not isinstance(key, str) or key in taken:
            raise ParameterError(
                f"sweep: the function returned a value under the name {key!r}, which must be text and none of {', '.join(taken)}; "
                f'write return {{"{key}_found": ...}}'
            )
        columns[key] = value if isinstance(value, np.ndarray) and not value.dtype.hasobject else _plain(key, value)
    return columns


def _plain(key: str, value: object) -> Any:
    """A value as JSON has it, or an error that says what is allowed."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_plain(key, one) for one in value]
    raise ParameterError(
        f"sweep: the function returned {key!r} as {type(value).__name__}; allowed are numbers, text, None, lists of them and arrays: "
        f'return {{"rate": float(rate)}}. Everything else goes to files in the folder `out`, an argument of the function: '
        "net.save(f'{out}/net')"
    )
