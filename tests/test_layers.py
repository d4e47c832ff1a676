"""The house: who may import whom, and what may be imported at all when neurosim starts.

The rule.  Every module and package directly under `neurosim/` stands on a storey.  An import may go

1. down: to a module or package on a lower storey;
2. home: between modules of one package (`neurosim.kernels.rng` may import `neurosim.kernels.compiled`);
3. sideways, only from left to right in one of the few `CHAINS`, so that no circle can arise;

and nowhere else: not up, not to another module or package on the same storey.  All `import` statements count, those
inside functions too; those under `if TYPE_CHECKING:` do not, and neither do names that are looked up at run time from a
table of strings.  The package's own `__init__` is the roof: it may import anything, and only `__version__` may be
imported from it.  A module that is on no storey fails: put it on one.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "neurosim"

STOREYS = {
    7: ["cli", "checking", "about", "__main__"],
    6: ["memory", "bridges", "lab", "report", "sweeps"],
    5: [
        "network",
        "snapshot",
        "running",
        "overview",
        "resetting",
        "attending",
        "disconnecting",
        "populating",
        "joining",
        "connecting",
        "procedural",
        "piecemeal",
        "filling",
        "threads",
        "junctions",
        "listening",
        "stimulating",
        "projection",
        "forms",
        "choosing",
        "edges",
        "inserting",
        "population",
        "values",
        "runs",
        "jobs",
        "launching",
        "gathering",
        "sharing",
        "spread",
    ],
    4: ["engine", "structural", "learning", "checkpoint", "recordings", "plot"],
    3: ["neurons", "equations", "plasticity", "stimuli", "wiring", "graph", "questions", "analysis", "streaming"],
    2: ["kernels", "positions", "distributions", "recording", "datasets", "history", "lifetimes", "encoding", "mapped"],
    1: ["errors", "units", "checks", "process", "ranks"],
}
CHAINS = [
    [
        "network",
        "snapshot",
        "gathering",
        "running",
        "overview",
        "resetting",
        "attending",
        "disconnecting",
        "populating",
        "joining",
        "connecting",
        "procedural",
        "piecemeal",
        "sharing",
        "filling",
        "threads",
        "junctions",
        "listening",
        "stimulating",
        "projection",
        "forms",
        "choosing",
        "spread",
        "edges",
        "inserting",
        "population",
        "values",
    ],  # one thing in many parts: what users hold
    ["__main__", "cli", "checking"],  # python -m neurosim is the command line, and `check` one of its commands
    ["cli", "about"],  # `info` another
    ["equations", "neurons"],  # a model in equations is the same physics
    ["equations", "plasticity"],  # and the same mechanism
    ["history", "lifetimes"],  # events, and what follows from them
    ["positions", "distributions", "kernels"],  # a draw is made by a kernel
    ["graph", "questions"],  # rows that are edited, and what they are asked
    ["learning", "engine"],  # a pass over a pool first notes what is on its way
    ["ranks", "errors"],  # what ranks disagree about is an error
    ["checks", "units", "errors"],  # a check converts quantities; one that fails raises an error
]
STOREY = {name: storey for storey, names in STOREYS.items() for name in names}
HEAVY = [
    "brian2",
    "joblib",
    "llvmlite",
    "matplotlib",
    "mpi4py",
    "networkx",
    "numba",
    "pandas",
    "scipy",
    "sklearn",
    "sympy",
    "tqdm",
    "zarr",
]


def test_every_module_stands_on_a_storey():
    homeless = sorted(unit(file) for file in sources() if unit(file) not in STOREY and unit(file) != "neurosim")
    assert not homeless, f"no storey for {homeless}: add them to STOREYS in {Path(__file__).name} (and to the README)"


def test_every_arrow_points_down():
    wrong = [problem for file in sources() for problem in problems(file, file.read_text(encoding="utf-8"))]
    assert not wrong, "imports must point down:\n" + "\n".join(wrong)


CHECKING = "from typing import TYPE_CHECKING\n"


@pytest.mark.parametrize(
    ("source", "text", "told"),
    [
        ("graph.py", "from neurosim.kernels import rows", ""),
        ("graph.py", "import neurosim.errors", ""),
        ("kernels/rows.py", "from neurosim.kernels.rng import philox", ""),
        ("kernels/rows.py", "from .rng import philox", ""),
        ("graph.py", CHECKING + "if TYPE_CHECKING:\n    from neurosim.network import Network", ""),
        ("checkpoint.py", "from neurosim import __version__", ""),
        ("checks.py", "from neurosim.errors import ParameterError", ""),
        ("network.py", "from neurosim import connecting", ""),
        ("connecting.py", "def f():\n    import neurosim.network", "sideways"),
        ("graph.py", "from neurosim.wiring import random", "sideways"),
        ("kernels/rows.py", "from neurosim import graph", "up"),
        ("neurons/lif.py", "def f():\n    from ..network import Network", "up"),
        ("neurons/lif.py", "from ..plasticity.pair import PairSTDP", "sideways"),
        ("graph.py", "import neurosim.nowhere", "no storey"),
        ("graph.py", "from neurosim import Network", "the roof"),
        ("graph.py", CHECKING + "if not TYPE_CHECKING:\n    import neurosim.network", "up"),
    ],
)
def test_the_rule_itself(source, text, told):
    found = problems(PACKAGE / source, text)
    assert bool(found) == bool(told)
    assert all(told in problem for problem in found)


@pytest.mark.parametrize(
    "start",
    [
        "import neurosim",
        "import neurosim.cli",
        "sys.argv[1:] = ['--help']; runpy.run_module('neurosim', run_name='__main__')",
    ],
)
def test_a_start_is_light(start):
    code = (
        "import atexit, runpy, sys\n"
        f"heavy = {HEAVY!r}\n"
        "atexit.register(lambda: print('LOADED', *[name for name in heavy if name in sys.modules]))\n"
        f"{start}\n"
    )
    environment = dict(os.environ, PYTHONPATH=str(PACKAGE.parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.strip().splitlines()[-1].split()[1:]
    assert not loaded, f"{start!r} imports {loaded}: import them inside the functions that need them"


def sources() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def unit(file: Path) -> str:
    """The module or package directly under neurosim that a file belongs to; its own `__init__` is 'neurosim'."""
    inside = file.relative_to(PACKAGE)
    first = inside.parts[0].removesuffix(".py")
    return "neurosim" if inside.parts == ("__init__.py",) else first


def problems(file: Path, text: str) -> list[str]:
    """One line for each import of a file that the rule forbids."""
    source = unit(file)
    if source == "neurosim":
        return []
    found = []
    for target, line in arrows(file, text):
        where = f"neurosim/{file.relative_to(PACKAGE).as_posix()}:{line}: {source} -> {target}"
        if target == source or any(in_order(source, target, chain) for chain in CHAINS):
            continue
        if target == "neurosim":
            found.append(f"{where}: the roof; import from the module itself")
        elif target not in STOREY or source not in STOREY:
            found.append(f"{where}: no storey for {target if target not in STOREY else source}")
        elif STOREY[target] > STOREY[source]:
            found.append(f"{where}: up, from storey {STOREY[source]} to {STOREY[target]}")
        elif STOREY[target] == STOREY[source]:
            found.append(f"{where}: sideways on storey {STOREY[source]}")
    return found


def in_order(source: str, target: str, chain: list[str]) -> bool:
    return source in chain and target in chain and chain.index(source) < chain.index(target)


def arrows(file: Path, text: str) -> Iterator[tuple[str, int]]:
    """(unit imported, line) for every import of neurosim's own in a file, type checking aside."""
    package = ["neurosim", *file.relative_to(PACKAGE).parts[:-1]]
    for node in at_run_time(ast.parse(text, str(file))):
        if isinstance(node, ast.Import):
            for name in node.names:
                parts = name.name.split(".")
                if parts[0] == "neurosim":
                    yield (parts[1] if len(parts) > 1 else "neurosim"), node.lineno
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            parts = start + (node.module.split(".") if node.module else [])
            if parts[:1] != ["neurosim"]:
                continue
            if len(parts) > 1:
                yield parts[1], node.lineno
                continue
            for name in node.names:
                if name.name in STOREY or is_module(name.name):
                    yield name.name, node.lineno
                elif name.name != "__version__":
                    yield "neurosim", node.lineno


def at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, but not what stands under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for other in child.orelse:
                yield other
                yield from at_run_time(other)
        else:
            yield child
            yield from at_run_time(child)


def is_module(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()
