"""Working memory in facilitated synapses, silent between population spikes (Mongillo, Barak & Tsodyks 2008).

What is held is in u and x of the recurrent synapses and in spikes; Python knows which pool has which label, and counts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from neurosim.checks import (
    check_count,
    check_not_negative,
    check_number,
    check_positive,
    check_probability,
    did_you_mean,
    names_checked,
    settle,
)
from neurosim.distributions import uniform
from neurosim.errors import ParameterError
from neurosim.memory.attaching import found, listened
from neurosim.memory.pulses import Pulses
from neurosim.neurons.lif import LIF
from neurosim.plasticity.facilitation import Facilitation
from neurosim.stimuli import WhiteNoise
from neurosim.wiring import fixed_indegree

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.population import Neurons, View

C_M = 250.0  # pF: any would do, since currents are given as the depolarisation (mV) that they would cause
BIN = 10.0  # ms: a population spike is a bin in which a pool fires above PEAK
PEAK = 30.0  # Hz
APART = 50.0  # ms: bins above PEAK that are nearer than this belong to one population spike
KEPT = 3000.0  # ms for which spikes are kept for reading
TRACE = 0.35  # u above which a silent pool holds an item: a pulse of 6 % brings it back


@names_checked
@dataclass(frozen=True, kw_only=True)
class Silent:
    """Parameters of a `SilentMemory`; the defaults are 2,000 excitatory cells with the in-degrees of the published 8,000.

    Currents and noise are in mV: the mean depolarisation that they cause, and the standard deviation of a free membrane.

    Parameters
    ----------
    n_exc, n_inh : int
        Neurons.
    contact : float
        In-degree from each population, as a share of its neurons.
    coding : float
        Share of the excitatory neurons in one pool.
    drive, drive_inh : float
        Mean external input of excitatory and inhibitory cells (mV).  22.8: items fade; 23.7 and more: they are kept.  Of eight
        that were cued one after the other 2.6, 4.2, 3.8, 3.6, 2.8 were held at 23.7, 24.0, 24.3, 25.0, 25.7 mV (five seeds each).
    off : float
        Drive (mV) that `silence` sets.
    noise : float
        Standard deviation (mV) of a free membrane.
    U, tau_rec, tau_fac : float
        Of the excitatory-excitatory synapses (ms), see `Facilitation`.
    j_base, j_strong : float
        Excitatory-excitatory weights (mV) between pools and within a pool.
    strong_share : float
        Share of strong synapses among those of the cells of no pool.
    j_to_inh, j_to_exc, j_inh : float
        Weights (mV): excitatory to inhibitory, inhibitory to excitatory, inhibitory to inhibitory.
    delay : float
        Of all synapses (ms); the published network draws them between 0.1 and 1.

    References
    ----------
    Mongillo, Barak & Tsodyks (2008) Science 319:1543; numbers as in the NEST implementation by G. Tiddia,
    github.com/gmtiddia/working_memory_spiking_network.
    """

    n_exc: int = 2000
    n_inh: int = 500
    contact: float = 0.8
    coding: float = 0.1
    drive: float = 24.3
    drive_inh: float = 21.0
    off: float = 22.8
    noise: float = 1.0
    U: float = 0.2
    tau_rec: float = 200.0
    tau_fac: float = 1500.0
    j_base: float = 0.1
    j_strong: float = 0.45
    strong_share: float = 0.1
    j_to_inh: float = 0.135
    j_to_exc: float = 0.25
    j_inh: float = 0.2
    delay: float = 0.5

    def __post_init__(self) -> None:
        for name in ("n_exc", "n_inh"):
            check_count(f"Silent.{name}", getattr(self, name), least=1)
        for name in ("contact", "coding", "strong_share"):
            settle(self, name, check_probability)
        for name in ("drive", "drive_inh", "off"):
            settle(self, name, check_number, "mV")
        for name in ("noise", "j_base", "j_strong", "j_to_inh", "j_to_exc", "j_inh"):
            settle(self, name, check_not_negative, "mV")
        for name in ("U", "tau_rec", "tau_fac", "delay"):
            settle(self, name, check_positive)

    @classmethod
    def scaled(cls, n_exc: int, **changes: float) -> Silent:
        """Another size with the same in-degrees and weights, a quarter as many inhibitory cells.

        Scaling the weights instead loses the memory: 2,000 cells with a fifth of the contacts and four times the weights hold
        nothing.

        Parameters
        ----------
        n_exc : int
            At least 1,600: each cell has so many excitatory inputs.
        **changes : float
            Other parameters.
        """
        inputs = 1600  # 8,000 cells, a fifth of them
        if n_exc < inputs:
            raise ParameterError(
                f"Silent.scaled(n_exc): each cell has {inputs:,} excitatory inputs, so at least {inputs:,} cells, got {n_exc!r}; "
                f"for example Silent.scaled(2000)"
            )
        return replace(cls(n_exc=n_exc, n_inh=n_exc // 4, contact=inputs / n_exc), **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Held:
    """What a pool holds.

    Attributes
    ----------
    item : label
    state : {"active", "silent"}
        Whether it fires population spikes, or only its synapses are facilitated.
    spikes : int
        Population spikes in the window.
    rate : float
        Mean rate (Hz) of the pool in the window.
    u, x : float
        Use and resources now, means of the pool.
    """

    item: Hashable
    state: str
    spikes: int
    rate: float
    u: float
    x: float


class SilentMemory:
    """Working memory without firing: each item is a pool whose recurrent synapses stay facilitated for a second or so.

    Adds to a network the populations ``<name>.exc`` and ``<name>.inh``, four projections (the excitatory-excitatory one under
    `Facilitation`), noise, and a recorder of spikes.  Above a drive of about 23.5 mV a written pool refreshes itself by a
    population spike every 0.3-0.6 s; below, the trace fades with tau_fac, and an unspecific pulse brings the item back.  Runs
    with ``net.run``; `write`, `reactivate`, `silence` say what happens from now on.
    Each population spike is followed by inhibition of all: at 23.7 mV other cells fire at 0.8 of their rate while an item is held.

    Parameters
    ----------
    net : Network
    items : int or sequence of labels
        Pools; each takes `coding` of the excitatory cells.
    name : str
        Prefix of the names.
    parameters : Silent, optional

    Attributes
    ----------
    exc, inh : Population
    recurrent : Projection
        Excitatory to excitatory: where the memory is.
    items : list of labels
    spikes : SpikeRecorder
        Of `exc`; keeps the last 3 s.

    Examples
    --------
    >>> import neurosim as ns
    >>> small = Silent(n_exc=100, n_inh=25, noise=0.0, drive=0.0, drive_inh=0.0)
    >>> memory = SilentMemory(ns.Network(seed=1), items=["cat", "dog"], parameters=small)
    >>> memory.write("cat")
    >>> [held.item for held in memory.contents()]
    []

    References
    ----------
    Mongillo, Barak & Tsodyks (2008) Science 319:1543.
    """

    def __init__(
        self, net: Network, items: int | Sequence[Hashable] = 5, *, name: str = "wm", parameters: Silent | None = None
    ) -> None:
        self._describe(net, items, name, parameters)
        p = self.parameters
        exc = LIF(tau_m=15.0, c_m=C_M, v_th=20.0, v_reset=16.0, t_ref=2.0)
        self.exc = net.add_population(f"{name}.exc", exc, p.n_exc)
        self.inh = net.add_population(f"{name}.inh", replace(exc, tau_m=10.0, v_reset=13.0), p.n_inh)
        self._wire()
        for part, drive, low, high in ((self.exc, p.drive, 0.0, 16.0), (self.inh, p.drive_inh, 13.0, 20.0)):
            net.stimulate(part, WhiteNoise(sd=_noise(part, p.noise, net.dt)))
            _set_drive(part, drive)
            part.v = uniform(low, high)  # from one value all would fire at once, and facilitate
        self.spikes = net.record(self.exc, "spikes", ring=KEPT)

    @classmethod
    def attach(
        cls, net: Network, items: int | Sequence[Hashable] = 5, *, name: str = "wm", parameters: Silent | None = None
    ) -> SilentMemory:
        """The memory of this name in a network that has one already, for example after `ns.load`; arguments as when it was made."""
        self = cls.__new__(cls)
        self._describe(net, items, name, parameters)
        p = self.parameters
        self.exc, self.inh = found(net, "SilentMemory", name, {"exc": p.n_exc, "inh": p.n_inh})
        self.recurrent = net.projections[f"{name}.exc->exc"]
        self._pulses = Pulses(net, [self.exc])
        self.spikes = listened(net, self.exc, KEPT)
        return self

    def _describe(self, net: Network, items: int | Sequence[Hashable], name: str, parameters: Silent | None) -> None:
        self.network, self.name, self.parameters = net, name, parameters or Silent()
        self.items = labels_of("SilentMemory.items", items)
        self._pulses = Pulses(net)
        p, size = self.parameters, self.pool_size
        if size < 1 or len(self.items) * size > p.n_exc:
            raise ParameterError(
                f"SilentMemory.items: pools of {p.coding:g} x {p.n_exc} cells leave room for {p.n_exc // max(1, size)} items, "
                f"got {len(self.items)}; for example parameters=Silent(coding={1 / (len(self.items) + 1):.2g})"
            )

    @property
    def pool_size(self) -> int:
        """Cells of one pool."""
        return int(round(self.parameters.coding * self.parameters.n_exc))

    def _wire(self) -> None:
        p, net, name = self.parameters, self.network, self.name
        from_exc, from_inh = (fixed_indegree(round(p.contact * n)) for n in (p.n_exc, p.n_inh))
        rule = Facilitation(U=p.U, tau_rec=p.tau_rec, tau_fac=p.tau_fac)
        exc, inh = self.exc, self.inh
        self.recurrent = net.connect(
            exc, exc, from_exc, weight=p.j_base, delay=p.delay, plasticity=rule, autapses=True, name=f"{name}.exc->exc"
        )
        self.recurrent.weight = self._strengths()
        net.connect(exc, inh, from_exc, weight=p.j_to_inh, delay=p.delay, name=f"{name}.exc->inh")
        net.connect(inh, exc, from_inh, weight=-p.j_to_exc, delay=p.delay, name=f"{name}.inh->exc")
        net.connect(inh, inh, from_inh, weight=-p.j_inh, delay=p.delay, autapses=True, name=f"{name}.inh->inh")

    def _strengths(self) -> np.ndarray:
        """Strong within a pool; from cells of no pool a share is; all others weak."""
        p, edges, last = self.parameters, self.recurrent.edges(), len(self.items)
        which = np.minimum(np.arange(p.n_exc) // self.pool_size, last)
        pre, post = (which[np.searchsorted(self.exc.uid, uid)] for uid in (edges.pre, edges.post))
        drawn = self.network.rng(self.name, "strong").random(pre.size) < p.strong_share
        strong = np.where(pre == last, drawn, pre == post)
        return np.where(strong, p.j_strong, p.j_base)

    # ---- what a user does --------------------------------------------------------------------------------------------

    def pool(self, item: Hashable) -> View:
        """The cells of an item: a view, to record, to connect or to lesion."""
        k = place_of("SilentMemory", item, self.items)
        return self.exc[k * self.pool_size : (k + 1) * self.pool_size]

    @property
    def drive(self) -> float:
        """Mean external input (mV) of the excitatory cells.  Settable, also in the middle of a run of the memory."""
        return float(self.exc.i_e.mean() * self.exc.model.tau_m / C_M)

    @drive.setter
    def drive(self, value: float) -> None:
        _set_drive(self.exc, check_number(f"{self.name}.drive", value, "mV"))

    def write(self, item: Hashable, *, gain: float = 1.15, duration: float = 350.0) -> None:
        """Cue an item from now on: its pool's mean input is `gain` times as large for `duration` ms."""
        self._pulse(self.pool(item), gain, duration)

    def reactivate(self, *, gain: float = 1.06, duration: float = 250.0) -> None:
        """Drive all excitatory cells alike from now on: the pool that is still facilitated answers with a population spike.

        Parameters
        ----------
        gain : float
            Factor of the mean input.  At 22.8 mV 1.06 recalls to about 1.5 s after the cue and not at 3 s; more gain reaches
            further back, and from 1.07 on it may wake a pool that holds nothing.
        duration : float
            ms.
        """
        self._pulse(self.exc, gain, duration)

    def silence(self) -> None:
        """Lower the drive to `Silent.off`: population spikes stop, traces fade with tau_fac."""
        self.drive = self.parameters.off

    def resume(self) -> None:
        """The drive of the parameters again."""
        self.drive = self.parameters.drive

    def clear(self, item: Hashable | None = None) -> None:
        """Reset u and x, of an item's cells or of all: what was held is gone at once; all: pulses end too."""
        if item is None:
            self._pulses.end()
        self.recurrent.rest(None if item is None else self.pool(item).uid)

    def _pulse(self, part: Neurons, gain: float, duration: float) -> None:
        check_positive(f"{self.name}.gain", gain)
        now, extra = self.network.now, (gain - 1.0) * self.drive * C_M / self.exc.model.tau_m
        self._pulses.give(part, extra, now, now + check_positive(f"{self.name}.duration", duration, "ms"))

    # ---- what it holds -----------------------------------------------------------------------------------------------

    def use(self, item: Hashable | None = None) -> tuple[float, float]:
        """u and x now: means over an item's pool, or over all cells of no pool."""
        u, x = (self.recurrent.source_variable(name) for name in ("u", "x"))
        part = slice(len(self.items) * self.pool_size, None) if item is None else self.pool(item).index
        return float(np.mean(u[part])), float(np.mean(x[part]))

    def contents(self, window: float = 1500.0) -> list[Held]:
        """What is held, the strongest use first: pools with population spikes in the last `window` ms, or with u above 0.35.

        Parameters
        ----------
        window : float
            ms, at most 3,000.
        """
        u, x = (self.recurrent.source_variable(name) for name in ("u", "x"))
        t, index = self.spikes.t, self.spikes.index
        begin = max(self.network.now - window, self.spikes.span[0])
        held = []
        for k, item in enumerate(self.items):
            part = slice(k * self.pool_size, (k + 1) * self.pool_size)
            own = t[(t > begin) & (index >= part.start) & (index < part.stop)]
            bursts = population_spikes(own, self.pool_size, begin, self.network.now).size
            rate = 1e3 * own.size / self.pool_size / max(self.network.now - begin, self.network.dt)
            mean_u, mean_x = float(u[part].mean()), float(x[part].mean())
            if bursts or mean_u > TRACE:
                held.append(Held(item, "active" if bursts else "silent", bursts, rate, mean_u, mean_x))
        return sorted(held, key=lambda one: -one.u)

    def __repr__(self) -> str:
        return (
            f"SilentMemory({self.name!r}: {len(self.items)} pools of {self.pool_size} cells, drive {self.drive:g} mV)"
        )


def population_spikes(t: np.ndarray, n: int, start: float, stop: float) -> np.ndarray:
    """Times (ms) of population spikes: bins of 10 ms in which n cells fire above 30 Hz; those within 50 ms are one.

    Parameters
    ----------
    t : float64 [spikes]
        Spike times of the pool (ms).
    n : int
        Its cells.
    start, stop : float
        ms.

    Returns
    -------
    float64 [population spikes]
        Middle of the first bin of each.
    """
    bins = max(1, int((stop - start) / BIN + 1e-9))
    count = np.histogram(t, bins, (start, start + bins * BIN))[0]
    high = start + (np.flatnonzero(count > PEAK * n * BIN * 1e-3) + 0.5) * BIN
    return high[np.diff(high, prepend=-np.inf) > APART]


def labels_of(label: str, items: int | Sequence[Hashable]) -> list[Hashable]:
    """Labels, each once: 0, 1, ... for a number."""
    if isinstance(items, int | np.integer):
        return list(range(check_count(label, items, least=1)))
    labels = list(items)
    if not labels or len(set(labels)) < len(labels):
        raise ParameterError(f'{label}: needs labels that differ, got {items!r}; for example items=["cat", "dog"]')
    return labels


def place_of(label: str, item: Hashable, items: Sequence[Hashable]) -> int:
    """Where a label stands; an unknown one is refused."""
    if item not in items:
        names = [str(one) for one in items]
        raise ParameterError(
            f"{label}.items: there is no {item!r}; known: {', '.join(names)}.{did_you_mean(str(item), names)}"
        )
    return list(items).index(item)


def _set_drive(part: Neurons, drive: float) -> None:
    part.i_e = drive * C_M / part.population.model.tau_m


def _noise(part: Neurons, sd: float, dt: float) -> float:
    """pA of a noise current, held through each step, that gives a free membrane this standard deviation (mV)."""
    tau = part.population.model.tau_m
    stays = np.exp(-dt / tau)
    return float(sd * C_M / tau * np.sqrt((1.0 + stays) / (1.0 - stays)))
