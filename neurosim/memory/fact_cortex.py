"""A slow store of facts: index cells teach sparse cortical cells, which learn from the fact layer a little in each replay.

Knows an index store, its value layer and the cortical layer; no words, no times.  What is recalled is decided by spikes and
synapses; the ledger names the cells of each fact, is read to forget and to measure, and never answers a cue.

Teyler & DiScenna (1986) Behav. Neurosci. 100:147; McClelland, McNaughton & O'Reilly (1995) Psychol. Rev. 102:419.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import check_count, check_not_negative, check_positive, check_probability
from neurosim.errors import ParameterError
from neurosim.kernels.rng import hash_pairs, stream_key
from neurosim.memory.associative import DRIFT, Calibration, Freed, Patterns, Recall, empty_projection
from neurosim.memory.failures import CapacityFull, NotCalibrated
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys
from neurosim.memory.longterm import Learned, Owners, Rested

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.projection import Projection

#: Supports of cortical cells closer than this count as equal: a coarse race is a short one.
RISE = 2.0


class FactCortex:
    """A sparse code for each fact in a large layer, with learned synapses up from the fact layer and down to it.

    Auto-association within the fact layer itself cannot hold facts: one is a sixth of its cells, and 16 unrelated ones fill 0.4 of
    all synapses.  Here each index cell has fixed synapses to `k` cortical cells drawn at random, strong enough to make them fire.
    When a fact is replayed, its index cell makes them fire together with the fact layer, and between the fact cells and the
    cortical cells, both ways, a synapse that is absent grows with probability `p_learn`: a fact that is replayed r times has
    1 - (1 - p_learn)^r of its synapses.  In recall the index is not needed: a part of a fact wakes the cortical cells by
    learned synapses, and they wake the whole.

    Parameters
    ----------
    net : Network
    store : IndexStore
        Whose index cells teach.
    field : str
        The value field that is learned, such as "fact".
    n, k : int
        Cortical cells, and how many stand for a fact.
    p_learn : float
        Probability that a pair that fires together once gets a synapse.
    p_loss : float
        Probability that a synapse disappears, per day; see `rest`.
    max_fill : float
        Share of the synapses up that may exist before `CapacityFull`.
    name : str
        Of the cortical layer; if the network has it already (it was loaded), it is taken.
    uid : int64 [n], optional
        `cortex.uid` when the network was saved, if cells had died.

    Attributes
    ----------
    cortex : Layer
    teaches : Projection
        Fixed, from the index cells; silent (weight 0) but in `learn`.
    up, down : Projection
        Learned, from and to the value layer.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.fact_cortex import FactCortex
    >>> from neurosim.memory.indexed import IndexStore
    >>> from neurosim.memory.layer import Layer
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> content = Layer(net, "content", 60, 20)
    >>> store = IndexStore(net, content, n=4)
    >>> ids = store.store([range(0, 20), range(30, 50)])
    >>> cortex = FactCortex(net, store, "what", 300, 5, p_learn=0.5)
    >>> for replay in range(8):
    ...     _ = cortex.learn(store.read(ids)["what"], ids)
    >>> cortex.recall([range(12)]).winners.place.tolist() == [*range(20)]
    True
    """

    def __init__(
        self, net: Network, store: IndexStore, field: str = "fact", n: int = 8192, k: int = 10, *, p_learn: float = 0.4,
        p_loss: float = 0.0, max_fill: float = 0.2, name: str = "cortex",
        uid: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        n, k = check_count("FactCortex.n", n, least=1), check_count("FactCortex.k", k, least=1)
        self.p_learn = check_positive("FactCortex.p_learn", check_probability("FactCortex.p_learn", p_learn))
        self.p_loss = check_probability("FactCortex.p_loss", p_loss)
        self.max_fill = check_positive("FactCortex.max_fill", check_probability("FactCortex.max_fill", max_fill))
        self.net, self.store, self.name = net, store, name
        if field not in store.values:
            raise ParameterError(
                f"FactCortex.field: value fields of {store.name!r} are {', '.join(map(repr, store.values))}, got {field!r}"
            )
        self.content = content = store.values[field]
        self.ledger: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.calibrations: dict[int, Calibration] = {}
        self._replays = self._rests = 0
        if name in net.populations:  # after a load
            self.cortex = Layer.attach(net, name, uid)
            self.teaches, self.up, self.down = (net.projections[f"{name}.{part}"] for part in ("taught", "up", "down"))
        else:
            self.cortex = Layer(net, name, n, k, rise=RISE, noise=0.5)
            edges = self._drawn(store.index.cells.uid)
            self.teaches = net.connect(
                store.index.cells,
                self.cortex.cells,
                wiring.from_edges(edges),
                receptor="detonate",
                name=f"{name}.taught",
            )
            self.up = empty_projection(net, content, self.cortex, None, f"{name}.up")
            self.down = empty_projection(net, self.cortex, content, None, f"{name}.down")
        self.projection: Projection = self.up  # of which `fill` tells
        self._delay = int(self.up.default_delay)
        self._match()

    def _match(self) -> None:
        """Fixed synapses, `k` from each index cell, for those that have none yet."""
        new = self.store.index.cells.uid[self.teaches.out_degree() == 0]
        if new.size:
            edges = self._drawn(new)
            self.teaches.insert(new[edges[:, 0]], self.cortex.uid[edges[:, 1]], weight=0.0, rule="taught")

    def _drawn(self, uid: np.ndarray) -> np.ndarray:
        """`k` places of the cortical layer for each of these index cells, as edges [cells * k, 2]."""
        rng = self.net.rng("taught", self.name, int(uid[0]))
        chosen = [np.sort(rng.choice(self.cortex.n, self.cortex.k, replace=False)) for _ in uid]
        return np.stack([np.repeat(np.arange(uid.size), self.cortex.k), np.concatenate(chosen)], axis=1)

    # ---- how full ---------------------------------------------------------------------------------------------------

    @property
    def fill(self) -> float:
        """Share of the pairs of fact cells and cortical cells that have a synapse up."""
        return len(self.up) / (self.content.n * self.cortex.n)

    @property
    def ids(self) -> np.ndarray:
        """Numbers of the facts that have been replayed, int64, ascending."""
        return np.array(sorted(self.ledger), np.int64)

    def p_eff(self, patterns: Patterns) -> np.ndarray:
        """Share of the synapses up that each fact has, of those it can have; 0 for one that has never been replayed.

        Returns
        -------
        float64 [patterns]
        """
        shown = volleys(f"{self.name}.p_eff(patterns)", patterns, self.content.n)
        there = np.zeros(self.content.n * self.cortex.n, np.bool_)
        there[self._codes(self.up)] = True
        own = {cells.tobytes(): chosen for cells, chosen in self.ledger.values()}
        codes = [self._product(cells, own.get(cells.astype(np.uint32).tobytes(), cells[:0])) for cells in shown]
        return np.array([there[c].mean() if c.size else 0.0 for c in codes], np.float64)

    def _codes(self, p: Projection) -> np.ndarray:
        """Synapses of a projection as fact place * n + cortical place, in the order of its edges."""
        edges = p.edges()
        fact, cortical = (edges.pre, edges.post) if p is self.up else (edges.post, edges.pre)
        return np.asarray(
            np.searchsorted(self.content.uid, fact) * self.cortex.n + np.searchsorted(self.cortex.uid, cortical)
        )

    def _product(self, fact: np.ndarray, cortical: np.ndarray) -> np.ndarray:
        """Codes of all pairs."""
        return np.asarray((fact.astype(np.int64)[:, None] * self.cortex.n + cortical).ravel())

    # ---- learning ---------------------------------------------------------------------------------------------------

    def learn(self, volleys: Volleys, ids: Owners | None = None) -> Learned:
        """Let index cells and what they had woken fire once more together, and grow some synapses between who fires.

        Parameters
        ----------
        volleys : Volleys
            Of the value layer.
        ids : int [volleys], or the numbers of all facts in each volley
            Whose index cells had woken them.

        Raises
        ------
        CapacityFull
            If the fill would exceed `max_fill`; nothing has changed then.
        """
        owners = [[int(k) for k in np.atleast_1d(np.asarray(row)) if k >= 0] for row in ([] if ids is None else ids)]  # type: ignore[union-attr]
        if len(owners) != len(volleys) or not all(owners):
            raise ParameterError(
                f"{self.name}.learn(ids): needs the numbers of the facts that woke each of {len(volleys)} volleys, got {ids!r}"
            )
        fact, cortical = self._fire(volleys, owners)
        pairs = [self._product(a, b) for a, b in zip(fact, cortical, strict=True)]
        code = np.concatenate([np.zeros(0, np.int64), *pairs])
        replay = self._replays + np.repeat(np.arange(len(pairs)), [p.size for p in pairs])
        new = []
        for way, p in enumerate((self.up, self.down)):
            lucky = np.unique(code[self._chance(code, replay, way) < self.p_learn])
            there = np.zeros(self.content.n * self.cortex.n, np.bool_)
            there[self._codes(p)] = True
            new.append(lucky[~there[lucky]])
        fill = (len(self.up) + new[0].size) / (self.content.n * self.cortex.n)
        if fill > self.max_fill:
            raise CapacityFull(
                f"{self.name}.learn: {len(volleys)} volleys would raise the fill from {self.fill:.3f} to {fill:.3f}, above max_fill = "
                f"{self.max_fill:g}; nothing was learned. Forget some (cortex.forget(ids)) or make a larger one: "
                f"FactCortex(net, store, n={2 * self.cortex.n})",
                fill=fill, max_fill=self.max_fill,
            )  # fmt: skip
        self._replays += len(volleys)
        n = self.cortex.n
        self.up.insert(self.content.uid[new[0] // n], self.cortex.uid[new[0] % n], rule="replay")
        order = np.argsort(new[1] % n, kind="stable")
        self.down.insert(self.cortex.uid[new[1][order] % n], self.content.uid[new[1][order] // n], rule="replay")
        for owner, a, b in zip(owners, fact, cortical, strict=True):
            if len(owner) == 1:
                self.ledger[owner[0]] = a.astype(np.uint32), b.astype(np.uint32)
        return Learned(int(new[0].size + new[1].size), 0, int(np.unique(code).size))

    def _fire(self, shown: Volleys, owners: list[list[int]]) -> tuple[Volleys, Volleys]:
        """Who fires in the value layer, and in the cortical layer one delay after the index cells."""
        self._match()
        index, delay = self.store.index, int(self.teaches.default_delay)
        at = 2 * np.arange(len(shown))
        cells = [np.sort(self.store.cell(owner)) for owner in owners]
        which = np.repeat(np.arange(len(cells)), [c.size for c in cells])
        table = Timetable(self.net)
        table.cue(index, at, Volleys(which, np.concatenate(cells), len(cells), index.n))
        table.cue(self.content, at, shown)
        table.flush(self.cortex, at)
        self.teaches.weight = (
            1.0  # open in learning only: replay itself shall not be coloured by what is learned already
        )
        try:
            spikes = table.run(int(2 * len(shown) + delay))
        finally:
            self.teaches.weight = 0.0
        fact = spikes[self.content].winners(at, 1, self.content.n, self.net.dt)
        return fact, spikes[self.cortex].winners(at + delay, 1, self.cortex.n, self.net.dt)

    def _chance(self, code: np.ndarray, replay: np.ndarray, way: int) -> np.ndarray:
        """A number in [0, 1) for each pair in each replay, from the seed, the two uids and the number of the replay."""
        out = np.zeros(code.size)
        key = np.uint64(stream_key(self.net.seed, "learn", self.name, way))
        hash_pairs(key, self.content.uid[code // self.cortex.n], self.cortex.uid[code % self.cortex.n], replay, out)
        return out

    def forget(self, ids: ArrayLike) -> Freed:
        """Remove the synapses of these facts that belong to no other; facts that were never replayed have none."""
        wanted = np.unique(np.atleast_1d(np.asarray(ids, np.int64))).tolist()
        gone = [self.ledger.pop(k) for k in wanted if k in self.ledger]
        self.net.compact()
        before = self.net.estimate()["bytes"]
        lone = np.zeros(self.content.n * self.cortex.n, np.bool_)
        for chosen, value in ((gone, True), ([*self.ledger.values()], False)):
            for fact, cortical in chosen if gone else []:
                lone[self._product(fact, cortical)] = value
        removed = 0
        for p in (self.up, self.down):
            which = lone[self._codes(p)]
            removed += p.edges()[which].remove(rule="forgetting") if which.any() else 0
        self.net.compact()
        return Freed(removed, 0, int(before - self.net.estimate()["bytes"]))

    def rest(self, days: float) -> Rested:
        """Let time pass: each learned synapse disappears with probability `p_loss` per day."""
        days = check_not_negative(f"{self.name}.rest(days)", days, "days")
        share, removed = 1.0 - (1.0 - self.p_loss) ** days, 0
        for p in (self.up, self.down):
            edges = p.edges()
            goes = p.chance(edges, self.net.key("rest", p.name, self._rests)) < share
            removed += edges[goes].remove(rule="fading") if goes.any() else 0
        self._rests += 1
        return Rested(0, removed, 0)

    def scale_down(self, fill: float, spare: Volleys | None = None) -> int:
        """Nothing: cortical cells are drawn evenly, and none is loaded much more than others; always 0."""
        return 0

    # ---- recall -----------------------------------------------------------------------------------------------------

    def recall(
        self, cues: Patterns, *, steps: int = 1, clamp: bool = True, reject: bool = False, least: float | None = None
    ) -> Recall:
        """Let parts of facts fire in the value layer; cortical cells answer by learned synapses and wake the whole.

        Parameters
        ----------
        cues : bool [cues, n], places [cues, k], or list of lists of places
        least : float, optional
            Support of a cortical cell below which it does not fire; default 0.65 of the largest cue.
        reject : bool
            Take for `least` what `calibrate` found for cues of these sizes.
        steps, clamp
            There is one race, whatever these say, and cells of the cue do not win because they were cued.

        Returns
        -------
        Recall
            `winners` and `support` are of the value layer; `familiarity` is the support of the cortical cell that completed
            the k, -inf where so many did not fire; `latency` is its time.
        """
        shown = volleys(f"{self.name}.recall(cues)", cues, self.content.n)
        top, rate = float(shown.sizes.max(initial=1)), np.nan
        bar = float(np.ceil(0.65 * top)) if least is None else check_positive(f"{self.name}.recall(least)", least)
        if reject:
            tables = [self._table(size) for size in np.unique(shown.sizes).tolist()]
            bar, rate = max(t.theta for t in tables), max(t.false_alarm_rate for t in tables)
        cortex, content, delay = self.cortex, self.content, self._delay
        half = float(max(1, cortex.k // 2))
        cortex.tune(ceiling=max(top, bar), theta=bar, least=bar)
        content.tune(ceiling=float(np.ceil(1.25 * cortex.k)), theta=half, least=half)
        length, second = cortex.race_steps(bar), content.race_steps(half)
        ends = delay + length + delay  # from the cue to the read of the value layer
        period = ends + second + delay + 1
        at = period * np.arange(len(shown))
        table = Timetable(self.net)
        table.cue(content, at, shown)
        table.flush(cortex, at)
        table.go(cortex, at + delay)
        table.flush(content, at + delay)
        table.go(content, at + ends)
        spikes = table.run(period * len(shown))
        found = spikes[content].winners(at + ends, second, content.n, 1.0)
        quorum = spikes[cortex].quorum(at + delay, length)
        answered, support = quorum >= 0, content.level(found.latency)
        fine = answered[found.which]  # without a quorum whatever fired does not count
        winners = Volleys(
            found.which[fine], found.place[fine], found.number, found.n, found.latency[fine] * self.net.dt
        )
        return Recall(
            winners, support[fine], np.where(answered, cortex.level(quorum), -np.inf),
            np.where(answered, quorum * self.net.dt, np.inf), answered, bar, rate,
        )  # fmt: skip

    def calibrate(
        self, fa: float = 0.01, *, size: int | None = None, clamp: bool = True, cues: int = 200
    ) -> Calibration:
        """Find the threshold that random cues of `size` cells pass with a rate of at most `fa`, by letting them fire.

        Raises
        ------
        NotCalibrated
            If no threshold has this rate.
        """
        size = self.content.k if size is None else check_count(f"{self.name}.calibrate(size)", size, least=1)
        cues = check_count(f"{self.name}.calibrate(cues)", cues, least=200)
        rng = self.net.rng("calibrate", self.name, size)
        noise = np.argsort(rng.random((2 * cues, self.content.n)), axis=1)[:, :size]
        found = self.calibrations[size] = self.bar(fa, self.recall(noise, least=1.0).familiarity, float(size))
        return found

    def bar(self, fa: float, heard: np.ndarray, top: float) -> Calibration:
        """The least support that at most a share `fa` of the first half of these reaches, and the share of the second half."""
        fa, half = check_probability(f"{self.name}.calibrate(fa)", fa), heard.size // 2
        levels = np.arange(1.0, top + 1.0)
        fine = levels[[np.mean(heard[:half] >= level) <= fa for level in levels]]
        if not fine.size:
            raise NotCalibrated(
                f"{self.name}.calibrate: {np.mean(heard >= top):.1%} of cues without an answer reach the highest support, {top:g}, more than "
                f"fa = {fa:g}, at fill {self.fill:.3f}; take more cells: FactCortex(net, store, n={2 * self.cortex.n})"
            )
        theta = float(fine[0] + RISE - 1.0)  # a support is heard rounded down by less than RISE
        return Calibration(theta, float(np.mean(heard[half:] >= fine[0])), half, self.fill)

    def _table(self, size: int) -> Calibration:
        held = self.calibrations.get(size)
        if held is None or abs(self.fill - held.fill) > DRIFT * held.fill:
            raise NotCalibrated(
                f"{self.name}.recall(reject=True): no threshold for cues of {size} cells that still holds: cortex.calibrate(size={size})"
            )
        return held

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network, as arrays."""
        ids = sorted(self.ledger)
        sides = [[self.ledger[k][s] for k in ids] for s in (0, 1)]
        none = [np.zeros(0, np.uint32)]
        return {
            "counts": np.array([self._replays, self._rests]), "ids": np.array(ids, np.int64),
            "sizes": np.array([[a.size for a in side] for side in sides], np.int64).reshape(2, -1),
            "fact": np.concatenate(none + sides[0]), "cortex": np.concatenate(none + sides[1]),
        }  # fmt: skip

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `arrays` gave; the synapses come with the network."""
        self._replays, self._rests = arrays["counts"].tolist()
        ids, sides = arrays["ids"].tolist(), [arrays["fact"], arrays["cortex"]]
        fact, cortex = (
            np.split(side, np.cumsum(sizes)[:-1])[: len(ids)]
            for side, sizes in zip(sides, arrays["sizes"], strict=True)
        )
        self.ledger = dict(zip(ids, zip(fact, cortex, strict=True), strict=True))

    def __repr__(self) -> str:
        return f"FactCortex({self.name!r}: {self.cortex.n} cells, {self.cortex.k} for a fact, {len(self.ledger)} facts, fill {self.fill:.4f})"


__all__ = ["FactCortex"]
