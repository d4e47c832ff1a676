"""One synapse under given spikes: its weight, its variables and its traces at every event and between.

Times are those at which the neurons fire, as in any network; `delay` says when the synapse sees them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count, check_finite_array, check_positive, steps_of
from neurosim.errors import ParameterError
from neurosim.lab import drawing, trains
from neurosim.lab.bench import (
    check_fired,
    check_rule,
    neuron_for,
    parts,
    reads,
    sees,
    start_weight,
    third_factor,
    title_of,
)
from neurosim.network import Network
from neurosim.neurons.modulator import Modulator
from neurosim.neurons.puppet import Puppet
from neurosim.neurons.sources import SpikeSource
from neurosim.plasticity.mechanism import value_of
from neurosim.plot import canvas
from neurosim.units import plain
from neurosim.wiring import all_to_all, one_to_one

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Points on the grid of time, at most.
MOST = 400
#: Step of the network that is time 0: strings are pulled a step before.
ORIGIN = 1


@dataclass(frozen=True, eq=False, repr=False)
class Protocol:
    """The course of one synapse; made by `protocol`.

    Attributes
    ----------
    t : float64 [samples]
        ms: a grid, every moment at which the synapse sees a spike, and the step before it.
    weight : float64 [samples]
        After everything that happens up to this time.
    variables : dict of str to float64 [samples]
        What the rule keeps for the synapse beside the weight.
    traces : dict of str to float64 [samples]
        Traces as the rule declares them, computed from the spikes that the synapse sees.
    pre, post : float64 [spikes]
        Times at which the neurons fire (ms).
    pre_seen, post_seen : float64 [spikes]
        Times at which the synapse sees them.
    level : float64 [samples] or None
        Of the modulator, for rules with a third factor.
    delivered : float64 [pre spikes]
        What each presynaptic spike brings to the neuron, `delay` later; NaN after the end, and for rules of the voltage.
    delay : float
        ms.
    """

    rule: Any
    t: np.ndarray
    weight: np.ndarray
    variables: Mapping[str, np.ndarray]
    traces: Mapping[str, np.ndarray]
    pre: np.ndarray
    post: np.ndarray
    pre_seen: np.ndarray
    post_seen: np.ndarray
    level: np.ndarray | None
    delivered: np.ndarray
    delay: float

    def at(self, time: float) -> float:
        """The weight after everything that happens up to `time` (ms): that of the last sample not after it."""
        return float(self.weight[max(0, int(np.searchsorted(self.t, time + 1e-9, side="right")) - 1)])

    @property
    def height(self) -> float:
        """Height of the picture (inches)."""
        return 2.8 + 1.4 * len(self._curves())

    def _curves(self) -> list[tuple[str, Mapping[str, np.ndarray]]]:
        """Label and curves of each panel between the spikes and the weight."""
        kinds: list[tuple[str, Mapping[str, np.ndarray]]] = [("trace", self.traces), ("variable", self.variables)]
        if self.level is not None:
            kinds.append(("third factor", {"level of the modulator": self.level}))
        if any(getattr(getattr(one, "mechanism", None), "transmit", None) for one in parts(self.rule)):
            kinds.append(("delivered", {"": self.delivered}))
        return [(name, values) for name, values in kinds if values]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw spikes as the synapse sees them, its traces, its variables and its weight, one below the other."""
        curves = self._curves()
        ax = canvas.axes_or_new("protocol", ax, 7.0, self.height)
        heights = [0.45, *[1.0] * len(curves), 1.6]
        spikes, *middle, last = drawing.stacked(ax, heights, gap=0.09)
        for k, (times, name) in enumerate(((self.post_seen, "post"), (self.pre_seen, "pre"))):
            spikes.vlines(times, k + 0.1, k + 0.9, color=canvas.colour(1 - k), linewidth=1.2)
            spikes.text(-0.01, k + 0.5, name, transform=spikes.get_yaxis_transform(), ha="right", va="center",
                        color=canvas.colour(1 - k), fontsize=canvas.SMALL)  # fmt: skip
        spikes.set_ylim(0.0, 2.0)
        spikes.set_yticks([])
        spikes.spines[["left", "bottom", "top", "right"]].set_visible(False)
        spikes.tick_params(bottom=False)
        for one, (name, values) in zip(middle, curves, strict=True):
            for i, (label, course) in enumerate(values.items()):
                if name == "delivered":
                    one.vlines(self.pre + self.delay, 0.0, course, color=canvas.BLUE, linewidth=1.2)
                    continue
                one.plot(
                    self.t, course, color=canvas.colour(i + 2), linestyle=canvas.dash(i), linewidth=1.1, label=label
                )
            one.set_ylabel(name)
            if name != "delivered":
                canvas.legend_above(one, one.get_legend_handles_labels()[0], 8)
            one.margins(y=0.08)
        last.plot(self.t, self.weight, color=canvas.INK, linewidth=1.4)
        last.set_ylabel("weight")
        last.margins(y=0.08)
        for one in (*middle, last):
            canvas.open_frame(one)
        for one in (spikes, *middle, last):
            canvas.time_axis(one, float(self.t[0]), float(self.t[-1]), label=one is last)
        return ax

    def __repr__(self) -> str:
        kept = ", ".join([*self.variables, *self.traces]) or "none"
        return (
            f"Protocol({title_of(self.rule)}: {self.pre.size} pre and {self.post.size} post spikes in {canvas.duration(float(self.t[-1]))}, "
            f"delay {self.delay:g} ms; weight {self.weight[0]:.6g} \N{RIGHTWARDS ARROW} {self.weight[-1]:.6g}, "
            f"{self.t.size} samples; variables and traces: {kept})"
        )


def protocol(
    rule: Any, pre_times: ArrayLike, post_times: ArrayLike, *, w0: float | None = None, delay: float = 1.0,
    duration: float | None = None, every: float | None = None, rewards: ArrayLike = (), tau_reward: float = 200.0,
    resolution: float = 0.1, seed: int = 0,
) -> Protocol:  # fmt: skip
    """Follow one synapse through given spikes.

    Parameters
    ----------
    rule : plasticity rule, or a list of them
    pre_times, post_times : array of float
        When the two neurons fire (ms), on the grid; 0 is the beginning, so a spike comes at `resolution` at the earliest.
    w0 : float, optional
        Weight at the start; default: the middle of the bounds.
    delay : float
        ms, as in `net.connect`: with sees="delay" the synapse sees a postsynaptic spike so much later (dendritic delay).
    duration : float, optional
        ms; default: a tenth more than the last spike, at least 50 ms more.
    every : float, optional
        Distance of the samples between events (ms); default: at most 400 of them.
    rewards : array [n, 2]
        For rules with a third factor: times (ms) and sizes by which the modulator jumps.
    tau_reward : float
        Time constant of the modulator (ms).
    resolution : float
        Step of the simulation (ms).
    seed : int

    Returns
    -------
    Protocol

    Examples
    --------
    >>> import neurosim as ns
    >>> course = ns.lab.protocol(ns.PairSTDP(a_plus=0.01), [10.0], [20.0], w0=0.5, delay=0.1)
    >>> print(f"{course.weight[-1]:.6f}")  # 0.5 + 0.01 * exp(-10.1 / 20)
    0.506035
    """
    check_rule("protocol", rule)
    step = check_positive("protocol(resolution)", resolution, "ms")
    pre, post = (
        _spikes(f"protocol({name})", given, step)
        for name, given in (("pre_times", pre_times), ("post_times", post_times))
    )
    late = steps_of("protocol(delay)", delay, step, least=1)
    jumps = _rewards(rewards, step) if len(np.atleast_1d(np.asarray(rewards))) else []
    last = max([0, *pre, *post, *[t for t, _ in jumps]])
    end = (
        last + late + max(round(50.0 / step), last // 10)
        if duration is None
        else steps_of("protocol(duration)", duration, step, least=1)
    )
    grid = max(1, -(-end // MOST)) if every is None else steps_of("protocol(every)", every, step, least=1)
    net = Network(dt=step, seed=check_count("protocol(seed)", seed))
    source = net.add_population("pre", SpikeSource(index=np.zeros(len(pre), int), time=(pre + ORIGIN) * step), 1)
    pulled = SpikeSource(index=np.zeros(len(post), int), time=(post + ORIGIN - 1) * step)
    strings = net.add_population("strings", pulled, 1)
    neuron = neuron_for("protocol", rule)
    post_neuron = net.add_population("post", neuron.model, 1)
    net.connect(strings, post_neuron, one_to_one(), weight=neuron.pull, delay=step, receptor=neuron.told, name="pull")
    more = _modulated(net, rule, jumps, check_positive("protocol(tau_reward)", tau_reward, "ms"))
    plastic = net.connect(
        source, post_neuron, one_to_one(), weight=start_weight("protocol", rule, w0), delay=late * step,
        receptor=neuron.heard, plasticity=rule, name="plastic", **more,
    )  # fmt: skip
    arrived = net.record(post_neuron, "total") if isinstance(neuron.model, Puppet) else None
    fired = net.record(post_neuron, "spikes") if reads(rule) else None
    seen = pre, post + (0 if sees(rule) == "spikes" else late)
    events = np.concatenate([*seen, [t for t, _ in jumps]]).astype(np.int64)
    when = np.unique(np.concatenate([np.arange(0, end + 1, grid), [end], events, events - 1]))
    when = when[(when >= 0) & (when <= end)]
    weight, level, variables = _looked_at(net, plastic, when, more.get("modulator"))
    if fired is not None:
        check_fired(rule, fired.count, int((post <= end).sum()))
    delivered = np.full(pre.size, np.nan) if arrived is None else _brought(arrived, pre + ORIGIN + late)
    return Protocol(
        rule, when * step, weight, variables, _traces(rule, when, *seen, step), pre * step, post * step, seen[0] * step,
        seen[1] * step, level, delivered, late * step,
    )  # fmt: skip


def _looked_at(
    net: Network, plastic: Any, when: np.ndarray, modulator: Any
) -> tuple[np.ndarray, np.ndarray | None, dict[str, np.ndarray]]:
    """Weight, level of the modulator and variables of the one synapse at these steps; runs the network."""
    names = tuple(getattr(plastic, "variables", ()))
    values = np.zeros((2 + len(names), when.size))
    for k, t in enumerate(when):
        net.run((ORIGIN + int(t) - net.step) * net.dt, progress=False)
        values[0, k] = plastic.weight[0]
        values[1, k] = 0.0 if modulator is None else modulator.level[0]
        for i, name in enumerate(names):
            values[2 + i, k] = plastic.variable(name)[0]
    return values[0], None if modulator is None else values[1], dict(zip(names, values[2:], strict=True))


def _brought(arrived: Any, there: np.ndarray) -> np.ndarray:
    """What came to the neuron in these steps (of the network), from its sum of all; NaN where it did not live to see it."""
    total = np.append(0.0, np.asarray(arrived.values)[:, 0])  # after so many steps
    found = np.full(there.size, np.nan)
    inside = there < total.size
    found[inside] = total[there[inside]] - total[there[inside] - 1]
    return found


def _spikes(name: str, given: ArrayLike, step: float) -> np.ndarray:
    """Sorted steps of one neuron's spikes, none twice."""
    if np.size(np.asarray(given)) == 0:
        return np.zeros(0, np.int64)
    times = trains.numbers(name, given, "ms")
    steps = np.array([steps_of(name, float(t), step, least=1) for t in times], np.int64)
    found, counts = np.unique(steps, return_counts=True)
    if (counts > 1).any():
        raise ParameterError(
            f"{name}: a neuron fires once at a time, got {found[counts > 1][0] * step:g} ms twice; leave one out"
        )
    return found


def _rewards(given: ArrayLike, step: float) -> list[tuple[int, float]]:
    """(step, size) of each jump of the modulator."""
    pairs = np.asarray(plain("protocol(rewards)", given, "ms"), np.float64)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise ParameterError(
            f"protocol(rewards): needs (time in ms, size) for each, got shape {pairs.shape}; for example rewards=[(500.0, 0.005)]"
        )
    sizes = check_finite_array("protocol(rewards)", pairs[:, 1], len(pairs))
    return [
        (steps_of("protocol(rewards)", float(t), step, least=1), float(a))
        for t, a in zip(pairs[:, 0], sizes, strict=True)
    ]


def _modulated(net: Network, rule: Any, jumps: list[tuple[int, float]], tau: float) -> dict[str, Any]:
    """What `connect` needs beside a rule: a modulator that jumps at these steps, if the rule has a third factor."""
    if not third_factor(rule):
        if jumps:
            raise ParameterError(f"protocol(rewards): {title_of(rule)} has no third factor; leave them out")
        return {}
    modulator = net.add_population("modulator", Modulator(tau=tau), 1)
    if jumps:
        n = len(jumps)
        stamps = np.array([t + ORIGIN - 1 for t, _ in jumps]) * net.dt
        pulses = net.add_population("rewards", SpikeSource(index=np.arange(n), time=stamps), n)
        net.connect(pulses, modulator, all_to_all(), weight=np.array([a for _, a in jumps]), delay=net.dt)
    return {"modulator": modulator}


def _traces(rule: Any, when: np.ndarray, pre: np.ndarray, post: np.ndarray, step: float) -> dict[str, np.ndarray]:
    """Traces of a rule, or of several, after everything up to the steps `when`."""
    found = {}
    for one in parts(rule):
        for name, trace in getattr(getattr(one, "mechanism", None), "traces", ()):
            spikes = pre if trace.of == "pre" else post
            tau = value_of(one, trace.tau) / step
            since = when[:, None] - spikes[None, :]
            fading = np.where(since >= 0, np.exp(-np.maximum(since, 0) / tau), 0.0)
            label = name if name not in found else f"{name} ({title_of(one)})"
            found[label] = fading.sum(axis=1) if trace.jump == "add" else fading.max(axis=1, initial=0.0)
    return found
