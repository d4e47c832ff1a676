"""Competition: many plastic inputs of one neuron, and what becomes of their weights.

Knows rules and the model of Song, Miller & Abbott (2000); nothing of experiments on single synapses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_number, check_positive, steps_of
from neurosim.distributions import uniform
from neurosim.errors import ParameterError
from neurosim.lab import theory
from neurosim.lab.bench import bounds, check_rule, held, reads, title_of, two_valued
from neurosim.network import Network
from neurosim.neurons.conductance import LIFCond
from neurosim.neurons.sources import PoissonSource
from neurosim.plot import canvas
from neurosim.stimuli import PoissonInput
from neurosim.wiring import all_to_all

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: All inputs at their upper bound, and one inhibitory spike, in units of the leak: 1000 * 0.015 and 0.05 in the paper.
TOTAL, INHIBITION = 15.0, 0.05
INHIBITORY_RATE = 2000.0  # Hz: 200 inputs of 10 Hz
#: Weights below the first and above the second (as part of the range between the bounds) count as decided.
DECIDED = (0.2, 0.8)


@dataclass(frozen=True, eq=False, repr=False)
class Competition:
    """Weights of competing inputs; made by `competition`.

    Attributes
    ----------
    before, weight : float64 [inputs]
        Weights at the start and at the end.
    w_min, w_max : float
        The range in which they move.
    fraction_outside : float
        Share of the weights in the lowest or the highest fifth of the range: above 0.6 where competition has decided.
    bimodality : float
        Sarle's coefficient (skewness^2 + 1) / kurtosis: 5/9 for a flat distribution, 1 for two values.
    rate : float64 [2]
        Postsynaptic rate (Hz) in the first and in the last fifth of the run.
    balance : float
        Weight at which the mean drift of independent trains of these rates vanishes; NaN where there is none.
    duration, input_rate : float
        ms; Hz.
    """

    rule: Any
    before: np.ndarray
    weight: np.ndarray
    w_min: float
    w_max: float
    fraction_outside: float
    bimodality: float
    rate: np.ndarray
    balance: float
    duration: float
    input_rate: float

    @property
    def bimodal(self) -> bool:
        """Whether the weights have split: most are decided, at least a tenth each way."""
        share = (self.weight - self.w_min) / (self.w_max - self.w_min)
        low, high = float((share < DECIDED[0]).mean()), float((share > DECIDED[1]).mean())
        return self.fraction_outside > 0.6 and min(low, high) >= 0.1

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the distribution of weights before and after."""
        ax = canvas.axes_or_new("competition", ax, 5.5, 3.8)
        edges = np.linspace(self.w_min, self.w_max, 26)
        heights = [np.histogram(one, edges)[0] for one in (self.before, self.weight)]
        first = ax.stairs(heights[0], edges, color=canvas.GREY, linestyle="--", linewidth=1.2, label="before")
        last = ax.stairs(
            heights[1], edges, fill=True, color=canvas.BLUE, alpha=0.75, label=f"after {self.duration / 1e3:g} s"
        )
        keys: list[Any] = [first, last]
        if math.isfinite(self.balance):
            keys.append(ax.axvline(self.balance, color=canvas.VERMILLION, linewidth=1.4, label="balance of the drift"))
        ax.set_xlim(self.w_min, self.w_max)
        ax.set_xlabel("weight")
        ax.set_ylabel(f"inputs (of {self.weight.size:,})")
        said = f"{self.fraction_outside:.0%} in the outer fifths\npost {self.rate[0]:.3g} \N{RIGHTWARDS ARROW} {self.rate[1]:.3g} Hz"
        ax.set_ylim(0.0, 1.3 * max(1, int(heights[1].max()), int(heights[0].max())))
        ax.text(
            0.5, 0.98, said, transform=ax.transAxes, ha="center", va="top", fontsize=canvas.SMALL, color=canvas.DARK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
        canvas.thousands(ax.yaxis)
        canvas.open_frame(ax)
        canvas.legend_above(ax, keys, 3)
        return ax

    def __repr__(self) -> str:
        return (
            f"Competition({title_of(self.rule)}: {self.weight.size:,} inputs at {self.input_rate:g} Hz for "
            f"{self.duration / 1e3:g} s; {'bimodal' if self.bimodal else 'not bimodal'}, {self.fraction_outside:.0%} of the "
            f"weights in the outer fifths, bimodality {self.bimodality:.2f}; postsynaptic rate {self.rate[0]:.3g}, at the end "
            f"{self.rate[1]:.3g} Hz)"
        )


def competition(
    rule: Any, n: int = 200, rate: float = 15.0, duration: float = 100_000.0, *, scale: float | None = None,
    level: float = 0.001, resolution: float = 0.5, seed: int = 0,
) -> Competition:  # fmt: skip
    """Let n Poisson inputs compete for one integrate-and-fire neuron, as Song, Miller & Abbott (2000).

    The neuron has conductance synapses and 200 inhibitory inputs at 10 Hz; its leak is chosen so that all inputs at their
    upper bound are 15 times the leak, whatever n and the unit of the rule are.  Weights begin uniformly between the
    bounds.  The defaults are a small, fast version: the paper has n = 1000 and steps of 1 / 200 of the range, and takes
    an hour of simulated time to settle.

    Parameters
    ----------
    rule : plasticity rule, or a list of them
        Of excitatory synapses: w_min at least 0.
    n : int
        Number of inputs.
    rate : float
        Of each input (Hz).
    duration : float
        ms.
    scale : float, optional
        Upper end of the range where the rule has no upper bound.
    level : float
        For rules with a third factor: by how much the modulator is held above the baseline.
    resolution : float
        Step of the simulation (ms).
    seed : int

    Returns
    -------
    Competition

    Raises
    ------
    ParameterError
        A rule of inhibitory synapses, or one without an upper bound where `scale` is not given.

    Examples
    --------
    >>> import neurosim as ns
    >>> ns.lab.competition(ns.PairSTDP(), n=20, duration=1000.0).weight.size
    20

    References
    ----------
    Song, Miller & Abbott (2000) Nat. Neurosci. 3:919.
    """
    check_rule("competition", rule)
    count = check_count("competition(n)", n, least=2)
    hz = check_positive("competition(rate)", rate, "Hz")
    step = check_positive("competition(resolution)", resolution, "ms")
    steps = steps_of("competition(duration)", duration, step, least=10)
    low, high = _range(rule, scale)
    missing = reads(rule) - set(LIFCond.physics.state)
    if missing:
        raise ParameterError(
            f"competition(rule): {title_of(rule)} reads {', '.join(sorted(missing))}, which the neuron of Song et al. (LIFCond) does "
            f"not have; let it compete in a network with a neuron of its own"
        )
    net = Network(dt=step, seed=seed)
    leak = high * count / TOTAL
    inputs = net.add_population("inputs", PoissonSource(rate=hz), count)
    model = LIFCond(
        g_l=leak, c_m=20.0 * leak, e_l=-70.0, v_th=-54.0, v_reset=-60.0, e_exc=0.0, e_inh=-70.0, tau_exc=5.0, tau_inh=5.0,
        t_ref=step,
    )  # fmt: skip
    neuron = net.add_population("neuron", model, 1)
    net.stimulate(neuron, PoissonInput(rate=INHIBITORY_RATE, weight=-INHIBITION * leak))
    begin = np.resize([low, high], count) if two_valued(rule) else uniform(low, high)
    projection = net.connect(
        inputs, neuron, all_to_all(), weight=begin, delay=step, plasticity=rule, receptor="exc",
        **held(net, rule, check_number("competition(level)", level)),
    )  # fmt: skip
    before = np.asarray(projection.weight).copy()
    spikes = net.record(neuron, "spikes")
    net.run(steps * step, progress=False)
    weight, stamps, whole = np.asarray(projection.weight), spikes.t, steps * step
    ends = np.array([(stamps <= 0.2 * whole).sum(), (stamps > 0.8 * whole).sum()]) / (0.2e-3 * whole)
    share = (weight - low) / (high - low)
    found = theory.balance(rule, hz, float(ends[1]), low, high)
    outside = float(((share < DECIDED[0]) | (share > DECIDED[1])).mean())
    return Competition(
        rule, before, weight, low, high, outside, bimodality(weight), ends, found, whole, hz
    )  # fmt: skip


def bimodality(values: np.ndarray) -> float:
    """Sarle's coefficient (skewness^2 + 1) / kurtosis; NaN if all values are equal.

    Examples
    --------
    >>> import numpy as np
    >>> bimodality(np.array([0.0, 1.0, 0.0, 1.0]))
    1.0
    """
    away = values - values.mean()
    spread = float(np.mean(away**2))
    if spread <= 1e-24 * max(1.0, float(np.abs(values).max()) ** 2):
        return math.nan
    skewness = float(np.mean(away**3)) / spread**1.5
    return float((skewness**2 + 1.0) * spread**2 / np.mean(away**4))


def _range(rule: Any, scale: float | None) -> tuple[float, float]:
    """(lowest, highest) weight of excitatory inputs."""
    low, high = bounds(rule)
    if high <= 0.0 or low < 0.0:
        raise ParameterError(
            f"competition(rule): {title_of(rule)} allows weights from {low:g} to {high:g}; competing inputs are excitatory, so "
            f"w_min must be at least 0"
        )
    if scale is not None:
        high = min(high, check_positive("competition(scale)", scale))
    if not math.isfinite(high):
        raise ParameterError(
            f"competition(rule): {title_of(rule)} has no upper bound; give one, or the range of interest: "
            f"ns.lab.competition(rule, scale=2.0)"
        )
    return low, high
