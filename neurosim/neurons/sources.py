"""Neurons that only send: Poisson sources, lists of spikes, and the parrot that repeats what it hears."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from neurosim.checks import names_checked
from neurosim.errors import ParameterError
from neurosim.neurons.parameters import check_model
from neurosim.neurons.physics import Array, Physics


def _source(p: dict[str, Array], dt: float) -> dict[str, Array]:
    chance = p["rate"] * 1e-3 * dt
    if (chance > 1.0).any():
        raise ParameterError(
            f"PoissonSource.rate: a source fires at most once a step, so at most {1e3 / dt:g} Hz with dt = {dt:g} ms, "
            f"got {float(p['rate'].max()):g} Hz; for more events use net.stimulate(pop, ns.PoissonInput(rate=..., weight=...))"
        )
    return {"chance": chance}


def by_chance(uniform, chance):
    return uniform < chance


@names_checked
@dataclass(frozen=True)
class PoissonSource:
    """Fires at random at `rate`, at most once a step: an approximation of a Poisson process with dt as its resolution.

    Parameters
    ----------
    rate : float
        Rate of firing (Hz), at most 1/dt; may be set per neuron: ``pop.rate = array``.
    """

    rate: float = 10.0

    physics: ClassVar[Physics] = Physics(
        name="poisson_source", state={}, receptors={}, coefficients=("chance",), derive=_source, stages=(),
        fires=by_chance, refractory=False, takes_current=False, takes_spontaneous=False,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_model(self)


def _parrot(p: dict[str, Array], dt: float) -> dict[str, Array]:
    return {}


def hears(heard):
    return heard > 0.0


@names_checked
@dataclass(frozen=True)
class Parrot:
    """Repeats its input: fires in every step in which the weights that arrive sum to more than 0, at most once a step."""

    physics: ClassVar[Physics] = Physics(
        name="parrot", state={}, receptors={"heard": 0}, coefficients=(), derive=_parrot, stages=(), fires=hears,
        refractory=False, takes_current=False, receptor_unit="spikes",
    )  # fmt: skip


def _nothing(p: dict[str, Array], dt: float) -> dict[str, Array]:
    return {}


def _never() -> bool:
    return False


@names_checked
@dataclass(frozen=True, eq=False)
class SpikeSource:
    """Fires at given times.  A time is the stamp of the spike (end of its step), so the first possible one is dt.

    `Population.play` gives such a population another list, at any time.

    Parameters
    ----------
    index : array_like of int
        Which neuron of the population fires.
    time : array_like of float
        When (ms), on the grid, in any order, at most one spike of a neuron in a step.

    Examples
    --------
    >>> import neurosim as ns
    >>> ns.SpikeSource(index=[0, 0, 1], time=[5.0, 9.0, 7.5]).time.size
    3
    """

    index: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    time: Array = field(default_factory=lambda: np.zeros(0))

    physics: ClassVar[Physics] = Physics(
        name="spike_source", state={}, receptors={}, coefficients=(), derive=_nothing, stages=(), fires=_never,
        refractory=False, takes_current=False, takes_spontaneous=False,
    )  # fmt: skip

    def __post_init__(self) -> None:
        index, time = np.asarray(self.index), np.asarray(self.time, np.float64)
        if index.size == 0:
            index = index.astype(np.int64)
        if index.ndim != 1 or index.shape != time.shape:
            raise ParameterError(
                f"SpikeSource: index and time must be equally long lists, got shapes {index.shape} and {time.shape}"
            )
        if not np.issubdtype(index.dtype, np.integer) or (index < 0).any():
            raise ParameterError("SpikeSource.index: must be whole numbers from 0 on")
        if not np.isfinite(time).all():
            raise ParameterError(f"SpikeSource.time: must be finite (ms), got {time[~np.isfinite(time)][0]}")
        object.__setattr__(self, "index", index.astype(np.int64))
        object.__setattr__(self, "time", time)
