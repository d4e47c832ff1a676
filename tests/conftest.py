"""What every test stands on: no display, one BLAS thread, where compiled code goes, the markers."""

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator

# Before NumPy, Numba or matplotlib are imported by anything.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")  # else jupyter_core warns about moving its folders


def _choose_cache() -> None:
    """Name the folder of compiled code for this process and its children.

    A laptop keeps its warm cache.  CI without a cache folder of its own gets a fresh one.  Workers of pytest-xdist share it.
    """
    if os.environ.get("CI") and not os.environ.get("NEUROSIM_CACHE") and not os.environ.get("XDG_CACHE_HOME"):
        cache = os.environ["NEUROSIM_CACHE"] = tempfile.mkdtemp(prefix="neurosim-cache-")
        atexit.register(shutil.rmtree, cache, ignore_errors=True)
    if os.environ.get("PYTEST_XDIST_WORKER"):
        os.environ.setdefault("NUMBA_NUM_THREADS", "1")  # the workers have the cores already


_choose_cache()

import hypothesis  # noqa: E402
import pytest  # noqa: E402

INTERPRETED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
LONG = 120.0  # s; a test above this is named at the end of the run

# A first example may compile for seconds, so no deadline.  CI must not fail by chance, so it always draws the same.
hypothesis.settings.register_profile("laptop", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.register_profile("interpreted", deadline=None, derandomize=True, max_examples=10)
hypothesis.settings.load_profile("interpreted" if INTERPRETED else "ci" if os.environ.get("CI") else "laptop")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if INTERPRETED:
        skip = pytest.mark.skip(reason="needs compiled code; NUMBA_DISABLE_JIT is set")
        for item in items:
            if item.get_closest_marker("compiled"):
                item.add_marker(skip)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    times: dict[str, float] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                times[report.nodeid] = times.get(report.nodeid, 0.0) + report.duration
    for name, seconds in sorted(times.items(), key=lambda pair: -pair[1]):
        if seconds > LONG:
            terminalreporter.line(f"LONG TEST: {name} took {seconds:.0f} s, aim at {LONG:.0f} s", yellow=True)


@pytest.fixture
def sized() -> Callable[[int, int], int]:
    """`sized(compiled, interpreted)` is the size that fits this run: `n = sized(10_000, 200)`."""
    return lambda compiled, interpreted: interpreted if INTERPRETED else compiled


@pytest.fixture(autouse=True)
def _figures_closed() -> Iterator[None]:
    """No test leaves a figure to the next; matplotlib is not imported for this."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
