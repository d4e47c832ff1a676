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
from typing import Any, TypeVar

import numba

from neurosim.kernels.turns import turn

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
    """`numba.njit(cache=True, nogil=True)` of a function that makes no arrays (Numba refuses others).

    References to arrays are not counted in it: with arguments by the hundred that is a sixth of its compilation.
    """
    return _compiled(function)


def allocating(function: F) -> F:
    """As `kernel`, for a function that makes arrays."""
    return _compiled(function, counted=True)


def scalar(function: F) -> F:
    """As `kernel`, for a function of scalars that is called in a loop: always inlined, else the loop is not vectorised."""
    return _compiled(function, forceinline=True)


def _compiled(function: F, *, forceinline: bool = False, counted: bool = False) -> F:
    """The function, cached in the folder of this source tree; `counted`: with references to arrays counted."""
    folder = cache_folder() / tree_hash()
    usual = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        made: Any = numba.njit(
            function, cache=True, nogil=True, error_model="numpy", forceinline=forceinline, no_cfunc_wrapper=True, _nrt=counted
        )  # fmt: skip
    finally:
        numba.config.CACHE_DIR = usual
    if JIT:
        made.compile = _in_turn(made, folder)
    return made


def _in_turn(dispatcher: Any, folder: Path) -> Callable[[Any], Any]:
    """What compiles the dispatcher, or loads it, one process at a time."""
    compile_, known = dispatcher.compile, dispatcher.overloads
    name = f"{dispatcher.py_func.__module__}.{dispatcher.py_func.__qualname__}"

    def compile_alone(signature: Any) -> Any:
        if isinstance(signature, tuple) and signature in known:
            return compile_(signature)
        with turn(folder, name):
            return compile_(signature)

    return compile_alone
