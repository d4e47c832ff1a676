"""The form in which a neuron model reaches the compiler: scalar functions whose argument names are their interface.

A model knows nothing of populations, wiring or recording.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from neurosim.kernels.plain import SourceFunction

__all__ = ["Array", "NeuronModel", "Physics", "SourceFunction", "Stage"]

Array = np.ndarray


@dataclass(frozen=True)
class Stage:
    """One short loop over the neurons: `function` returns the new value(s) of the state variables in `writes`.

    The function is plain Python over scalars, or a `SourceFunction` that holds its text.  Its argument names may be state
    variables, coefficients, receptors (what arrived in this step), `current` (pA), `waiting` (steps left of the refractory
    period), `uniform`, `normal`, `uniform_2` ... `uniform_9`, `normal_2` ... `normal_9` (draws for this neuron and step, each
    a stream of its own), `dt` and `t` (ms), `step`, `place` (in its population), `size` (of its population), `tables`, and
    `fired`.  `writes` may hold "fired": whether the neuron fires; then `Physics.fires` is None.
    """

    writes: tuple[str, ...]
    function: Callable[..., object]


@dataclass(frozen=True)
class Physics:
    """What the engine needs to know about a neuron model.

    Attributes
    ----------
    name : str
        Also the name of the generated module.
    state : mapping of str to (initial, unit)
        State variables in the order of storage, float64 each; `initial` is a number or the name of a parameter.
    receptors : mapping of str to int
        Ring columns a spike can arrive at, with the sign of their weights: 1, -1, or 0 for any.
    coefficients : tuple of str
        Numbers per neuron that `derive` computes from the parameters; what the stages may name.
    derive : callable
        `derive(parameters, dt) -> dict` of arrays or floats.
    stages : tuple of Stage
        Advance the state by one step.
    fires : callable or None
        Returns whether the neuron fires in this step; None where a stage writes "fired".
    reset : Stage or None
        Applied to the neurons that fired.
    refractory : bool
        Whether the coefficient `wait` (steps between two spikes at the least) is respected.
    receptor_unit : str
        Unit of the weights.
    helpers : tuple of callable
        Further plain functions that the stages call, and kernels by reference.
    takes_current : bool
        Whether currents (pA) can be injected.
    takes_spontaneous : bool
        Whether `SpontaneousRate` may make it fire.
    units : mapping of str to str
        Units of parameters whose names do not tell: see `parameters.unit_of`.
    limits : mapping of str to str
        What parameters may be, where their names do not tell: "positive", "not negative", "finite" or "any" (also infinite).
    resolved : tuple of str
        Time constants that must be at least 2 dt.
    tables : float64 [any]
        Numbers that all neurons share and the functions look up as `tables`.
    hints : mapping of str to str
        What a user may do about a model that lacks "receptors" or "current".
    """

    name: str
    state: Mapping[str, tuple[object, str]]
    receptors: Mapping[str, int]
    coefficients: tuple[str, ...]
    derive: Callable[[dict[str, Array], float], dict[str, Array]]
    stages: tuple[Stage, ...]
    fires: Callable[..., object] | None
    reset: Stage | None = None
    refractory: bool = True
    receptor_unit: str = "mV"
    helpers: tuple[Callable[..., object], ...] = field(default=())
    takes_current: bool = True
    takes_spontaneous: bool = True
    units: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)
    resolved: tuple[str, ...] = ()
    tables: Array = field(default_factory=lambda: np.zeros(0))
    hints: Mapping[str, str] = field(default_factory=dict)


class NeuronModel(Protocol):
    """A frozen dataclass of parameters with a class attribute `physics`."""

    physics: Physics
