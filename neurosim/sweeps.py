"""Many independent runs of one function: a grid of parameters times seeds, on all cores, to one table.

Knows functions and jobs only, no network: whatever the function runs, it is called as the user would call it.  joblib's
processes run the jobs, `neurosim.jobs` keeps each in its own folder.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import os
import pickle
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, did_you_mean
from neurosim.errors import NeurosimWarning, ParameterError, RunError
from neurosim.jobs import PRINTED, RESERVED, RESULT, Job, fingerprint, identity, keep, name_of, run_job

if TYPE_CHECKING:
    import pandas

TABLE = "table.csv"
Grid = Mapping[str, Iterable[Any]] | Sequence[Mapping[str, Any]]


def sweep(
    function: Callable[..., object], grid: Grid, seeds: Iterable[int], *, n_jobs: int = -1,
    out: str | Path | None = None, again: bool = False, progress: bool | None = None,
) -> pandas.DataFrame:  # fmt: skip
    """Call `function` for every point of a grid and every seed, in parallel processes, and make one table of what it returns.

    Each job has a folder of its own.  A sweep that was stopped, even by kill -9, goes on where it was when the same call is made
    again: finished jobs are read, those that failed or were cut short run again, and so do all if the code of the function or a
    constant that it reads has changed.  More points or seeds are added in the same way.  What all need
    compiled, one of them compiles; the results are those of calling the function one by one.

    Parameters
    ----------
    function : function
        Called as ``function(**point, seed=seed)``.  Returns a mapping of names to numbers, text, lists or arrays, or one of
        them, or None.  If it has an argument `out`, it gets the folder for its files.  What it prints goes to printed.txt there.
    grid : mapping of str to values, or sequence of mappings
        ``{"rate": [5.0, 10.0], "weight": [0.1, 0.2]}`` is all four combinations, ``[{"rate": 5.0}, {"rate": 9.0}]`` two points.
    seeds : sequence of int
        Each point is run with each of them.
    n_jobs : int
        Processes at a time: -1 is as many as there are cores, 1 runs the jobs in this process.
    out : str or Path, optional
        Folder of the sweep.  Left out: runs/sweep_NAME, NAME being the function's.
    again : bool
        Run finished jobs again, for example because code that the function calls has changed: that is not noticed.
    progress : bool, optional
        Show a line of progress.  Left out: on a terminal and in notebooks.

    Returns
    -------
    pandas.DataFrame
        One row a job, in the order of the grid, seeds last: parameters, seed, what the function returned, seconds (wall time),
        error ("" if there was none), folder.  The file table.csv in `out` holds the same without arrays.

    Raises
    ------
    ParameterError
        The function does not take these arguments, or a point cannot be told from another.
    RunError
        Every job failed.  If some did, their rows say so and a warning names the first.

    Examples
    --------
    ::

        def simulate(rate, weight, seed):
            net = ns.Network(dt=0.1, seed=seed)
            exc = net.add_population("exc", ns.LIF(), 1000)
            net.stimulate(exc, ns.PoissonInput(rate=rate, weight=weight))
            spikes = net.record(exc, "spikes")
            net.run(1000.0)
            return {"spikes": spikes.count}

        table = ns.sweep(simulate, {"rate": [2e3, 4e3], "weight": [0.1, 0.2]}, seeds=range(5))
        print(table.groupby(["rate", "weight"])["spikes"].mean())
    """
    _check_installed()
    takes_out = _check_function(function)
    n = _check_n_jobs(n_jobs)
    root = _check_out(out, function)
    home = root / f"code-{fingerprint(function)}"
    jobs = _jobs(function, grid, seeds, home)
    _mention_other_code(function, root, home)
    if again:
        for job in jobs:
            shutil.rmtree(job.folder, ignore_errors=True)
    waiting = [job for job in jobs if not job.finished()]
    for job in waiting:  # an error of an earlier sweep is no longer a result
        shutil.rmtree(job.folder / RESULT, ignore_errors=True)
    with _Progress(name_of(function), len(jobs), len(jobs) - len(waiting), progress) as line:
        task = functools.partial(run_job, function, takes_out)
        if n == 1:
            for job in waiting:
                line.tell(*task(job))
        elif waiting:
            _in_processes(task, waiting, n, tell=line.tell)
    return _table(function, jobs, root)


# ---- checks ---------------------------------------------------------------------------------------------------------


def _check_installed() -> None:
    """What a sweep needs beyond neurosim itself."""
    from importlib.util import find_spec

    missing = [name for name in ("joblib", "pandas") if find_spec(name) is None]
    if missing:
        raise RunError(f"sweep: needs {' and '.join(missing)}, not installed here; pip install {' '.join(missing)}")


def _check_function(function: object) -> bool:
    """Whether a function that can be swept takes `out`."""
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    if not isinstance(inner, FunctionType):
        raise ParameterError(
            f"sweep(function): must be a function, or a functools.partial of one, got {function!r}; "
            'write def simulate(rate, seed): ... and ns.sweep(simulate, {"rate": [5.0, 10.0]}, seeds=range(3))'
        )
    return "out" in inspect.signature(function).parameters  # type: ignore[arg-type]


def _check_n_jobs(n_jobs: object) -> int:
    """The number of processes."""
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs == 0:
        raise ParameterError(
            f"sweep(n_jobs): must be a whole number of processes, or -1 for one a core, got {n_jobs!r}; n_jobs=-1"
        )
    if n_jobs > 0:
        return int(n_jobs)
    import joblib

    return int(joblib.effective_n_jobs(int(n_jobs)))


def _check_out(out: object, function: Callable[..., object]) -> Path:
    """The folder of the sweep."""
    if out is None:
        out = Path("runs") / f"sweep_{name_of(function).strip('<>')}"
    if not isinstance(out, str | os.PathLike):
        raise ParameterError(f'sweep(out): must be the name of a folder, got {out!r}; out="runs/my_sweep"')
    root = Path(out)
    if root.exists() and not root.is_dir():
        raise ParameterError(f'sweep(out): {str(root)!r} is a file, it must be a folder; out="runs/my_sweep"')
    return root.absolute()  # a job may change the folder it works in


def _jobs(function: Callable[..., object], grid: object, seeds: object, home: Path) -> list[Job]:
    """Every job once, in the order of the table."""
    points, seeds = _points(grid), _check_seeds(seeds)
    for point in points:
        _check_point(function, point)
    jobs = [Job(point, seed, home) for point in points for seed in seeds]
    first: dict[str, Job] = {}
    for job in jobs:
        if job.name in first:
            raise ParameterError(f"sweep(grid, seeds): {job.line(function)} is asked for twice; leave one out")
        first[job.name] = job
    return jobs


def _points(grid: object) -> list[dict[str, Any]]:
    """Every point of the grid as arguments of the function."""
    if isinstance(grid, Mapping):
        columns = {}
        for key, values in grid.items():
            if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
                raise ParameterError(
                    f"sweep(grid[{key!r}]): must be a list of the values to try, got {values!r}; {{{key!r}: [{values!r}]}}"
                )
            columns[key] = list(values)
            if not columns[key]:
                raise ParameterError(f"sweep(grid[{key!r}]): must hold at least one value, got {values!r}")
        return [dict(zip(columns, point, strict=True)) for point in itertools.product(*columns.values())]
    if isinstance(grid, Sequence) and grid and all(isinstance(point, Mapping) for point in grid):
        return [dict(point) for point in grid]
    raise ParameterError(
        f"sweep(grid): must map names of arguments to lists of values, or list mappings of names to values, got {grid!r}; "
        'grid={"rate": [5.0, 10.0]} or grid=[{"rate": 5.0}, {"rate": 10.0}]'
    )


def _check_seeds(seeds: object) -> list[int]:
    """The seeds."""
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        raise ParameterError(f"sweep(seeds): must be a list of seeds, got {seeds!r}; seeds=range({max(1, int(seeds))})")
    if isinstance(seeds, str | bytes | Mapping) or not isinstance(seeds, Iterable):
        raise ParameterError(f"sweep(seeds): must be a list of whole numbers, got {seeds!r}; seeds=range(5)")
    checked = [check_count("sweep(seeds)", seed) for seed in seeds]
    if not checked:
        raise ParameterError(f"sweep(seeds): must hold at least one seed, got {seeds!r}; seeds=range(5)")
    return checked


def _check_point(function: Callable[..., object], point: Mapping[str, Any]) -> None:
    """That the function takes these arguments, and all that it needs is among them."""
    name, signature = name_of(function), inspect.signature(function)
    for key in point:
        if key in (*RESERVED, "out"):
            raise ParameterError(
                f"sweep(grid): {key!r} cannot be a parameter of the grid, the sweep gives it; name it otherwise, or seeds=range(5)"
            )
    known = [p.name for p in signature.parameters.values() if p.kind not in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)]
    if not any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values()):
        for key in [*point, "seed"]:
            if key not in known:
                raise ParameterError(
                    f"sweep(function): {name} takes no argument {key!r}, only {', '.join(known) or 'none'}.{did_you_mean(key, known)} "
                    f"Write def {name}({', '.join([*point, 'seed'])}): ..."
                )
    try:
        signature.bind(**point, seed=0, **({"out": ""} if "out" in known else {}))
    except TypeError as error:
        raise ParameterError(
            f"sweep(grid): {name} cannot be called with {', '.join([*point, 'seed'])} alone ({error}); add it to the grid, or fix it: "
            f"functools.partial({name}, ...)"
        ) from None
    for key, value in point.items():
        identity(f"sweep(grid[{key!r}])", value)


def _mention_other_code(function: Callable[..., object], root: Path, home: Path) -> None:
    """Say it if jobs were finished with other code and none with this."""
    others = [one for one in sorted(root.glob("code-*")) if one != home]
    if others and not home.exists():
        warnings.warn(
            f"sweep({name_of(function)}): the code of the function, or a constant it reads, is not that of the jobs in {str(root)!r}: all run "
            f"again. The old ones stay in {', '.join(one.name for one in others)}; delete them, or put the code back to use them",
            NeurosimWarning,
            stacklevel=3,
        )


# ---- running --------------------------------------------------------------------------------------------------------

Task = Callable[[Job], tuple[str, bool]]
Tell = Callable[[str, bool], None]


def _in_processes(task: Task, jobs: list[Job], n: int, tell: Tell) -> None:
    """Run jobs in `n` processes.  If one dies, what was running then runs alone, so that only the job that kills it fails."""
    waiting = jobs
    size = max(2, min(n, len(jobs)))  # joblib would run a single one in this process, which must not die
    try:
        while waiting:
            try:
                _pool(task, waiting, size, tell)
                return
            except BrokenProcessPool as error:
                suspects = [job for job in waiting if job.begun.exists() and job.outcome() is None]
                if not suspects:
                    raise RunError(
                        f"sweep: the worker processes cannot start ({error}); n_jobs=1 runs the jobs in this process and shows why"
                    ) from error
                for job in suspects:
                    _alone(task, job, tell)
                for job in waiting:
                    outcome = job.outcome()
                    if outcome is not None:
                        tell(job.name, bool(outcome.error))
                waiting = [job for job in waiting if job not in suspects and job.outcome() is None]
    finally:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(wait=True)  # the next sweep must see code as it is then


def _pool(task: Task, jobs: list[Job], size: int, tell: Tell) -> None:
    """Run jobs in processes."""
    from joblib import Parallel, delayed

    work = delayed(_in_worker)
    # Without max_nbytes=None, large arrays would come as read-only maps of a file: another argument than one by one.
    pool = Parallel(n_jobs=size, backend="loky", batch_size=1, return_as="generator_unordered", max_nbytes=None)
    try:
        for name, failed in pool(work(task, job, os.getpid()) for job in jobs):
            tell(name, failed)
    except pickle.PicklingError as error:
        reason = str(error.__cause__ or error).strip('" \n').splitlines()[-1]  # the cause is a whole traceback as text
        raise ParameterError(
            f"sweep(function, grid): cannot be sent to other processes ({reason}); make networks and open files inside the "
            "function, or run the jobs in this process: n_jobs=1"
        ) from error


def _alone(task: Task, job: Job, tell: Tell) -> None:
    """Run one job in a process with no others beside it; if that dies again, the job has failed."""
    try:
        _pool(task, [job], 2, tell)
    except BrokenProcessPool as error:
        job.folder.mkdir(parents=True, exist_ok=True)
        reason = " ".join(str(error).split())
        keep(job, {}, f"its process died, twice (killed for want of memory, or crashed): {reason}", float("nan"))
        job.begun.unlink(missing_ok=True)
        tell(job.name, True)


def _in_worker(task: Task, job: Job, parent: int) -> tuple[str, bool]:
    """A job in a worker process."""
    _settle_worker(parent)
    return task(job)


@functools.cache
def _settle_worker(parent: int) -> None:
    """Once in each worker: it ends when the process that began it does."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


class _Progress:
    """One live line: jobs done, failed, and the time left."""

    def __init__(self, name: str, total: int, before: int, show: bool | None) -> None:
        self.show = show if show is not None else (sys.stderr.isatty() or "ipykernel" in sys.modules)
        self.name, self.total, self.before, self.failed = name, total, before, 0
        self.bar: Any = None
        self._told: set[str] = set()

    def __enter__(self) -> _Progress:
        if self.show:
            from tqdm.std import tqdm

            words = f"sweep {self.name}" + (f" ({self.before:,} finished before)" if self.before else "")
            self.bar = tqdm(total=self.total, initial=self.before, desc=words, unit="job", file=sys.stderr)
        return self

    def tell(self, name: str, failed: bool) -> None:
        """A job is over; to say so twice changes nothing."""
        if name in self._told:
            return
        self._told.add(name)
        self.failed += failed
        if self.bar is not None:
            if self.failed:
                self.bar.set_postfix_str(f"{self.failed:,} failed", refresh=False)
            self.bar.update()

    def __exit__(self, *unused: object) -> None:
        if self.bar is not None:
            self.bar.close()


# ---- the table ------------------------------------------------------------------------------------------------------


def _table(function: Callable[..., object], jobs: list[Job], root: Path) -> pandas.DataFrame:
    """One row a job, from what is on disk, whether it ran now or earlier."""
    import pandas

    rows, wrong = [], []
    for job in jobs:
        outcome = job.outcome()
        if outcome is None:
            raise RunError(f"sweep: the result of {job.line(function)} in {str(job.folder)!r} is gone; sweep again")
        if outcome.error:
            wrong.append((job, outcome.error))
        ends = {"seconds": outcome.seconds, "error": outcome.error, "folder": str(job.folder)}
        rows.append(({**job.parameters, "seed": job.seed}, outcome.values, ends))
    names = list(dict.fromkeys(key for part in zip(*rows, strict=True) for some in part for key in some))
    whole = [{key: value for some in row for key, value in some.items()} for row in rows]
    table = pandas.DataFrame({name: [row.get(name) for row in whole] for name in names})
    flat = [name for name in names if not any(isinstance(row.get(name), np.ndarray) for row in whole)]
    temporary = root / f".{TABLE}.{os.getpid()}.tmp"
    table[flat].to_csv(temporary, index=False)
    os.replace(temporary, root / TABLE)
    if wrong:
        _complain(function, wrong, len(jobs), root)
    return table


def _complain(function: Callable[..., object], wrong: list[tuple[Job, str]], total: int, root: Path) -> None:
    """An error if every job failed, else a warning."""
    told = "; ".join(f"{job.line(function)}: {error}" for job, error in wrong[:3])
    more = f"; and {len(wrong) - 3:,} more, see the column error" if len(wrong) > 3 else ""
    text = (
        f"sweep: {len(wrong):,} of {total:,} jobs failed: {told}{more}. What the first printed, with its traceback: "
        f"{str(wrong[0][0].folder / PRINTED)!r}. The same sweep again runs those that failed and no other"
    )
    if len(wrong) == total:
        raise RunError(text)
    warnings.warn(text, NeurosimWarning, stacklevel=4)
