"""Synapse models in Brian2's equation language as plasticity rules: `SynapseEquations`.

Knows no Brian2 itself, see `model.py`.  Knows no populations.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from neurosim.checks import check_number, did_you_mean
from neurosim.equations.border import UNITS, Named, chosen, declared_in, text_of, unit_of, words_of
from neurosim.equations.functions import SOURCES
from neurosim.equations.model import checked, plain_text
from neurosim.equations.translation import Translation, find, keep, key_of
from neurosim.errors import ParameterError, WiringError
from neurosim.plasticity.mechanism import Mechanism
from neurosim.units import brian2

SEES = ("delay", "spikes")
TAKEN = {"elapsed", "uniform", "value", "np", "exp", "log", "power", *SOURCES}
#: What Brian2's Synapses takes and `SynapseEquations` does not.
INSTEAD = {
    "delay": "delays are given to net.connect(..., delay=) (dendritic) or axonal_delay= (where Brian2 has them)",
    "method": "event-driven equations are solved exactly",
    "connect": "connections are made by net.connect(pre, post, rule, plasticity=...)",
    "on_event": "synapses hear spikes only",
    "multisynaptic_index": "parallel synapses are made by net.connect(..., parallel=True)",
    "dt": "the step is that of the network",
    "order": "at a postsynaptic spike in the step of a presynaptic one the order is that of the delays, see the notes",
}


@dataclass(frozen=True, init=False, eq=False, repr=False)
class SynapseEquations:
    """A synapse model in Brian2's equation language, for ``net.connect(..., plasticity=...)``.

    The strings are Brian2's; values are read and set in neurosim's units, as for `Equations`.  What the engine runs is an
    event rule: a synapse changes at events, and (event-driven) equations are solved exactly from one to the next.

    - Declare the weight as a parameter, "w : siemens" or "w : 1"; it is what ``net.connect(weight=...)`` sets and
      `projection.weight` reads.  All other parameters and equations are numbers of each synapse, read by
      ``projection.variable(name)``; "(shared)" ones are numbers of the rule.
    - "g_post += w" in on_pre is what a spike delivers: to the receptor of the target that adds to g.  It is the value at
      this point of the code.  If it cannot be found from the synapse afterwards (the weight changes later in on_pre), the
      amount is kept, one number more per synapse: write the line last to avoid that.
    - "v_post" may be read in on_pre if its unit is said: ``post={"v": "mV"}``.  It is the value at the end of a step, of that
      in which the spike arrives (axonal delay: of the one before), minus the dendritic delay; in Brian2 it lies between threshold and reset.
    - "rand()" may be called once in each piece of code.

    Not supported, and refused by name: clock-driven and summed equations, the state of the presynaptic neuron, the time, places
    i and j, several pathways.

    Parameters
    ----------
    equations : str or brian2.Equations
    on_pre, on_post : str, optional
        Statements at a presynaptic (postsynaptic) spike.
    namespace : dict, optional
        Constants and functions, as for `Equations`.
    weight : str
        Which parameter is the weight.
    post : dict of str to str, optional
        Variables of the target that on_pre reads, with the unit in which they are read: {"v": "mV"}.
    initial : dict, optional
        Starting values of the numbers of a synapse, or distributions; values of shared parameters.
    w_min, w_max : float
        Bounds of the weight, kept after every event.  None by default: write clip() in the code, as in Brian2.
    sees : {"delay", "spikes"}
        As for `PairSTDP`.
    **numbers
        As for `Equations`.

    Notes
    -----
    Delays: Brian2 puts `delay` before the synapse (axonal).  ``net.connect(..., axonal_delay=2.0)`` is the same, with the same
    order in a step: a presynaptic arrival before a postsynaptic spike of the same step.  With ``delay=`` (dendritic) the synapse
    sees a postsynaptic spike that much later, and one that arrives together with a presynaptic spike comes first (as in NEST).

    Examples
    --------
    >>> import neurosim as ns
    >>> rule = ns.SynapseEquations(
    ...     "w : 1\\ndx/dt = -x/(20*ms) : 1 (event-driven)\\ndy/dt = -y/(20*ms) : 1 (event-driven)",
    ...     on_pre="x += 0.01\\nw = clip(w - y, 0, 1)\\nv_post += w*mV", on_post="y += 0.0105\\nw = clip(w + x, 0, 1)")
    >>> [name for name, _ in rule.mechanism.variables]
    ['x', 'y']
    """

    equations: str
    on_pre: str | None
    on_post: str | None
    namespace: dict[str, Named]
    weight: str
    post: dict[str, str]
    initial: dict[str, Any]
    w_min: float
    w_max: float
    sees: str
    offered: list[str] = field(init=False)
    translation: Translation = field(init=False)
    mechanism: Mechanism = field(init=False)
    numbers: dict[str, float] = field(init=False)

    evaluation: ClassVar[str] = "lazy"

    def __init__(
        self, equations: object, on_pre: str | None = None, on_post: str | None = None, *,
        namespace: Mapping[str, Any] | None = None, weight: str = "w", post: Mapping[str, str] | None = None,
        initial: Mapping[str, Any] | None = None, w_min: float = -math.inf, w_max: float = math.inf, sees: str = "delay",
        **numbers: Any,
    ) -> None:  # fmt: skip
        if not isinstance(equations, str) and type(equations).__name__ != "Equations" or not str(equations).strip():
            raise ParameterError(f"SynapseEquations: needs a text such as 'w : siemens', got {equations!r}")
        text = equations if isinstance(equations, str) else text_of(equations)
        _check_texts(on_pre, on_post, sees)
        values = {name: value for name, value in numbers.items() if name in declared_in(text)}
        constants = {name: value for name, value in numbers.items() if name not in values}
        used = words_of(text, on_pre, on_post)
        _check_keywords(constants, used)
        put = {
            "equations": text, "on_pre": on_pre, "on_post": on_post, "weight": weight, "post": _readable(post or {}), "sees": sees,
            "namespace": chosen("SynapseEquations", {**(namespace or {}), **constants}, used), "offered": sorted(namespace or ()),
        }  # fmt: skip
        for name, value in put.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "translation", self._translated())
        self._check_names()
        object.__setattr__(self, "initial", self._starting({**(initial or {}), **values}))
        self._bound(w_min, w_max)
        from neurosim.equations.building import mechanism_of

        mechanism, known = mechanism_of(self.translation, self.namespace, self.initial)
        object.__setattr__(self, "mechanism", mechanism)
        object.__setattr__(self, "numbers", known)

    def _translated(self) -> Translation:
        key = key_of(self._described())
        found = find(key)
        if found is None:
            brian2()
            from neurosim.equations.brian_synapses import translate

            found = translate(self)
            keep(key, found)
        return found

    def _described(self) -> dict[str, Any]:
        named = {name: plain_text(value) for name, value in self.namespace.items()}
        return {name: getattr(self, name) for name in ("equations", "on_pre", "on_post", "weight", "post")} | {
            "namespace": named
        }

    def _check_names(self) -> None:
        for slot in self.translation.state:
            if slot.name in TAKEN or slot.name.startswith("post_") or re.search(r"_(si|float)$", slot.name):
                raise ParameterError(
                    f"SynapseEquations.equations: the name {slot.name!r} is used by the engine; call it {slot.name}_0, for example"
                )

    def _starting(self, given: Mapping[str, Any]) -> dict[str, Any]:
        slots = {slot.name: slot for slot in (*self.translation.state[1:], *self.translation.parameters)}
        values: dict[str, Any] = {}
        for name, value in given.items():
            if name == self.weight:
                raise ParameterError(
                    f"SynapseEquations.initial: {name!r} is the weight; give it to net.connect(..., weight=...)"
                )
            if name not in slots:
                known = ", ".join(slots) or "none"
                raise ParameterError(
                    f"SynapseEquations.initial: {name!r} is no number of the synapse; known: {known}.{did_you_mean(name, slots)}"
                )
            drawn = hasattr(value, "draw") and slots[name].flag != "shared"
            values[name] = value if drawn else float(checked(f"SynapseEquations.{name}", slots[name], value))
        return values

    def _bound(self, w_min: Any, w_max: Any) -> None:
        unit = self.weight_unit
        for name, value in (("w_min", w_min), ("w_max", w_max)):
            number = check_number(f"SynapseEquations.{name}", value, unit, allow_infinite=True)
            object.__setattr__(self, name, number)
        if not self.w_min < self.w_max:
            raise ParameterError(f"SynapseEquations.w_max: must be above w_min = {self.w_min:g}, got {self.w_max:g}")

    # ---- what a rule offers to projections --------------------------------------------------------------------------

    def __getattr__(self, name: str) -> float:
        numbers = self.__dict__.get("numbers", {})
        if name in numbers:
            return float(numbers[name])
        raise AttributeError(f"SynapseEquations has no {name!r}")

    @property
    def weight_unit(self) -> str:
        """Unit of the weight."""
        return self.translation.state[0].unit

    @property
    def units(self) -> dict[str, str]:
        """Units in which the weight, the other numbers of a synapse, and shared parameters are read and set."""
        return {slot.name: slot.unit for slot in (*self.translation.state, *self.translation.parameters)}

    def receptor_of(self, label: str, model: Any) -> str | None:
        """The receptor of a target model that adds to the variable on_pre delivers to; None if the sign of the weight decides."""
        target, delivers = self.translation.target, self.translation.delivers
        if delivers is None:
            return next(iter(model.physics.receptors), None)
        unit = unit_of(delivers)[0]
        own: Mapping[str, str] | None = getattr(model, "receptors", None)
        kind = type(model).__name__
        if own is None:  # a built-in model: its variables are called as its receptors
            found = [r for r in model.physics.receptors if target == r or target.endswith(f"_{r}")]
            wanted = str(model.physics.receptor_unit)
        else:
            found = [r for r, variable in own.items() if variable.lstrip("+-") == target]
            slots = {slot.name: slot for slot in model.translation.state}
            wanted = slots[target].unit if target in slots else unit
            if not found:
                raise WiringError(
                    f"{label}: on_pre adds to {target!r}, which no receptor of the target does; give it one: ns.Equations(..., "
                    f"receptors={{'exc': {target!r}}}). Its receptors: {', '.join(f'{r} ({v})' for r, v in own.items()) or 'none'}"
                )
        if unit != wanted:
            raise WiringError(
                f"{label}: on_pre adds {unit or 'a plain number'} to {target!r}, but {kind} takes weights in {wanted or 'plain numbers'}; "
                f"write for example {target}_post += w*mV"
            )
        return found[0] if len(found) == 1 else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SynapseEquations) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> str:
        more = {name: repr(getattr(self, name)) for name in ("initial", "w_min", "w_max", "sees")}
        return key_of(self._described() | more)

    def __repr__(self) -> str:
        first = " ".join(self.equations.split())
        return f"SynapseEquations({f'{first[:60]} ...' if len(first) > 60 else first!r}, {len(self.translation.state)} numbers per synapse)"


def _readable(post: Mapping[str, str]) -> dict[str, str]:
    known = [unit for unit, _ in UNITS.values()]
    for name, unit in post.items():
        if unit not in known:
            raise ParameterError(
                f"SynapseEquations.post[{name!r}]: needs the unit in which it is read, one of {', '.join(map(repr, known))}, got {unit!r}"
            )
    return dict(post)


def _check_texts(on_pre: object, on_post: object, sees: object) -> None:
    for name, code in (("on_pre", on_pre), ("on_post", on_post)):
        if code is not None and not isinstance(code, str):
            raise ParameterError(
                f"SynapseEquations.{name}: needs a text such as 'g_post += w', got {code!r}; several pathways are several projections"
            )
    if on_pre is None and on_post is None:
        raise ParameterError("SynapseEquations: does nothing; give on_pre='g_post += w'")
    if sees not in SEES:
        raise ParameterError(
            f"SynapseEquations.sees: must be 'delay' or 'spikes', got {sees!r}.{did_you_mean(str(sees), SEES)}"
        )


def _check_keywords(constants: Mapping[str, Any], used: set[str]) -> None:
    for name in constants:
        if name in used:
            continue
        if name in INSTEAD:
            raise ParameterError(f"SynapseEquations: {name}= has no meaning here: {INSTEAD[name]}")
        options = ["equations", "on_pre", "on_post", "namespace", "weight", "post", "initial", "w_min", "w_max", "sees"]
        raise ParameterError(
            f"SynapseEquations: {name!r} occurs nowhere in the equations, on_pre or on_post; options: {', '.join(options)}."
            f"{did_you_mean(name, [*options, *sorted(used)])}"
        )
