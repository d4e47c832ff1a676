"""The form in which a neuron model reaches the compiler: scalar functions whose argument names are their interface.

A model knows nothing of populations, wiring or recording.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Stage:
    """One short loop over the neurons: `function` returns the new value(s) of the state variables in `writes`.

    The function is plain Python over scalars.  Its argument names may be state variables, coefficients, receptors (what
    arrived in this step), `current` (pA), `waiting` (steps left of the refractory period), `uniform`, `normal` (a draw for
    this neuron and step), `dt` and `t`.  A loop should write at most three arrays: LLVM vectorises no more.
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
    fires : callable
        Returns whether the neuron fires in this step.
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
    """

    name: str
    state: Mapping[str, tuple[object, str]]
    receptors: Mapping[str, int]
    coefficients: tuple[str, ...]
    derive: Callable[[dict[str, Array], float], dict[str, Array]]
    stages: tuple[Stage, ...]
    fires: Callable[..., object]
    reset: Stage | None = None
    refractory: bool = True
    receptor_unit: str = "mV"
    helpers: tuple[Callable[..., object], ...] = field(default=())
    takes_current: bool = True
    takes_spontaneous: bool = True


class NeuronModel(Protocol):
    """A frozen dataclass of parameters with a class attribute `physics`."""

    physics: Physics
