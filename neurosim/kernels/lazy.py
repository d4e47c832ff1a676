"""Writes the kernels of a lazy plasticity rule: history, delivery with replay, catching up.  Knows text and arrays only.

A rule is two plain scalar functions, `potentiate(w, x, ...)` at a postsynaptic arrival (x: the presynaptic trace) and
`depress(w, y, ...)` at a presynaptic one (y: the postsynaptic trace of *earlier* arrivals); further arguments are named
after the rule's parameters.  They may use `exp`, `log` and `power`, nothing else, and must leave w alone when the trace
is 0.  Their source is inlined, so that the compiler sees one loop.

How it is fast (measured, see benchmarks/stdp_events.py): no unpredictable branch per synapse.  The two newest spikes of a
target are always replayed, through a table of decays whose last entry is 0, where every spike lands that does not count;
synapses with more to replay are listed and done after the row.  Parallel synapses into the same slot are listed together
or not at all (they have one target and one delay), so the list changes no sum.

Rules that name `exp`, `log` or `power` are costly: their updates run in loops over rows of their own, which the compiler
turns into vector code, and the listed synapses are replayed together, one spike of each at a time.  With float32 weights
`power` means `power_float32`.

Two flavours.  *uniform*: all synapses of a projection see postsynaptic spikes equally late (`BACK` steps), spikes enter the
history when they arrive.  *any*: as late as their own delay, spikes enter the history when they are fired.

The text is in kernels/lazy_text.py, the history and what else does not depend on the rule in kernels/history.py.
"""

import ast
import dis
import inspect
import re
import textwrap
from collections.abc import Callable
from types import ModuleType

import numpy as np

from neurosim.kernels import lazy_text as texts
from neurosim.kernels.history import FIELDS, LAYOUT, LAYOUT_AT, LEDGER, MOST_ROUNDS, PLACE, SHARD, SHARDS
from neurosim.kernels.specialise import load_module, source_of

Rule = Callable[..., float]


def rule_parameters(potentiate: Rule, depress: Rule) -> tuple[str, ...]:
    """Columns of the parameter table: w_min, w_max, then what the two functions ask for."""
    names = ["w_min", "w_max"]
    for function in (potentiate, depress):
        names += [name for name in _own_arguments(function) if name not in names]
    return tuple(names)


def lazy_source(potentiate: Rule, depress: Rule, uniform: bool, dtype: str = "float32", one_sided: bool = False) -> str:
    """Text of the module of kernels for a rule; `dtype` is that of the weights, traces and decay tables.

    `one_sided` promises that potentiate never lowers and depress never raises a weight: each is clipped on its side only.
    """
    words, times, trace0, traces = LAYOUT[uniform, dtype]
    constants = dict(zip(PLACE, range(len(PLACE)), strict=True)) | dict(
        zip(LEDGER[:LAYOUT_AT], range(LAYOUT_AT), strict=True)
    )
    constants |= {"WORDS": words, "TIMES": times, "TRACE0": trace0, "TRACES": traces}
    constants |= {"MOST": MOST_ROUNDS, "SHARD": SHARD, "SHARDS": SHARDS}
    constants["PER_LINE"] = words * 4 // np.dtype(dtype).itemsize
    costly = any(word in source_of(f) for f in (potentiate, depress) for word in ("power(", "exp(", "log("))
    text = texts.HEADER + texts.RULE + (texts.ROWS if costly else "") + texts.STREAM
    for mark, what in {
        "FAST": texts.FAST_UNIFORM if uniform else texts.FAST_ANY,
        "UPDATE": texts.UPDATE_ROWS if costly else texts.UPDATE,
        "LISTED": texts.LISTED_ROWS if costly else texts.LISTED,
        "ROUNDS": texts.ROUNDS if costly else "",
        "EACH": texts.BRANCH_FREE[uniform],
        "SITUATION": texts.SITUATION,
        "TARGET": texts.TARGET[uniform],
        "COUNTED": texts.COUNTED[uniform],
        "NTH": texts.NTH[uniform],
        "ARRIVED": texts.ARRIVED[uniform],
        "REPLAY": texts.REPLAY,
        "COUNT": texts.COUNT,
        "POST_TRACE": texts.POST_TRACE[uniform],
    }.items():
        text = _insert(text, mark, what)
    up, down = f"<REAL>({_expression(potentiate, 'potentiate')})", f"<REAL>({_expression(depress, 'depress')})"
    names = rule_parameters(potentiate, depress)
    for mark, what in {
        "CONSTANTS": "\n".join(f"{name} = {value}" for name, value in constants.items()),
        "POTENTIATE": _inlined(potentiate, "potentiate"),
        "DEPRESS": _inlined(depress, "depress"),
        "UNPACKED": ", ".join(names),
        "CLIP_UP": f"min({up}, w_max)" if one_sided else f"min(max({up}, w_min), w_max)",
        "CLIP_DOWN": f"max({down}, w_min)" if one_sided else f"min(max({down}, w_min), w_max)",
        "ROW_OF_PARAMETERS": ", ".join(f"parameters[k, {i}]" for i in range(len(names))),
        "POWER": "power_float32 as power" if dtype == "float32" else "power",
        "TRACE_AT": "trace * plus[min(t - reference, top)] if t > reference else trace - <REAL>(1.0)",
        "STAMP": "(np.int64(line[at + h]) if h < TIMES else np.int64(log[target, (count - 1 - h) & log_mask]))",
        "REAL": f"np.{dtype}",
    }.items():
        text = text.replace(f"<{mark}>", what)
    return "@kernel\n".join(_with_fields(part) for part in text.split("@kernel\n"))


def lazy_module(
    potentiate: Rule, depress: Rule, uniform: bool, dtype: str = "float32", one_sided: bool = False
) -> ModuleType:
    """The kernels of a rule: push, deliver, room_needed for the driver, bring_up for the pool."""
    title = f"lazy_{'uniform' if uniform else 'any'}_{dtype}"
    return load_module(lazy_source(potentiate, depress, uniform, dtype, one_sided), title)


def _own_arguments(function: Rule) -> list[str]:
    """Names of the arguments after the weight and the trace."""
    return list(inspect.signature(function).parameters)[2:]


def _expression(function: Rule, name: str) -> str:
    """What the function returns, in its own names, if that is all it does; else a call."""
    (tree,) = ast.parse(source_of(function)).body
    assert isinstance(tree, ast.FunctionDef)
    statements = [s for s in tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    if len(statements) == 1 and isinstance(statements[0], ast.Return) and statements[0].value is not None:
        return ast.unparse(statements[0].value)
    return f"{name}({', '.join(inspect.signature(function).parameters)})"


def _insert(text: str, mark: str, what: str) -> str:
    """Put a stretch of code where a line says <mark>, indented as that line."""
    return re.sub(rf"^( *)<{mark}>\n", lambda found: textwrap.indent(what, found[1]), text, flags=re.MULTILINE)


def _with_fields(function: str) -> str:
    """Take out of the tuple what the function uses, and no more: unused arrays cost compile time."""
    used = [f"    {name} = pool[{i}]" for i, name in enumerate(FIELDS) if re.search(rf"\b{name}\b", function)]
    return function.replace("    <FIELDS> = pool", "\n".join(used))


def _inlined(function: Rule, name: str) -> str:
    """Source of a rule function under a fixed name, without annotations; refuses what the generated module has not."""
    if hasattr(function, "__neurosim_source__"):  # gathered and checked already
        return "@kernel\n" + re.sub(r"^def \w+", f"def {name}", source_of(function), count=1)
    allowed = {"exp", "log", "power", "np"}
    code = function.__code__
    foreign = {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"} | set(code.co_freevars)
    if foreign - allowed:
        raise ValueError(
            f"{function.__name__}: a plasticity function may use exp, log and power only, not {sorted(foreign - allowed)[0]!r}"
        )
    head = f"def {name}({', '.join(inspect.signature(function).parameters)}):"
    return "@kernel\n" + re.sub(r"^def \w+\([^)]*\)[^:]*:", head, source_of(function), count=1)
