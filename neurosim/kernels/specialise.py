"""Writes the compiled code of one network: a module per neuron model as it is used, and a driver that calls everything.

Numba caches neither closures nor jitted functions passed as arguments, so each piece is a file of its own in the user's
cache folder, named by the hash of its text and of the kernel tree, readable, and safe to delete.  Knows text and names
only: no Network, no Population.
"""

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from neurosim.kernels.compiled import cache_folder, tree_hash
from neurosim.kernels.plain import arguments_of, source_of

__all__ = ["BLOCK_ARGUMENTS", "DRAWS", "HEADER", "BlockPlan", "arguments_of", "load_block", "load_module", "source_of"]

HEADER = '"""{title}.  Written by neurosim; safe to delete, it is written again when needed."""\nimport numpy as np\n\n'
WRITTEN = 1_000_000_000  # s; modified then, whoever writes it: to Numba a file of another time is another text
TILE = 512  # neurons; measured best of 256, 512, 1024, all
MATHEMATICS = (
    "from neurosim.kernels.elementary import cos, expm1, exprel, sin, tanh\n"
    "from neurosim.kernels.mathematics import cos_turns, exp, log, power\n"
)
#: Random numbers of a neuron in a step, each a stream of its own, in the order of their keys.  A model may name all but
#: `spontaneous`, which decides whether a neuron fires unasked.
DRAWS = ("uniform", "normal", "spontaneous", *(f"{kind}_{k}" for k in range(2, 10) for kind in ("uniform", "normal")))


def load_module(text: str, title: str) -> ModuleType:
    """Import generated source, writing it first if it is new.

    The module is in `sys.modules` before it is executed: else the next process fails when it loads Numba's cache.
    """
    digest = hashlib.sha256((tree_hash() + text).encode()).hexdigest()[:16]
    name = f"neurosim_{title}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    folder = cache_folder() / "generated"
    path = folder / f"{name}.py"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.utime(temporary, (WRITTEN, WRITTEN))
        os.replace(temporary, path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot import the generated module {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@dataclass(frozen=True)
class BlockPlan:
    """How one model is used: which of its coefficients differ within a population, and what extra input there is."""

    physics: Any
    varied: tuple[str, ...] = ()
    current: bool = False
    spontaneous: bool = False

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Columns of the coefficient table."""
        return (*self.physics.coefficients, *(("spontaneous",) if self.spontaneous else ()))

    @property
    def functions(self) -> list[Callable[..., object]]:
        """What is called for every neuron in every step: the stages, and the test of who fires."""
        fires = self.physics.fires
        return [*(stage.function for stage in self.physics.stages), *([fires] if fires is not None else [])]

    @property
    def named(self) -> set[str]:
        """All argument names of the model's functions."""
        reset = self.physics.reset
        return {a for f in [*self.functions, *([reset.function] if reset else [])] for a in arguments_of(f)}

    @property
    def draws(self) -> tuple[str, ...]:
        """Rows of the block's array of random numbers; `spontaneous` comes last, whether it is used now or not."""
        return (*(name for name in DRAWS if name in self.named), "spontaneous")


#: Arguments of every generated block kernel after (first_step, n_steps), in the order of the driver's tuple.
BLOCK_ARGUMENTS = (
    "dt", "first", "last", "begin", "count", "table", "varied", "state", "waiting", "fired", "uid", "draws", "place0", "column0", "room",
    "key", "tables", "watch_every", "watch_variable", "watch_first", "watch_place", "watch_base", "watch_origin", "watch_out",
    "spikes", "bounds",
)  # fmt: skip


class _Names:
    """Turns the argument names of a model's functions into expressions over the block's arrays."""

    def __init__(self, plan: BlockPlan) -> None:
        physics = plan.physics
        self.plan = plan
        self.expression: dict[str, str] = {"dt": "dt", "t": "t", "waiting": "waiting[i]", "fired": "fired[i]"}
        self.expression |= {"step": "step", "tables": "tables", "size": "count[p]"}
        self.expression["place"] = "(np.int64(i) - begin[p])"  # in the population, of which this thread may have a part
        self.expression |= {name: f"x_{name}[i]" for name in physics.state}
        self.expression |= {name: f"arrived[r_{name} + i]" for name in physics.receptors}
        for name in plan.coefficients:
            self.expression[name] = f"w_{name}[i]" if name in plan.varied else f"c_{name}"
        self.expression["current"] = "arrived[r_current + i]" if plan.current else "0.0"
        self.expression |= {name: f"draws[{k}, i]" for k, name in enumerate(plan.draws[:-1])}

    def call(self, function: Callable[..., object]) -> str:
        """The call of `function` for neuron i."""
        arguments = arguments_of(function)
        unknown = [a for a in arguments if a not in self.expression]
        if unknown:
            known = ", ".join(sorted(self.expression))
            raise ValueError(f"{function.__name__}: unknown argument {unknown[0]!r}; known: {known}")
        return f"{function.__name__}({', '.join(self.expression[a] for a in arguments)})"

    def target(self, name: str) -> str:
        """What a stage assigns to: a state variable, or whether the neuron fires."""
        return "fired[i]" if name == "fired" else f"x_{name}[i]"

    def receptors_in(self, function: Callable[..., object]) -> list[str]:
        """Ring columns that the function reads."""
        names = [*self.plan.physics.receptors, *(["current"] if self.plan.current else [])]
        return [a for a in arguments_of(function) if a in names]


def block_source(plan: BlockPlan) -> str:
    """Text of the module that advances a block of `plan`."""
    physics = plan.physics
    names = _Names(plan)
    functions = plan.functions
    reset = physics.reset
    text = HEADER.format(title=f"The neuron model {physics.name}") + MATHEMATICS
    text += "from neurosim.kernels.blocks import sample\nfrom neurosim.kernels.compiled import kernel, scalar\n"
    text += "from neurosim.kernels.stimuli import fill_normal, fill_uniform\n"
    text += "from neurosim.kernels.subnormal import flush_subnormals, put_back\n"
    for function in dict.fromkeys([*physics.helpers, *functions, *([reset.function] if reset else [])]):
        text += f"\n\n@scalar\n{source_of(function)}"
    body = _Body()
    body.add(0, "", "", "@kernel", f"def advance(first_step, n_steps, {', '.join(BLOCK_ARGUMENTS)}, ring):")
    body.add(
        1, f'"""Advance the block by n_steps; spikes[bounds[s]:bounds[s + 1]] fired in step s ({physics.name})."""'
    )
    body.add(1, "mask = ring.shape[0] - 1", "words = fired.view(np.uint64)", "found = 0", "bounds[0] = 0")
    body.add(1, "mode = flush_subnormals()")
    body.add(1, *[f"x_{name} = state[{k}]" for k, name in enumerate(physics.state)])
    body.add(1, *[f"w_{name} = varied[{k}]" for k, name in enumerate(plan.varied)])
    columns = [*physics.receptors, *(["current"] if plan.current else [])]
    body.add(1, *[f"r_{name} = np.uint64(column0 + {k} * room)" for k, name in enumerate(columns)])
    body.add(1, "for s in range(n_steps):")
    body.add(2, "step = first_step + s", "arrived = ring[step & mask]")
    if "t" in plan.named:
        body.add(2, "t = step * dt")
    body.add(2, "for p in range(first.size):")
    body.add(3, *[f"c_{n} = table[p, {k}]" for k, n in enumerate(plan.coefficients) if n not in plan.varied])
    for k, name in enumerate(plan.draws[:-1]):
        fill = f"fill_{name.partition('_')[0]}"
        body.add(3, f"{fill}(key[{DRAWS.index(name)}], step, uid, first[p], last[p], draws[{k}])")
    body.add(
        3, f"for start in range(first[p], last[p], {TILE}):  # a tile stays in the first-level cache through all loops"
    )
    body.add(4, f"stop = min(start + {TILE}, last[p])")
    body.add(4, "a = np.uint64(start)  # unsigned: a signed index would be tested for wrap-around, and not vectorised")
    body.add(4, "b = np.uint64(stop)")
    _emit_stages(body, plan, names, functions)
    _emit_fire(body, plan, names, columns, functions)
    _emit_collect(body, plan, names)
    body.add(2, "bounds[s + 1] = found")
    body.add(
        2,
        "sample(step + 1, watch_every, watch_variable, watch_first, watch_place, watch_base, watch_origin, state, watch_out)",
    )
    body.add(1, "put_back(mode)")
    return text + body.text


class _Body:
    """Lines of code with indentation."""

    def __init__(self) -> None:
        self.text = ""

    def add(self, level: int, *lines: str) -> None:
        self.text += "".join("    " * level + line + "\n" if line else "\n" for line in lines)


def _emit_stages(body: _Body, plan: BlockPlan, names: _Names, functions: list[Callable[..., object]]) -> None:
    """One loop a stage; a receptor is emptied in the last loop that reads it."""
    for k, stage in enumerate(plan.physics.stages):
        later = {r for f in functions[k + 1 :] for r in names.receptors_in(f)}
        body.add(4, "for i in range(a, b):")
        body.add(5, f"{', '.join(names.target(name) for name in stage.writes)} = {names.call(stage.function)}")
        body.add(5, *[f"arrived[r_{r} + i] = 0.0" for r in names.receptors_in(stage.function) if r not in later])


def _emit_fire(
    body: _Body, plan: BlockPlan, names: _Names, columns: list[str], functions: list[Callable[..., object]]
) -> None:
    """Who fires, and the countdown of the refractory period."""
    fires = plan.physics.fires
    test = "fired[i]" if fires is None else names.call(fires)  # a stage may have said it already
    if plan.spontaneous:
        row = len(plan.draws) - 1
        body.add(4, f"fill_uniform(key[{DRAWS.index('spontaneous')}], step, uid, start, stop, draws[{row}])")
        test = f"({test} | (draws[{row}, i] < {names.expression['spontaneous']}))"
    body.add(4, "for i in range(a, b):")
    if plan.physics.refractory:
        body.add(5, f"fired[i] = (waiting[i] == 0) & {test}", "waiting[i] = max(waiting[i] - 1, 0)")
    else:
        body.add(5, f"fired[i] = {test}")
    emptied = functions if fires is None else functions[:-1]
    read = {r for f in emptied for r in names.receptors_in(f)}
    body.add(5, *[f"arrived[r_{r} + i] = 0.0" for r in columns if r not in read])


def _emit_collect(body: _Body, plan: BlockPlan, names: _Names) -> None:
    """List the spikes, eight flags at a time, and reset the neurons that fired (not one whose state is no number: that is found later)."""
    body.add(4, "for k in range(start >> 3, (stop + 7) >> 3):")
    body.add(5, "if words[k] != np.uint64(0):")
    body.add(6, "for i in range(max(8 * k, start), min(8 * k + 8, stop)):  # the other flags are another thread's")
    body.add(7, "if fired[i]:")
    body.add(8, "spikes[found] = place0 + i", "found += 1")
    if plan.physics.refractory:
        body.add(8, f"waiting[i] = max(np.int64({names.expression['wait']}) - 1, 0)")
    reset = plan.physics.reset
    if reset is not None:
        first = next(iter(plan.physics.state))
        body.add(8, f"if np.isfinite(x_{first}[i]):")
        body.add(9, f"{', '.join(names.target(name) for name in reset.writes)} = {names.call(reset.function)}")


def load_block(plan: BlockPlan) -> ModuleType:
    """The module that advances a block of `plan`, with its function `advance`."""
    return load_module(block_source(plan), plan.physics.name)
