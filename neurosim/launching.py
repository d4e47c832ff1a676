"""Starting a run on several ranks, and what a run of the command line does on ranks other than the first.

Knows mpirun and folders; knows neither scenarios nor networks.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from neurosim import ranks
from neurosim.errors import ParameterError, RunError


def mpirun() -> str:
    """The mpirun beside this Python, or the one on the path."""
    beside = Path(sys.executable).parent / "mpirun"
    found = str(beside) if beside.exists() else shutil.which("mpirun")
    if found is None:
        raise RunError("--mpi: there is no mpirun; pip install 'neurosim[mpi]', which brings mpi4py and mpich")
    return found


def start(asked: str, words: Sequence[str]) -> int:
    """Run `python -m neurosim` with these words on so many ranks (one for each core if no number is asked); return the exit code."""
    asked = asked or str(ranks.cores())
    if not asked.isascii() or not asked.isdecimal() or int(asked) < 1:
        raise ParameterError(f"--mpi {asked}: give a whole number of ranks, at least 1, for example --mpi 2")
    try:
        import mpi4py  # noqa: F401  (imported by the ranks; here only whether it is there)
    except ImportError:
        raise RunError("--mpi: mpi4py cannot be imported; pip install 'neurosim[mpi]'") from None
    return subprocess.call([mpirun(), "-n", asked, sys.executable, "-m", "neurosim", *words])


@contextlib.contextmanager
def quiet(out: Path) -> Iterator[Path]:
    """The folder of this rank: `out` on the first, which prints; on others one that is thrown away, and nothing is printed."""
    if ranks.once():
        yield out
        return
    with (
        tempfile.TemporaryDirectory(prefix="neurosim-rank-") as folder,
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        yield Path(folder)
