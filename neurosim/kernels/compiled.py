"""The one decorator of every kernel: compiled code is cached in a folder named by the hash of all code that compiles.

Numba looks only at the file of the function itself when it decides whether cached code is fresh; helpers in other files
go stale silently.  With the folder keyed by the whole tree, an edit anywhere starts afresh, and going back is a hit.
`numba.config.CACHE_DIR` is read when a function is decorated, so it is set for that moment only.
"""

import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import numba

KERNELS = Path(__file__).parent
JIT = not numba.config.DISABLE_JIT
F = TypeVar("F", bound=Callable[..., object])


@cache
def tree_hash() -> str:
    """Hash of every kernel source, of Numba's, NumPy's and Python's versions."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info[:3]} {numba.config.BOUNDSCHECK}".encode())
    for file in sorted(KERNELS.glob("*.py")):
        digest.update(file.name.encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder() -> Path:
    """Folder of compiled code and generated modules: NEUROSIM_CACHE, or the user's cache directory."""
    named = os.environ.get("NEUROSIM_CACHE")
    if named:
        return Path(named)
    usual = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(usual) / "neurosim"


def kernel(function: F) -> F:
    """`numba.njit(cache=True, nogil=True)`, cached in the folder of this source tree."""
    return _compiled(function, forceinline=False)


def scalar(function: F) -> F:
    """As `kernel`, for a function of scalars that is called in a loop: always inlined, else the loop is not vectorised."""
    return _compiled(function, forceinline=True)


def _compiled(function: F, *, forceinline: bool) -> F:
    usual = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder() / tree_hash())
    try:
        return numba.njit(
            function, cache=True, nogil=True, error_model="numpy", forceinline=forceinline, no_cfunc_wrapper=True
        )
    finally:
        numba.config.CACHE_DIR = usual
