"""The state of all neurons of one model: structure of arrays, a population is a slice with room to grow.

Knows models and arrays; knows no wiring.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.engine import aligned
from neurosim.engine.aligned import PLACES
from neurosim.kernels.rng import stream_key
from neurosim.kernels.specialise import DRAWS, BlockPlan, load_block

ALIGN = 8  # places: a slice begins where eight flags begin


@dataclass
class Slice:
    """One population's part of a block: `n` neurons from `first`, with places for `room`.

    `cuts` are the local indices at which shards of this rank begin, without the first; newborns belong to the last one.
    `borders` are those at which the neurons of each rank begin, without the 0 of the first; the same on all ranks.
    """

    number: int
    n: int
    parameters: dict[str, np.ndarray]
    first: int = 0
    room: int = 0
    spontaneous: np.ndarray = field(default_factory=lambda: np.zeros(()))
    uid: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    cuts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    borders: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def cut(self, shards: int, *, anew: bool = False) -> None:
        """Divide the neurons of this rank among so many shards, as evenly as whole cache lines can be.

        `anew`: divide them among the ranks too, which otherwise keep what they have.
        """
        if anew or self.borders.size != ranks.SIZE - 1:
            self.borders = self._even(0, self.n, ranks.SIZE)
        self.cuts = self._even(*self.own(), shards)

    def _even(self, low: int, high: int, parts: int) -> np.ndarray:
        even = self.first + low + np.arange(1, parts) * (high - low) / parts
        return np.clip(np.rint(even / PLACES).astype(np.int64) * PLACES - self.first, low, high)

    def own(self) -> tuple[int, int]:
        """(first, last + 1) of the neurons of this rank, local."""
        rank = ranks.RANK
        low = int(self.borders[rank - 1]) if rank else 0
        high = int(self.borders[rank]) if rank < self.borders.size else self.n
        return min(low, self.n), min(high, self.n)

    def part(self, shard: int) -> tuple[int, int]:
        """(first, last + 1) of the neurons of a shard, local."""
        first, last = self.own()
        low = int(self.cuts[shard - 1]) if shard else first
        high = int(self.cuts[shard]) if shard < self.cuts.size else last
        return min(low, self.n), min(high, self.n)

    def rank_of(self, index: np.ndarray) -> np.ndarray:
        """Rank that has each of these neurons (local index)."""
        return np.searchsorted(self.borders, index, side="right")

    def shard_of(self, index: np.ndarray) -> np.ndarray:
        """Shard of each of these neurons (local index)."""
        return np.searchsorted(self.cuts, index, side="right")


class Block:
    """All populations of one model.

    Attributes
    ----------
    state : float64 [variables, room]
    waiting : int16 [room]
        Steps left of the refractory period.
    uid : int64 [room]
        -1 where no neuron lives.
    """

    def __init__(self, physics: Any, dt: float, seed: int) -> None:
        self.physics = physics
        self.dt = dt
        self.slices: list[Slice] = []
        self.variables = list(physics.state)
        self.varied: set[str] = set()
        self.current = False
        self.spontaneous = False
        self.keys = np.array([stream_key(seed, "neurons", name) for name in DRAWS], np.uint64)
        self._n_draws = len(BlockPlan(physics).draws)
        self.place0 = 0
        self.column0 = 0
        self.lists: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.known = -1  # stretch after which the state of all ranks' neurons was gathered
        self._modules: dict[tuple[object, ...], str] = {}
        self._set_room(0)

    @property
    def plays(self) -> bool:
        """Whether spikes come from lists."""
        return self.physics.name == "spike_source"

    @property
    def columns(self) -> list[str]:
        """Names of the ring columns that each neuron has."""
        return [*self.physics.receptors, *(["current"] if self.current else [])]

    @property
    def n_columns(self) -> int:
        """Ring columns of the block."""
        return self.room * len(self.columns)

    @property
    def n_neurons(self) -> int:
        """Neurons that live here."""
        return sum(s.n for s in self.slices)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.state.nbytes + self.waiting.nbytes + self.fired.nbytes + self.uid.nbytes + self.draws.nbytes

    def _set_room(self, room: int) -> None:
        self.room = room
        self.state = aligned.zeros((len(self.variables), room))
        self.waiting = aligned.zeros(room, np.int16)
        self.fired = aligned.zeros(room, np.bool_)
        self.uid = np.full(room, -1, np.int64)
        self.draws = aligned.zeros((self._n_draws, room))

    def relayout(self, kept: dict[int, np.ndarray]) -> np.ndarray:
        """Give every slice its place anew; `kept[number]` are the old local indices that live on, in order.

        A slice whose `n` is larger than what is kept has newborns at its end.  Returns old place -> new place, -1 for the dead.
        """
        old = (self.room, self.state, self.waiting, self.uid)
        moved = np.full(old[0], -1, np.int64)
        before = {s.number: s.first for s in self.slices}
        at = 0
        for s in self.slices:
            if s.room < s.n or s.room > 2 * s.n + 64:
                grown = s.room > 0 and s.n > s.room
                s.room = -(-(s.n * 5 // 4 if grown else s.n) // ALIGN) * ALIGN
            s.first, at = at, at + s.room
        self._set_room(at)
        for s in self.slices:
            keep = kept.get(s.number, np.zeros(0, np.int64))
            source = before[s.number] + keep
            target = s.first + np.arange(keep.size)
            self.state[:, target] = old[1][:, source]
            self.waiting[target] = old[2][source]
            self.uid[s.first : s.first + s.n] = s.uid
            moved[source] = target
            if keep.size:
                s.cuts, s.borders = np.searchsorted(keep, s.cuts), np.searchsorted(keep, s.borders)
            else:
                s.cut(s.cuts.size + 1, anew=True)
        return moved

    def cut(self, shards: int, cost: list[float]) -> None:
        """Divide the neurons of this rank among so many shards, each a stretch of places; `cost` is that of a neuron of each slice.

        A stretch, because every border costs time: while one thread reads up to it, the processor asks ahead for lines that
        the next thread is writing.
        """
        own = [s.own() for s in self.slices]
        before = np.cumsum([0.0, *[(high - low) * c for (low, high), c in zip(own, cost, strict=True)]])
        goal = before[-1] * np.arange(1, shards) / shards
        for s, (low, high), c, done in zip(self.slices, own, cost, before[:-1], strict=True):
            place = s.first + low + np.clip((goal - done) / c, -PLACES, high - low + PLACES)
            s.cuts = np.clip(np.rint(place / PLACES).astype(np.int64) * PLACES - s.first, low, high)

    def plan(self) -> BlockPlan:
        """How the model is used now."""
        return BlockPlan(self.physics, tuple(sorted(self.varied)), self.current, self.spontaneous)

    def module(self) -> str:
        """Name of the generated module that advances this block."""
        if self.plays:
            return "play"
        use = (tuple(sorted(self.varied)), self.current, self.spontaneous)
        if use not in self._modules:  # asked after every edit of the graph, and making the text takes milliseconds
            self._modules[use] = load_block(self.plan()).__name__
        return self._modules[use]

    def bounds(self, shard: int = 0) -> tuple[np.ndarray, ...]:
        """For each slice: first place and the one behind the last of a shard; first place and number of all its neurons."""
        part = np.array([s.part(shard) for s in self.slices], np.int64).reshape(-1, 2)
        begin = np.array([s.first for s in self.slices], np.int64)
        return begin + part[:, 0], begin + part[:, 1], begin, np.array([s.n for s in self.slices], np.int64)

    def derive(self) -> tuple[np.ndarray, np.ndarray]:
        """Coefficient tables: [populations, coefficients], and [varied coefficients, room] for those that differ within one."""
        derived = []
        for s in self.slices:
            numbers = dict(self.physics.derive(s.parameters, self.dt)) if self.physics.coefficients else {}
            if self.spontaneous:
                numbers["spontaneous"] = s.spontaneous * 1e-3 * self.dt
            derived.append({name: np.asarray(value, np.float64) for name, value in numbers.items()})
            self.varied |= {name for name, value in derived[-1].items() if value.ndim}
        names = self.plan().coefficients
        varied = self.plan().varied
        table = np.zeros((len(self.slices), len(names)))
        rows = np.zeros((len(varied), self.room))
        for p, (s, numbers) in enumerate(zip(self.slices, derived, strict=True)):
            for k, name in enumerate(names):
                if name in varied:
                    rows[varied.index(name), s.first : s.first + s.n] = numbers[name]
                else:
                    table[p, k] = numbers[name]
        return table, rows

    def play_list(self) -> tuple[np.ndarray, np.ndarray]:
        """(step, global place) of all listed spikes, sorted."""
        steps, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for s in self.slices:
            step, index = self.lists.get(s.number, (np.zeros(0, np.int64), np.zeros(0, np.int64)))
            alive = index < s.n
            steps.append(step[alive])
            places.append(self.place0 + s.first + index[alive])
        step, place = np.concatenate(steps), np.concatenate(places)
        order = np.argsort(
            step * (self.place0 + self.room) + place, kind="stable"
        )  # one key: fast where much is in order
        return step[order], place[order]
