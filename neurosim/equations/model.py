"""Neuron models in Brian2's equation language: `Equations`.

Knows no Brian2 itself: the strings are translated by `brian.py`, which is imported only if the translation is not in the
cache.  Knows no populations.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim.checks import did_you_mean
from neurosim.encoding import fingerprint
from neurosim.equations.border import SECOND, Named, Number, Table, chosen, declared_in, text_of, words_of
from neurosim.equations.functions import SOURCES
from neurosim.equations.translation import Slot, Translation, find, keep, key_of
from neurosim.errors import ParameterError
from neurosim.neurons.physics import Physics
from neurosim.units import brian2, plain

METHODS = ("exact", "exponential_euler", "euler", "rk2", "rk4", "heun", "milstein")
#: What Brian2's NeuronGroup takes and `Equations` does not.
INSTEAD = {
    "events": "only the event 'spike' exists; give its condition as threshold=, or take a population of its own for another event",
    "method_options": "integrators run with their default options",
    "dt": "the step is that of the network: ns.Network(dt=0.1)",
    "clock": "the step is that of the network: ns.Network(dt=0.1)",
    "N": "the number of neurons is given to net.add_population(name, model, n)",
    "model": "the equations come first: ns.Equations('dv/dt = ...')",
    "dtype": "state is always float64",
    "order": "the order within a step is fixed: integration, threshold, arriving weights, reset",
    "codeobj_class": "code is compiled by Numba",
    "on_pre": "that is for synapses; see ns.SynapseEquations",
}
#: Attributes of populations.
MEMBERS = {
    "network", "population", "name", "model", "number", "region", "where", "positions", "alive", "uid", "index", "label", "add", "remove",
    "born", "birth", "age", "placement",
}  # fmt: skip
#: Names that mean something else in the generated functions, or on a population.
RESERVED = {
    "waiting", "current", "fired", "step", "place", "size", "tables", "dt", "t", "np", "kernel", "scalar", "sample", "power", "cos_turns",
    *SOURCES, *MEMBERS,
}  # fmt: skip
OFFERED = re.compile(r"(uniform|normal)(_\d)?")
#: Of the mechanism of refractoriness, which Brian2 adds.
ADDED = ("lastspike", "not_refractory")


@dataclass(frozen=True, init=False, eq=False, repr=False)
class Equations:
    """A neuron model in Brian2's equation language, used like every other model.

    The strings are Brian2's: the same parser, unit checks, integrators and order within a step, so the same numbers (to
    1e-12 in a step).  Values are read and set in neurosim's units: mV, pA, nS, pF, ms, Hz for these dimensions, base SI
    for others; a Brian2 quantity is converted and its dimension checked.  In the equations themselves a plain number has
    no unit.

    A step, as in Brian2: (constant over dt) subexpressions, integration, threshold, the weights that arrive are added,
    reset of who fired.  A spike of the step that begins at t is stamped t + dt (Brian2: t); a delay means the same in both.
    Weights do not change a variable marked (unless refractory) while the neuron is refractory.

    Parameters
    ----------
    equations : str or brian2.Equations
        Differential equations, subexpressions, and parameters (per neuron, or "(shared)").
    threshold : str, optional
        Condition for a spike, such as "v > v_th"; without one the neurons never fire.
    reset : str, optional
        Statements for the neurons that fired.
    refractory : str, quantity or number, optional
        A time ("5*ms", 5*ms, or a number in ms), an expression per neuron, or a condition ("v > -40*mV").
    method : str, optional
        "exact", "exponential_euler", "euler", "rk2", "rk4", "heun", "milstein"; by default the first of exact, euler, heun
        that can (Brian2's choice).  Kept in `method_used`.
    namespace : dict, optional
        Constants (numbers and quantities), `TimedArray`s and functions with units that the strings name.  Only what they
        name is kept.
    receptors : dict, optional
        How spikes reach the model: {"exc": "g_e"} adds the weights that arrive to g_e, in its unit.  "+g_e" takes positive
        weights only, "-g_i" negative ones, whose size is added; then the sign of a weight chooses the receptor.
    current : str, optional
        Parameter to which injected currents are added (in pA if it is a current, else in its own unit).
    initial : dict, optional
        Starting values of variables and parameters, also of newborn neurons: numbers in neurosim's units, quantities, or
        (for variables) the name of a parameter or constant.  0 by default.
    **numbers
        The same as entries of `namespace`, or of `initial` for names that the equations define.

    Raises
    ------
    ParameterError
        With Brian2's own words where a string is wrong, and by name for what has no meaning here: linked and summed
        variables, events other than spikes, poisson(), objects of a Brian2 simulation.

    References
    ----------
    Stimberg, Brette & Goodman (2019), Brian 2, an intuitive and efficient neural simulator.  eLife 8:e47314.

    Examples
    --------
    >>> import neurosim as ns
    >>> model = ns.Equations("dv/dt = (v_0 - v) / (10*ms) : volt (unless refractory)\\nv_0 : volt",
    ...                      threshold="v > 20*mV", reset="v = 0*mV", refractory="5*ms", v_0=25.0)
    >>> model.method_used, model.units["v"]
    ('exact', 'mV')
    """

    equations: str
    threshold: str | None
    reset: str | None
    refractory: str | Number | None
    method: str | None
    namespace: dict[str, Named]
    receptors: dict[str, str]
    current: str | None
    initial: dict[str, object]
    offered: list[str] = field(init=False)
    translation: Translation = field(init=False)
    physics: Physics = field(init=False)

    def __init__(
        self, equations: object, threshold: str | None = None, reset: str | None = None, refractory: object = None, *,
        method: str | None = None, namespace: Mapping[str, Any] | None = None, receptors: Mapping[str, str] | None = None,
        current: str | None = None, initial: Mapping[str, Any] | None = None, **numbers: Any,
    ) -> None:  # fmt: skip
        _check_texts(equations, threshold, reset, method)
        text = equations if isinstance(equations, str) else text_of(equations)
        values = {name: value for name, value in numbers.items() if name in declared_in(text)}
        constants = {name: value for name, value in numbers.items() if name not in values}
        used = words_of(text, threshold, reset, refractory if isinstance(refractory, str) else None)
        _check_keywords(constants, used, declared_in(text))
        put = {
            "equations": text, "threshold": threshold, "reset": reset, "refractory": _refractory(refractory), "method": method,
            "namespace": chosen("Equations", {**(namespace or {}), **constants}, used),
            "receptors": dict(receptors or {}), "current": current,
        }  # fmt: skip
        for name, value in put.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "offered", sorted(namespace or ()))  # for did-you-mean
        _check_receptor_names(self.receptors)
        object.__setattr__(self, "translation", self._translated())
        _check_names(self.translation, self.receptors)
        object.__setattr__(self, "initial", self._starting({**(initial or {}), **values}))
        object.__setattr__(self, "physics", self._physics())

    def _translated(self) -> Translation:
        key = key_of(self._described())
        found = find(key)
        if found is None:
            brian2()
            from neurosim.equations.brian import translate

            found = translate(self)
            keep(key, found)
        return found

    def _described(self) -> dict[str, Any]:
        """Everything that the translation depends on, as plain values."""
        named = {name: plain_text(value) for name, value in self.namespace.items()}
        fixed = {
            name: getattr(self, name) for name in ("equations", "threshold", "reset", "method", "receptors", "current")
        }
        return fixed | {"namespace": named, "refractory": plain_text(self.refractory)}

    def _starting(self, given: Mapping[str, Any]) -> dict[str, object]:
        slots = {slot.name: slot for slot in (*self.translation.state, *self.translation.parameters)}
        names = [slot.name for slot in self.translation.parameters]
        values: dict[str, object] = {}
        for name, value in given.items():
            if name not in slots:
                raise ParameterError(
                    f"Equations.initial: {name!r} is no variable or parameter of the equations; known: {', '.join(slots)}.{did_you_mean(name, slots)}"
                )
            constant = self.namespace.get(value) if isinstance(value, str) else None
            if isinstance(constant, Number):
                if constant.dimension != slots[name].dimension:
                    raise ParameterError(
                        f"Equations.{name}: needs a number in {slots[name].unit or 'plain units'}, but {value!r} is none"
                    )
                values[name] = constant.value / slots[name].scale
            elif isinstance(value, str):
                if value not in names or name in names:
                    raise ParameterError(
                        f"Equations.{name}: starts at a number, a parameter or a constant, got {value!r}; parameters: {', '.join(names) or 'none'}"
                    )
                values[name] = value
            else:
                values[name] = float(checked(f"Equations.{name}", slots[name], value))
        return values

    def _physics(self) -> Physics:
        from neurosim.equations.building import physics_of

        slopes = [s.name for s in self.translation.state if s.name not in ADDED]
        target = next((n for n in slopes if re.match(r"[gI]", n)), slopes[0] if slopes else "v")
        hints = {
            "receptors": f"say which variable their weights change: ns.Equations(..., receptors={{'exc': {target!r}}})",
            "current": "say to which parameter it is added: ns.Equations('... I : amp', current='I')",
        }
        named = self.namespace | ({"refractory": self.refractory} if isinstance(self.refractory, Number) else {})
        return physics_of(self.translation, named, self.receptors, self.initial, hints)

    # ---- what a model offers to populations -------------------------------------------------------------------------

    @property
    def method_used(self) -> str:
        """The integrator; "" if there is nothing to integrate."""
        return self.translation.method

    @property
    def parameters(self) -> dict[str, float]:
        """Starting values of the parameters, in the units of `units`."""
        return {s.name: float(self.initial.get(s.name, s.initial)) for s in self.translation.parameters}  # type: ignore[arg-type]

    @property
    def units(self) -> dict[str, str]:
        """Units in which variables and parameters are read and set ("" for plain numbers)."""
        return {slot.name: slot.unit for slot in (*self.translation.state, *self.translation.parameters)}

    def check_parameter(self, name: str, value: object, size: int | None = None) -> np.ndarray:
        """The value of a parameter as float64, one number or `size` of them."""
        slot = next(s for s in self.translation.parameters if s.name == name)
        return checked(f"Equations.{name}", slot, value, size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equations) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> str:
        return key_of(self._described() | {"initial": self.initial})

    def __repr__(self) -> str:
        first = " ".join(self.equations.split())
        shown = f"{first[:60]} ..." if len(first) > 60 else first
        return f"Equations({shown!r}, {len(self.translation.state)} variables, {len(self.translation.parameters)} parameters)"


def checked(label: str, slot: Slot, value: object, size: int | None = None) -> np.ndarray:
    """A value of a variable or parameter in its unit: one number, or `size` of them; whole or true/false where declared so."""
    number = plain(label, value, slot.unit)
    try:
        array = np.asarray(number, np.float64)
    except (TypeError, ValueError):
        raise ParameterError(
            f"{label}: must be a number{f' ({slot.unit})' if slot.unit else ''}, got {value!r}"
        ) from None
    if array.ndim and (size is None or array.shape != (size,) or slot.flag == "shared"):
        number = "one number" if size is None or slot.flag == "shared" else f"one number or {size} of them"
        more = "; it is marked (shared)" if slot.flag == "shared" else ""
        hint = f"; for a value per neuron set it on the population: pop.{slot.name} = values" if size is None else more
        raise ParameterError(f"{label}: needs {number}, got an array of shape {array.shape}{hint}")
    if not np.isfinite(array).all():
        raise ParameterError(f"{label}: must be finite, got {float(array[~np.isfinite(array)].ravel()[0])}")
    if slot.kind == "int" and (array != np.round(array)).any():
        raise ParameterError(f"{label}: is declared integer, got {value!r}")
    if slot.kind == "bool" and not np.isin(array, (0.0, 1.0)).all():
        raise ParameterError(f"{label}: is declared boolean, so True or False, got {value!r}")
    return array


def plain_text(value: Any) -> Any:
    """A namespace entry as JSON; of tables only the shape matters, of functions their source."""
    if isinstance(value, Number):
        return [type(value.value).__name__, repr(value.value), *value.dimension]
    if isinstance(value, Table):
        return ["table", value.values.ndim, *value.dimension]
    return ["function", fingerprint(getattr(value, "_orig_func", value))] if callable(value) else value


def _refractory(value: object) -> str | Number | None:
    """A text, or a time as `Number`; a plain number is in ms."""
    if value is None or value is False:
        return None
    if isinstance(value, str | Number):
        return value
    time = float(checked("Equations.refractory", Slot("refractory", SECOND), value))
    if time < 0:
        raise ParameterError(f"Equations.refractory: must not be negative (ms), got {value!r}")
    return Number(time * 1e-3, SECOND)


def _check_texts(equations: object, threshold: object, reset: object, method: object) -> None:
    if not isinstance(equations, str) and type(equations).__name__ != "Equations" or not str(equations).strip():
        raise ParameterError(f"Equations: needs a text such as 'dv/dt = -v/(10*ms) : volt', got {equations!r}")
    for name, value, example in (("threshold", threshold, "v > -50*mV"), ("reset", reset, "v = -65*mV")):
        if value is not None and not isinstance(value, str):
            raise ParameterError(f"Equations.{name}: needs a text such as {example!r}, got {value!r}")
    if reset is not None and threshold is None:
        raise ParameterError(
            "Equations.reset: there is no threshold, so nothing is ever reset; give threshold='v > -50*mV'"
        )
    if method is not None and (not isinstance(method, str) or method not in METHODS):
        raise ParameterError(
            f"Equations.method: must be one of {', '.join(METHODS)}, got {method!r}.{did_you_mean(str(method), METHODS)}"
        )


def _check_keywords(constants: Mapping[str, Any], used: set[str], declared: list[str]) -> None:
    options = [n for n in inspect.signature(Equations.__init__).parameters if n not in ("self", "numbers")]
    for name in constants:
        if name in INSTEAD and name not in used:
            raise ParameterError(f"Equations: {name}= has no meaning here: {INSTEAD[name]}")
        if name not in used:
            known = [*options, *declared]
            raise ParameterError(
                f"Equations: {name!r} occurs nowhere in the equations, threshold, reset or refractory; options: {', '.join(options)}; "
                f"defined: {', '.join(declared)}.{did_you_mean(name, [*known, *sorted(used)])}"
            )


def _check_receptor_names(receptors: Mapping[str, str]) -> None:
    for name, target in receptors.items():
        if not isinstance(target, str) or not re.fullmatch(r"[+-]?[A-Za-z]\w*", target):
            raise ParameterError(
                f"Equations.receptors[{name!r}]: needs the name of a variable, such as 'g_e', '+g_e' (positive weights only) or "
                f"'-g_i' (negative ones, whose size is added), got {target!r}"
            )
        if not str(name).isidentifier() or name in RESERVED or name.startswith("_"):
            raise ParameterError(
                f"Equations.receptors: {name!r} cannot be the name of a receptor; take one such as 'exc'"
            )


def _check_names(translation: Translation, receptors: Mapping[str, str]) -> None:
    """Refuse variables whose names the generated functions need for something else."""
    for slot in (*translation.state, *translation.parameters):
        if slot.name in receptors:
            raise ParameterError(
                f"Equations.receptors: {slot.name!r} is a variable; a receptor needs a name of its own, such as {{'exc': {slot.name!r}}}"
            )
        if (
            slot.name in (RESERVED if slot in translation.state else MEMBERS)
            or OFFERED.fullmatch(slot.name)
            or re.search(r"_(si|float|now)$", slot.name)
        ):
            raise ParameterError(
                f"Equations.equations: the name {slot.name!r} is used by the engine; call the variable {slot.name}_0, for example"
            )
