"""What `neurosim info` says about this machine and what is installed.

Knows versions, folders and cores; imports no library whose version it tells.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path

from neurosim import __version__

LIBRARIES = (
    "numpy", "numba", "llvmlite", "scipy", "networkx", "matplotlib", "tqdm", "joblib", "brian2", "pandas", "zarr", "mpi4py",
)  # fmt: skip


def facts(scenarios: Mapping[str, object]) -> dict[str, str]:
    """What there is, by name; `scenarios` are those that can be run."""
    from neurosim.kernels.compiled import cache_folder
    from neurosim.ranks import cores
    from neurosim.threads import available

    cache = cache_folder()
    size = sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) if cache.exists() else 0
    return {
        "neurosim": f"{__version__} in {Path(__file__).parent}",
        "python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        **{name: _version(name) for name in LIBRARIES},
        "cache": f"{cache} ({size / 1e6:.1f} MB of compiled code; may be deleted at any time)",
        "scenarios": ", ".join(scenarios) or "none",
        "cores": str(cores()),
        "threads": f"{available()} for networks large enough to gain, else one; --threads N or NEUROSIM_THREADS says another",
        "gpu": "no GPU back end",
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
