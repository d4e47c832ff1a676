"""From a translation to the physics that the engine runs: coefficients per population, and functions given as text.

Knows no Brian2.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from neurosim.equations.border import Named, Number, Table
from neurosim.equations.functions import BY_NUMPY, SOURCES
from neurosim.equations.translation import Part, Translation
from neurosim.errors import ParameterError
from neurosim.kernels.plain import Gathered, SourceFunction
from neurosim.neurons.physics import Array, Physics, Stage
from neurosim.plasticity.mechanism import Mechanism, Variable

Derive = Callable[[dict[str, Array], float], dict[str, Array]]
TABLE_NUMBERS = ("first", "rows", "columns", "grain", "fine")


def text_of(part: Part) -> SourceFunction:
    """A part as a function for the specialiser."""
    return SourceFunction(part.name, part.source, part.arguments)


def helpers_of(translation: Translation, namespace: Mapping[str, Named], owner: str) -> tuple[Any, ...]:
    """Functions that a generated module must contain: of the language, and those of the namespace under names of their own."""
    found: list[Any] = [SOURCES[name] for name in translation.functions if name in SOURCES]
    for name in translation.own_functions:
        function = namespace[name]
        gathered = Gathered(f"{owner}.namespace[{name!r}]")
        made = gathered.add(getattr(function, "_orig_func", function))  # type: ignore[arg-type]
        renamed = {one.__name__: f"own_{name}_{one.__name__}" for one in gathered.helpers} | {
            made.__name__: f"own_{name}"
        }
        for one in (*gathered.helpers, made):
            text = _renamed(one.__neurosim_source__, renamed)
            found.append(SourceFunction(renamed[one.__name__], text, one.arguments))
    return tuple(found)


def _renamed(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda word: names.get(word[0], word[0]), text)


def tables_of(names: tuple[str, ...], namespace: Mapping[str, Named]) -> tuple[Array, dict[str, float]]:
    """All tables one after another, and where each begins and how long it is."""
    values, at = [np.zeros(0)], 0
    numbers: dict[str, float] = {}
    for name in names:
        table = namespace[name]
        assert isinstance(table, Table)
        numbers |= {f"{name}_si_first": float(at), f"{name}_si_rows": float(table.values.shape[0])}
        if table.values.ndim == 2:
            numbers[f"{name}_si_columns"] = float(table.values.shape[1])
        values.append(table.values.ravel())
        at += table.values.size
    return np.concatenate(values), numbers


def time_grains(owner: str, names: tuple[str, ...], steady: tuple[str, ...], namespace: Mapping[str, Named], dt: float) -> dict[str, float]:  # fmt: skip
    """How finely the time of a look-up is rounded, so that t = k dt never falls into the sample before; `dt` in s."""
    numbers: dict[str, float] = {}
    for name in names:
        table = namespace[name]
        assert isinstance(table, Table)
        ratio = table.dt / dt
        if name in steady and (ratio < 1 - 1e-9 or abs(ratio - round(ratio)) > 1e-9 * ratio):
            raise ParameterError(
                f"{owner}.method: 'exact' needs {name!r} to be constant within a step, but its dt of {table.dt * 1e3:g} ms is no multiple of "
                f"the network's {dt * 1e3:g} ms; take method='rk4', or another dt"
            )
        fine = max(2.0 ** math.ceil(math.log2(8.0 * ratio)), 1.0)
        numbers |= {f"{name}_si_grain": table.dt / fine, f"{name}_si_fine": fine}
    return numbers


def known_beforehand(scalars: tuple[tuple[str, str], ...], numbers: dict[str, Any]) -> dict[str, Any]:
    """Evaluate the numbers that follow from constants, one after another; those that cannot be are NaN."""
    scope: dict[str, Any] = {"__builtins__": {}, **BY_NUMPY, **numbers}
    with np.errstate(all="ignore"):
        for name, expression in scalars:
            try:
                scope[name] = np.float64(eval(expression, scope))  # noqa: S307  (text of our own making)
            except ZeroDivisionError:
                scope[name] = np.float64(np.nan)
    return {name: scope[name] for name, _ in scalars}


def derive_of(translation: Translation, namespace: Mapping[str, Named], wanted: tuple[str, ...], places: dict[str, float]) -> Derive:  # fmt: skip
    """The function that computes the coefficients of a population."""
    constants = {}
    for coefficient, name in translation.constants:
        number = namespace[name]
        assert isinstance(number, Number)
        constants[coefficient] = np.float64(number.value)

    def derive(parameters: dict[str, Array], dt: float) -> dict[str, Array]:
        seconds = np.float64(dt * 1e-3)
        numbers: dict[str, Any] = {"dt_si": seconds, **constants, **places}
        numbers |= time_grains("Equations", translation.tables, translation.steady, namespace, float(seconds))
        for slot in translation.parameters:
            value = parameters[slot.name]
            if slot.kind == "float":
                numbers[f"{slot.name}_si"] = value * slot.scale
            else:
                numbers[f"{slot.name}_float"] = value
        numbers |= known_beforehand(translation.scalars, numbers)
        return {name: np.asarray(numbers[name], np.float64) for name in wanted}

    return derive


def physics_of(
    translation: Translation, namespace: Mapping[str, Named], receptors: Mapping[str, str], initial: Mapping[str, object],
    hints: Mapping[str, str],
) -> Physics:  # fmt: skip
    """The physics of a neuron model."""
    slots = {slot.name: slot for slot in translation.state}
    state: dict[str, tuple[object, str]] = {n: (initial.get(n, s.initial), s.unit) for n, s in slots.items()}
    parts = [*translation.stages, *(p for p in (translation.fires, translation.reset) if p is not None)]
    tables, places = tables_of(translation.tables, namespace)
    possible = {"dt_si", *(c for c, _ in translation.constants), *(name for name, _ in translation.scalars), *places}
    possible |= {f"{s.name}_si" if s.kind == "float" else f"{s.name}_float" for s in translation.parameters}
    possible |= {f"{name}_si_{number}" for name in translation.tables for number in TABLE_NUMBERS}
    named = dict.fromkeys(argument for part in parts for argument in part.arguments)
    wanted = tuple(name for name in named if name in possible)
    noted = any("fired" in part.writes for part in translation.stages)
    fires = translation.fires or Part("never", (), (), "def never():\n    return False\n")
    reset = translation.reset
    return Physics(
        name="equations",
        state=state,
        receptors={name: {"+": 1, "-": -1}.get(target[0], 0) for name, target in receptors.items()},
        coefficients=wanted,
        derive=derive_of(translation, namespace, wanted, places),
        stages=tuple(Stage(part.writes, text_of(part)) for part in translation.stages),
        fires=None if noted else text_of(fires),
        reset=None if reset is None else Stage(reset.writes, text_of(reset)),
        refractory=False,
        receptor_unit=" or ".join(dict.fromkeys(slots[target.lstrip("+-")].unit for target in receptors.values())),
        helpers=helpers_of(translation, namespace, "Equations"),
        units={slot.name: slot.unit for slot in translation.parameters},
        takes_current="current" in named,
        tables=tables,
        hints=hints,
    )


def mechanism_of(translation: Translation, namespace: Mapping[str, Named], initial: Mapping[str, Any]) -> tuple[Mechanism, dict[str, float]]:  # fmt: skip
    """The event rule of a synapse model, and the numbers that its functions name."""
    numbers: dict[str, Any] = {}
    for coefficient, name in translation.constants:
        number = namespace[name]
        assert isinstance(number, Number)
        numbers[coefficient] = np.float64(number.value)
    for slot in translation.parameters:
        numbers[f"{slot.name}_si" if slot.kind == "float" else f"{slot.name}_float"] = np.float64(
            initial.get(slot.name, slot.initial) * slot.scale
        )
    numbers |= known_beforehand(translation.scalars, numbers)
    named = dict.fromkeys(argument for part in translation.stages for argument in part.arguments)
    wanted = tuple(name for name in named if name in numbers)
    functions: dict[str, Any] = {part.name: text_of(part) for part in translation.stages}
    variables = tuple((slot.name, Variable(initial.get(slot.name, 0.0))) for slot in translation.state[1:])
    helpers = helpers_of(translation, namespace, "SynapseEquations")
    mechanism = Mechanism("synapse_equations", variables=variables, parameters=wanted, helpers=helpers, **functions)
    return mechanism, {name: float(numbers[name]) for name in wanted}
