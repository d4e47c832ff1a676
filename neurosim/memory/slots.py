"""Working memory in gated slots: bistable pools, gates that open by disinhibition, items bound by fast Hebbian synapses.

Which cells belong to an item is in the weights of the fast synapses; Python knows which label was written to which slot, and when.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count, check_not_negative, check_positive, names_checked, settle
from neurosim.distributions import uniform
from neurosim.errors import ParameterError
from neurosim.memory.attaching import found, listened
from neurosim.memory.fast_hebb import FastHebb
from neurosim.memory.pulses import Pulses
from neurosim.memory.silent import place_of
from neurosim.neurons.lif import LIF, LIFExp
from neurosim.stimuli import WhiteNoise
from neurosim.wiring import all_to_all, from_edges

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.population import Neurons, View

PER_MV = 25.0  # pA that depolarise a cell of 10 ms and 250 pF by 1 mV
GATE = 20  # cells of one gate
RELAY = 50  # cells of one relay
NEVER = -np.inf  # ms
AFTER = 40.0  # ms for a gate to shut again
POLICIES = ("oldest", "weakest")


@names_checked
@dataclass(frozen=True, kw_only=True)
class Slots:
    """Parameters of a `SlotMemory`.

    Parameters
    ----------
    n : int
        Content cells; an item is a subset of them.
    cells : int
        Cells of one slot.
    open : float
        How long a gate is open (ms).
    tau : float
        Time constant (ms) with which the fast synapses fade when they are not used.
    noise : float
        Standard deviation (mV) of the membranes of content cells and relays.
    """

    n: int = 100
    cells: int = 50
    open: float = 60.0
    tau: float = 10_000.0
    noise: float = 0.5

    def __post_init__(self) -> None:
        check_count("Slots.n", self.n, least=2)
        check_count("Slots.cells", self.cells, least=10)
        settle(self, "open", check_positive, "ms")
        settle(self, "tau", check_positive, "ms")
        settle(self, "noise", check_not_negative, "mV")


class SlotMemory:
    """Working memory that does not drift: a few slots, each with a gate, and items that are overwritten when slots are full.

    For each slot there are a pool that fires on once it was ignited (recurrent synapses of 50 ms), a relay between pool and
    content cells, and a gate of tonically firing inhibitory cells that keeps the relay silent.  A gate opens when its own
    cells are inhibited.  Then the relay fires with the pool and with what the content cells do, and its synapses to the content
    cells learn within a few spikes which of them fire (fast Hebbian synapses).  `write` empties the slot (gate open, content
    silent) and then opens the gate with the item's cells driven; `open` opens it with no input: the item's cells fire, which also
    refreshes the synapses.  Shut, a slot hears nothing of what the content cells do.

    Parameters
    ----------
    net : Network
    items : int
        Slots.
    name : str
        Prefix of the populations: content, slots, relays, gates.
    evict : {"oldest", "weakest"}
        Whose slot a new item takes when all are full: the one not written or opened for longest, or the one whose fast synapses
        have faded most.
    parameters : Slots, optional

    Attributes
    ----------
    content, slots, relays, gates : Population
    fast : Projection
        Relays to content: what is held.
    labels : list
        Label in each slot, None for empty.
    used : float64 [slots]
        When each was last written or opened (ms); -inf for never.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(dt=0.5, seed=1)
    >>> memory = SlotMemory(net, 2)
    >>> memory.write("cat", range(10))
    >>> net.run(memory.write_time + 500.0)
    >>> memory.recall("cat").tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """

    def __init__(
        self,
        net: Network,
        items: int = 4,
        *,
        name: str = "slots",
        evict: str = "oldest",
        parameters: Slots | None = None,
    ) -> None:
        self._describe(net, [None] * check_count("SlotMemory.items", items, least=1), name, evict, parameters)
        k, p, self._pulses = len(self.labels), self.parameters, Pulses(net)
        cell = LIF(tau_m=10.0, t_ref=5.0)
        synaptic = {"tau_m": 10.0, "e_l": 0.0, "v_th": 20.0, "v_reset": 0.0}
        self.content = net.add_population(f"{name}.content", cell, p.n)
        self.slots = net.add_population(f"{name}.slots", LIFExp(tau_exc=50.0, t_ref=15.0, **synaptic), k * p.cells)
        self.relays = net.add_population(
            f"{name}.relays", LIFExp(tau_exc=5.0, tau_inh=10.0, t_ref=5.0, **synaptic), k * RELAY
        )
        self.gates = net.add_population(f"{name}.gates", LIF(tau_m=10.0), k * GATE)
        self.gates.v, self.gates.i_e = uniform(0.0, 20.0), uniform(28.0 * PER_MV, 36.0 * PER_MV)  # not in step
        stays = np.exp(-net.dt / 10.0)
        for part in (self.content, self.relays) if p.noise else ():
            net.stimulate(part, WhiteNoise(sd=p.noise * PER_MV * float(np.sqrt((1.0 + stays) / (1.0 - stays)))))
        self._wire(k)
        self.spikes = net.record(self.content, "spikes", ring=p.open + AFTER + 1000.0)

    @classmethod
    def attach(
        cls, net: Network, labels: Sequence[Hashable | None], *, used: ArrayLike | None = None, name: str = "slots", evict: str = "oldest",
        parameters: Slots | None = None,
    ) -> SlotMemory:  # fmt: skip
        """The slots of this name in a network that has them already, for example after `ns.load`; options as when they were made.

        Parameters
        ----------
        labels : sequence of labels
            `labels` of the memory when the network was saved, None for empty slots.
        used : array of float, optional
            Its `used`; without it the slots count as used in the order in which they stand.
        """
        self = cls.__new__(cls)
        self._describe(net, list(labels), name, evict, parameters)
        k, p = len(self.labels), self.parameters
        sizes = {"content": p.n, "slots": k * p.cells, "relays": k * RELAY, "gates": k * GATE}
        self.content, self.slots, self.relays, self.gates = parts = found(net, "SlotMemory", name, sizes)
        self.fast = net.projections[f"{name}.fast"]
        self.rule, self._pulses = self.fast.plasticity, Pulses(net, parts)
        self.spikes = listened(net, self.content, p.open + AFTER + 1000.0)
        if used is not None:
            self.used = np.array(used, np.float64)
            if self.used.shape != (k,) or np.isnan(self.used).any():
                raise ParameterError(
                    f"SlotMemory.attach(used): needs a time (ms) for each of {k} slots, got {used!r}; take memory.used when you save"
                )
        return self

    def _describe(
        self, net: Network, labels: list[Hashable | None], name: str, evict: str, parameters: Slots | None
    ) -> None:
        self.network, self.name, self.parameters, self.labels = net, name, parameters or Slots(), labels
        if evict not in POLICIES:
            raise ParameterError(f"SlotMemory.evict: must be 'oldest' or 'weakest', got {evict!r}")
        self.evict, self.used = evict, np.full(len(labels), NEVER)

    def _wire(self, k: int) -> None:
        net, p, each = self.network, self.parameters, self._within
        net.connect(self.slots, self.slots, each(k, p.cells, p.cells), weight=500.0 / p.cells, autapses=True)
        net.connect(self.slots, self.relays, each(k, p.cells, RELAY), weight=5000.0 / p.cells)
        net.connect(self.relays, self.slots, each(k, RELAY, p.cells), weight=500.0 / RELAY)
        net.connect(self.gates, self.relays, each(k, GATE, RELAY), weight=-8000.0 / GATE)
        net.connect(self.content, self.relays, all_to_all(), weight=300.0)
        strong = 100.0 / RELAY  # mV: a volley of a relay is five times what a content cell needs
        self.rule = FastHebb(tau_w=p.tau, w_max=strong)
        self.fast = net.connect(
            self.relays, self.content, all_to_all(), weight=0.0, plasticity=self.rule, name=f"{self.name}.fast"
        )

    @staticmethod
    def _within(k: int, n_pre: int, n_post: int) -> object:
        """All to all within each of k groups."""
        pre, post = np.divmod(np.arange(n_pre * n_post), n_post)
        group = np.arange(k)[:, None]
        return from_edges(((pre + group * n_pre).ravel(), (post + group * n_post).ravel()))

    @property
    def write_time(self) -> float:
        """How long a `write` takes (ms)."""
        return 2.0 * self.parameters.open + AFTER

    def _part(self, population: Neurons, k: int) -> View:
        """The cells of slot k."""
        n = len(population) // len(self.labels)
        return population[k * n : (k + 1) * n]  # type: ignore[index]

    # ---- what a user does --------------------------------------------------------------------------------------------

    def write(self, label: Hashable, cells: ArrayLike) -> Hashable | None:
        """Write an item from now on, which takes `write_time`; one of this label is replaced, else a free slot taken, else one evicted.

        Parameters
        ----------
        label : hashable
            Not None.
        cells : array of int
            Places of its content cells.

        Returns
        -------
        label or None
            What was evicted.
        """
        places = np.unique(np.asarray(cells))
        if label is None or not np.issubdtype(places.dtype, np.integer) or not places.size:
            raise ParameterError(f"{self.name}.write: needs a label and cells, got {label!r} and {cells!r}")
        if places[0] < 0 or places[-1] >= self.parameters.n:
            raise ParameterError(
                f"{self.name}.write(cells): must lie in 0 ... {self.parameters.n - 1}, got {cells!r}; more cells: "
                f"SlotMemory(net, parameters=Slots(n={int(places[-1]) + 1}))"
            )
        k, evicted = self._slot_for(label)
        now, opened = self.network.now, self.parameters.open
        self._pulse(self.content, -300.0, now, now + opened)
        self._pulse(self._part(self.relays, k), 60.0, now, now + opened)
        self._pulse(self.content[places], 40.0, now + opened, now + 2.0 * opened)
        self._pulse(self._part(self.gates, k), -90.0, now, now + 2.0 * opened)
        self.labels[k], self.used[k] = label, now
        return evicted

    def open(self, label: Hashable) -> None:
        """Open the gate of an item's slot from now on: its content cells fire."""
        k, now = self._slot_of(label), self.network.now
        self._pulse(self._part(self.gates, k), -90.0, now, now + self.parameters.open)
        self.used[k] = now

    def recall(self, label: Hashable) -> np.ndarray:
        """Open the gate, run the network until it is shut again, and return the places of the content cells that fired twice or more."""
        self.open(label)
        begin = self.network.now
        self.network.run(self.parameters.open + AFTER, progress=False)
        fired = self.spikes.index[self.spikes.t > begin]
        return np.flatnonzero(np.bincount(fired, minlength=self.parameters.n) >= 2)

    def clear(self, label: Hashable | None = None) -> None:
        """Quench the pool of an item, or all pools, for 300 ms from now on: nothing drives the relay when the gate opens."""
        now = self.network.now
        for k in range(len(self.labels)) if label is None else [self._slot_of(label)]:
            self._pulse(self._part(self.slots, k), -400.0, now, now + 300.0)
            self.labels[k], self.used[k] = None, NEVER

    def strength(self) -> np.ndarray:
        """Sum of the fast weights of each slot (mV), now; float64 [slots]."""
        slot = np.searchsorted(self.relays.uid, self.fast.pre) // RELAY
        return np.bincount(slot, self.fast.weight, len(self.labels))

    def _slot_of(self, label: Hashable) -> int:
        place_of(self.name, label, [one for one in self.labels if one is not None])
        return self.labels.index(label)

    def _slot_for(self, label: Hashable) -> tuple[int, Hashable | None]:
        """Which slot takes an item, and what is lost."""
        for wanted in (label, None):
            if wanted in self.labels:
                return self.labels.index(wanted), None
        k = int(np.argmin(self.used if self.evict == "oldest" else self.strength()))
        return k, self.labels[k]

    def _pulse(self, part: Neurons, millivolts: float, start: float, stop: float) -> None:
        self._pulses.give(part, millivolts * PER_MV, start, stop)

    def __repr__(self) -> str:
        return f"SlotMemory({self.name!r}: {', '.join('-' if one is None else str(one) for one in self.labels)})"
