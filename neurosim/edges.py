"""Selections of edges of a projection at one moment, and handles on single synapses.

They name edges by source and place in its row; the projection tells when that is no longer true.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim import inserting, ranks, values
from neurosim.engine import flight
from neurosim.engine.coded_pool import CodedPool
from neurosim.engine.lazy_pool import LazyPool
from neurosim.errors import ParameterError, WiringError
from neurosim.history import SYNAPSE_DIED
from neurosim.kernels.rng import stream_key

if TYPE_CHECKING:
    from neurosim.projection import Projection


class Edges:
    """Some edges of a projection at one moment: arrays of equal length, and what can be done with them.

    Attributes
    ----------
    pre, post : int64 [edges]
        Uids.
    weight : float64 [edges]
    delay : float64 [edges]
        ms.
    """

    def __init__(
        self,
        projection: Projection,
        row: np.ndarray,
        slot: np.ndarray,
        pre: np.ndarray,
        post: np.ndarray,
        weight: np.ndarray,
        steps: np.ndarray,
        owner: np.ndarray | None = None,
    ) -> None:
        self.projection = projection
        self.slot, self.pre, self.post, self.weight, self.steps = slot, pre, post, weight, steps
        wire = projection.wire  # rows of the pool may move, sources and shards stay until the version changes
        self.source = wire.source_of(row)
        self._shard = (row - wire.row0) // wire.rows if wire.shards > 1 else 0
        self.version = projection.version
        self.owner = owner  # rank that holds each edge, at this row and slot; None where there is one rank

    @property
    def mine(self) -> np.ndarray | slice:
        """Those edges that this rank holds."""
        return slice(None) if self.owner is None else self.owner == ranks.RANK

    @property
    def row(self) -> np.ndarray:
        """Rows of the pool now, int64 [edges]."""
        wire = self.projection.wire
        return self.source + self._shard * wire.rows + wire.row0

    @property
    def delay(self) -> np.ndarray:
        return self.steps * self.projection.network.dt

    def __len__(self) -> int:
        return int(self.source.size)

    def __getitem__(self, which: ArrayLike) -> Edges:
        which = np.asarray(which)
        if which.dtype == np.bool_ and which.shape != self.source.shape:
            raise ParameterError(
                f"{self.projection.name}: the mask has {which.size} entries, there are {len(self)} edges"
            )
        if which.dtype != np.bool_:
            if which.size and not np.issubdtype(which.dtype, np.integer):
                raise ParameterError(
                    f"{self.projection.name}: edges are chosen by a bool mask or by numbers, got {which!r}"
                )
            which = np.atleast_1d(which).astype(np.int64)
        try:
            chosen = Edges(
                self.projection,
                *(a[which] for a in (self.row, self.slot, self.pre, self.post, self.weight, self.steps)),
            )
        except IndexError:
            raise ParameterError(
                f"{self.projection.name}: edges are numbered 0 ... {len(self) - 1}, got {which[np.argmax(np.abs(which))]}"
            ) from None
        chosen.version = self.version
        chosen.owner = None if self.owner is None else self.owner[which]
        return chosen

    def _check_fresh(self) -> None:
        self.projection._check_alive()
        self.projection.check_stored(self.projection.name)
        if self.version != self.projection.version:
            raise WiringError(
                f"{self.projection.name}: edges have come or gone since these were selected; select again"
            )

    def remove(self, *, rule: str = "user", in_flight: str = "drop") -> int:
        """Remove these edges; see `Projection.remove`."""
        self._check_fresh()
        if in_flight not in ("drop", "deliver"):
            raise ParameterError(f"remove(in_flight): must be 'drop' or 'deliver', got {in_flight!r}")
        if len(self) == 0:
            return 0
        p = self.projection
        net = p.network
        ranks.agree(f"{p.name}.remove", self.pre, self.post, in_flight)
        key = self.row * (1 << 32) + self.slot
        key = np.sort(key if self.owner is None else key * ranks.SIZE + self.owner)
        if (key[1:] == key[:-1]).any():
            raise ParameterError(f"{p.name}.remove: names an edge twice")
        row, slot = self.row[self.mine], self.slot[self.mine]
        flight.note_in_flight(net.engine, p.pool, p.wire, row, only_released=True)
        if in_flight == "drop":
            flight.take_back(net.engine, p.pool, p.wire, row, slot)
        packed, _ = p.pool.remove(row, slot)
        p._edited((packed & p.pool.mask).astype(np.int64), -1)
        net.history.add(net.step, SYNAPSE_DIED, rule, p.name, self.pre, self.post, self.weight, self.delay)
        return len(self)

    def set_weight(self, value: object, *, rounding: str | None = None) -> None:
        """Set the weights: number, array or distribution.  Spikes on their way keep what they carry.

        Parameters
        ----------
        value : number, array or distribution
        rounding : {"nearest", "stochastic"}, optional
            For static weights of few bits: to the nearest value of the grid, or to one of the two around the weight, by chance
            (keyed by seed, step and pair of uids), so that the mean is kept.  Default: `Projection.rounding`.
        """
        self._check_fresh()
        p = self.projection
        net = p.network
        coded = p.pool if isinstance(p.pool, CodedPool) else None
        if rounding is not None:
            p.check_rounding(f"{p.name}.set_weight(rounding)", rounding)
        rounding = rounding or (
            None if p.wire.rounding == "nearest" else p.wire.rounding
        )  # None: to the nearest, and say it
        key = ("weight", p.name, net.step)
        weight = values.edge_weights(
            net, f"{p.name}.weight", value, p.unit, self.pre, self.post, key, nth=self._nth(value)
        )
        whole = coded is not None and len(self) == len(p) and bool(np.all(weight == np.ravel(weight)[:1]))
        weight = np.broadcast_to(
            inserting.checked_weights(p, weight, whole=whole, say=rounding is None), self.source.shape
        )
        if not len(self):
            return
        ranks.agree(f"{p.name}.weight = ...", self.pre, self.post, weight)
        row, slot = self.row[self.mine], self.slot[self.mine]
        column = (p.pool.packed[p.pool.places_of(row, slot)] & p.pool.mask).astype(np.int64)
        wanted = np.broadcast_to(inserting.columns_for(p, weight), weight.shape)[self.mine]
        own = weight[self.mine]
        if ranks.some(np.any((own != 0) & ((column < wanted) | (column >= wanted + p.wire.post_n)))):
            raise ParameterError(
                f"{p.name}.weight: a synapse cannot change its sign, since that would be another receptor; "
                f"remove it and insert a new one: {p.name}.remove(...), {p.name}.insert(pre, post, weight=...)"
            )
        flight.note_in_flight(net.engine, p.pool, p.wire, np.unique(row))
        if coded is None:
            p.pool.set_weights(row, slot, own)
            self.weight = np.asarray(weight.astype(p.pool.weight.dtype), np.float64)
            return
        chance = None
        if rounding == "stochastic":
            chance = p.chance(self, int(stream_key(net.seed, "rounding", p.name, net.step, p.wire.draws)))[self.mine]
            p.wire.draws += 1
        if coded.bits == 0:
            coded.set_one(p.wire, float(weight[0]))
        coded.set_weights(row, slot, own, chance)
        self.weight = ranks.fill(self.owner, coded.weights_of(row, slot))

    def _nth(self, value: object) -> np.ndarray | int:
        """Number of each edge among its parallels, where a distribution asks for it."""
        return self.projection.nth(self) if hasattr(value, "draw") else 0

    def set_delay(self, value: object) -> None:
        """Set the delays (ms) of static synapses."""
        self._check_fresh()
        p = self.projection
        if isinstance(p.pool, LazyPool):
            raise ParameterError(
                f"{p.name}.delay: delays of plastic synapses are fixed; remove them and insert new ones with delay=..."
            )
        net = p.network
        key = ("delay", p.name, net.step)
        steps = values.edge_delays(
            net, f"{p.name}.delay", value, self.pre, self.post, key, least=1, nth=self._nth(value)
        ) + np.zeros(len(self), np.int64)
        if not len(self):
            return
        inserting.check_delays(p, steps)
        net.engine.note_delays(p.wire, int(steps.min()), int(steps.max()))
        ranks.agree(f"{p.name}.delay = ...", self.pre, self.post, steps)
        flight.change_delays(net.engine, p.pool, p.wire, self.row[self.mine], self.slot[self.mine], steps[self.mine])
        p.wire.least_delay, p.wire.most_delay = p.pool.delay_range(p.wire.row0, p.wire.n_rows)
        inserting.agree_delays(p)
        self.steps = steps
        p._edited()
        self.version = p.version

    def __repr__(self) -> str:
        return f"Edges({len(self)} of {self.projection.name!r})"


class Synapse:
    """One synapse, for as long as it lives.

    Attributes
    ----------
    pre, post : int
        Uids.
    ident : int
        Its number in the pool, never used again.
    """

    def __init__(self, projection: Projection, pre: int, post: int, ident: int) -> None:
        self.projection, self.pre, self.post, self.ident = projection, pre, post, ident
        self.numbering = projection.numbering

    def _edge(self) -> Edges | None:
        p = self.projection
        if not p.alive or p.numbering != self.numbering or self.pre not in p.source.uid:
            return None
        pair = np.searchsorted(p.source.uid, [self.pre]), np.searchsorted(p.target.uid, [self.post])
        row = p.wire.row_of(*pair)
        if ranks.SIZE > 1:
            mine = p.wire.owns(pair[1])
            slot = np.asarray(p.pool.find_ident(row[mine], np.array([self.ident])[mine]), np.int64)
            if ranks.most(int(slot.max(initial=-1))) < 0:
                return None
            return p._found(row[mine], slot, np.zeros(slot.size, np.int64))
        slot = np.asarray(p.pool.find_ident(row, np.array([self.ident])))
        return p._found(row, slot) if slot[0] >= 0 else None

    def _living(self) -> Edges:
        edge = self._edge()
        if edge is None:
            raise WiringError(f"{self.projection.name}: synapse {self.ident} ({self.pre} -> {self.post}) is gone")
        return edge

    @property
    def alive(self) -> bool:
        """Whether the synapse still exists."""
        return self._edge() is not None

    @property
    def weight(self) -> float:
        """Its weight now; settable."""
        return float(self._living().weight[0])

    @weight.setter
    def weight(self, value: float) -> None:
        self._living().set_weight(value)

    @property
    def delay(self) -> float:
        """Its delay (ms)."""
        return float(self._living().delay[0])

    def remove(self, *, rule: str = "user", in_flight: str = "drop") -> None:
        """Remove exactly this synapse, also among parallel ones."""
        self._living().remove(rule=rule, in_flight=in_flight)

    def __repr__(self) -> str:
        return f"Synapse({self.ident}: {self.pre} -> {self.post} of {self.projection.name!r}{'' if self.alive else ', gone'})"
