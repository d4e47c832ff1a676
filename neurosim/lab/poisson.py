"""Poisson trains: the mean drift of a weight between neurons that fire at random.

Knows rules, rates and formulas; the trains are those that the synapse sees, without delay.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count, check_not_negative, check_number, check_positive, check_probability, steps_of
from neurosim.errors import ParameterError
from neurosim.lab import drawing, theory, trains
from neurosim.lab.bench import Bench, check_rule, reads, start_weight, title_of, two_valued
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Drift:
    """Mean change of a weight per second; made by `poisson_drift`.

    Attributes
    ----------
    pre_rate, post_rate : float64 [pre], [post]
        Hz.
    drift : float64 [pre, post]
        Change per second.
    error : float64 [pre, post]
        Standard error of the mean over the synapses.
    theory : float64 [pre, post]
        What the formula gives; NaN where there is none.
    correlation, lag : float
        Share of common spikes, and by how much (ms) the postsynaptic ones are later.
    w0 : float
        The weight at which the drift was measured.
    synapses, duration : int, float
        Synapses for each pair of rates; time of measurement (ms).
    """

    rule: Any
    pre_rate: np.ndarray
    post_rate: np.ndarray
    drift: np.ndarray
    error: np.ndarray
    theory: np.ndarray
    correlation: float
    lag: float
    w0: float
    synapses: int
    duration: float
    curve: np.ndarray

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the drift against the postsynaptic rate, one colour for each presynaptic rate, the formula behind."""
        ax = canvas.axes_or_new("poisson_drift", ax, 5.5, 3.8)
        drawing.zero_lines(ax, vertical=False)
        keys: list[object] = []
        for k, rate in enumerate(self.pre_rate):
            if np.isfinite(self.curve[1 + k]).any():
                drawing.theory(ax, self.curve[0], self.curve[1 + k], k)
            label = f"pre {rate:g} Hz"
            keys.append(drawing.measured(ax, self.post_rate, self.drift[k], k, label, self.error[k]))
        if np.isfinite(self.theory).any():
            keys.append(drawing.sample_line("formula"))
        ax.set_xlabel("postsynaptic rate (Hz)")
        ax.set_ylabel(f"drift at w = {self.w0:g} (per second)")
        canvas.open_frame(ax)
        drawing.key(ax, keys)
        return ax

    def __repr__(self) -> str:
        known = np.isfinite(self.theory)
        said = "no formula known"
        if known.any():
            off = np.abs(self.drift - self.theory)[known] / np.maximum(self.error[known], 1e-300)
            said = f"formula within {off.max():.2g} standard errors"
        rates = " x ".join(f"{one.min():g} ... {one.max():g}" for one in (self.pre_rate, self.post_rate))
        return (
            f"Drift({title_of(self.rule)} at w = {self.w0:g}: {rates} Hz, {self.synapses:,} synapses each for "
            f"{self.duration / 1e3:g} s; {self.drift.min():+.4g} ... {self.drift.max():+.4g} per second, standard errors up to "
            f"{self.error.max():.2g}; {said})"
        )


def poisson_drift(
    rule: Any, pre_rate: ArrayLike = 20.0, post_rate: ArrayLike = (5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0),
    correlation: float = 0.0, *, lag: float = 5.0, synapses: int | None = None, duration: float = 10_000.0, warm_up: float = 1000.0,
    hold: float = 50.0, w0: float | None = None, formula: Callable[[float, float], float] | None = None,
    level: float = 0.001, resolution: float = 0.1, seed: int = 0,
) -> Drift:  # fmt: skip
    """Measure the mean drift of a weight between Poisson trains, at a weight that is held.

    Many synapses per pair of rates; every `hold` ms the change is noted and the weight put back, so that the drift is that
    at `w0` also where it depends on the weight.  Traces and other variables go on.

    Parameters
    ----------
    rule : plasticity rule, or a list of them
    pre_rate, post_rate : float or array of float
        Hz; all combinations are measured.
    correlation : float
        Share c of common spikes, in [0, 1]: a train of rate c sqrt(pre_rate post_rate) is part of both, in the
        postsynaptic one `lag` later.  It is the correlation coefficient of the counts in long windows.
    lag : float
        ms, may be negative.
    synapses : int, optional
        For each combination; all are independent.  Default 100, for rules that read a voltage (which take longer) 10.
    duration, warm_up, hold : float
        Time of measurement, time before it, time between two returns to w0 (ms).
    w0 : float, optional
        Weight; default: the middle of the bounds.
    formula : callable, optional
        Drift per second as a function of the two rates (Hz), for rules that the laboratory has no formula for.
    level : float
        For rules with a third factor: by how much the modulator is held above the baseline.
    resolution : float
        Step of the simulation (ms).  At most one spike a step: coincidences and bins make a trace smaller by about
        resolution / (2 tau).
    seed : int

    Returns
    -------
    Drift

    Examples
    --------
    >>> import neurosim as ns
    >>> rule = ns.PairSTDP(a_plus=0.001, a_minus=0.002)
    >>> seen = ns.lab.poisson_drift(rule, 20.0, 20.0, synapses=20, duration=1000.0)
    >>> print(f"{seen.theory[0, 0]:.4f}")  # 20 * 20 * (0.001 - 0.002) * 0.020
    -0.0080

    References
    ----------
    Kempter, Gerstner & van Hemmen (1999) Phys. Rev. E 59:4498; Pfister & Gerstner (2006) J. Neurosci. 26:9673.
    """
    check_rule("poisson_drift", rule)
    pre, post = (
        trains.frequencies("poisson_drift(pre_rate)", pre_rate),
        trains.frequencies("poisson_drift(post_rate)", post_rate),
    )
    share = check_probability("poisson_drift(correlation)", correlation)
    if two_valued(rule):
        raise ParameterError(
            f"poisson_drift(rule): weights of {title_of(rule)} have two values, so that none can be held between them; "
            f"see ns.lab.pairing(rule)"
        )
    usual = 10 if reads(rule) else 100
    n = check_count("poisson_drift(synapses)", usual if synapses is None else synapses, least=2)
    start = start_weight("poisson_drift", rule, w0)
    step = check_positive("poisson_drift(resolution)", resolution, "ms")
    stretch = steps_of("poisson_drift(hold)", hold, step, least=1)
    rounds = max(1, round(check_positive("poisson_drift(duration)", duration, "ms") / (stretch * step)))
    before = round(check_not_negative("poisson_drift(warm_up)", warm_up, "ms") / step)
    late = steps_of("poisson_drift(lag)", lag, step, least=trains.LONG_AGO)
    above = check_number("poisson_drift(level)", level)
    pairs = [(x, y, _common("poisson_drift", x, y, share, step)) for x in pre for y in post]
    rng = np.random.default_rng((seed, 0x70))
    steps = before + rounds * stretch
    spikes = [trains.poisson_pair(rng, steps, step, x, y, c, late) for x, y, c in pairs for _ in range(n)]
    bench = Bench(rule, spikes, w0=start, step=step, level=above, seed=seed)
    bench.run_to(before)
    total = np.zeros(len(spikes))
    for k in range(rounds):
        bench.projection.weight = start
        bench.run_to(before + (k + 1) * stretch)
        total += bench.weight - start
    seconds = rounds * stretch * step * 1e-3
    per_second = (total / seconds).reshape(pre.size, post.size, n)

    def expected(x: float, y: float, c: float) -> float:
        if formula is not None:
            return float(formula(x, y))
        return theory.drift(rule, x, y, start, common=c, lag=late * step, level=above)

    known = np.array([expected(*one) for one in pairs]).reshape(pre.size, post.size)
    fine = np.linspace(post.min(), post.max(), 101) if post.size > 1 else post
    curve = [[expected(x, y, share * math.sqrt(x * y)) for y in fine] for x in pre]
    return Drift(
        rule, pre, post, per_second.mean(axis=2), per_second.std(axis=2, ddof=1) / math.sqrt(n), known, share,
        late * step, start, n, seconds * 1e3, np.concatenate([fine[None], curve]),
    )  # fmt: skip


def _common(name: str, pre_rate: float, post_rate: float, share: float, step: float) -> float:
    """Rate (Hz) of the common train; refuses what two trains of these rates cannot have."""
    if max(pre_rate, post_rate) * 1e-3 * step > 0.5:
        raise ParameterError(
            f"{name}(rate): {max(pre_rate, post_rate):g} Hz is more than a spike in every second step of {step:g} ms; take lower "
            f"rates, or resolution={step / 10:g}"
        )
    common = share * math.sqrt(pre_rate * post_rate)
    if common > min(pre_rate, post_rate) * (1.0 + 1e-12):
        most = math.sqrt(min(pre_rate, post_rate) / max(pre_rate, post_rate))
        raise ParameterError(
            f"{name}(correlation): trains of {pre_rate:g} and {post_rate:g} Hz have at most a correlation of {most:.3g}, got {share:g}"
        )
    return common
