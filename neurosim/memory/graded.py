"""Long-term stores within a content layer whose synapses are graded: tagging and capture, or the chain of Benna & Fusi.

Know one layer, the projection within it and volleys; no episodes, no sleep, no policy.  Both are slow stores as
`Consolidation` asks for.  What is recalled is decided by spikes and weights; the ledger names the cells of each memory, is read
to forget and to measure, and never answers a cue.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import check_count, check_not_negative, check_positive, check_probability, did_you_mean, steps_of
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.learning.tagging import TaggingCapture
from neurosim.memory.associative import AssociativeStore, Calibration, Freed, Patterns, Recall
from neurosim.memory.failures import IncompatibleSnapshot
from neurosim.memory.layer import Layer, Timetable, Volleys
from neurosim.memory.layer import volleys as volleys_of
from neurosim.memory.longterm import Learned, LongTermMemory, Owners, Rested, owners_of
from neurosim.memory.tagging import NEVER, rule_of
from neurosim.plasticity.benna_fusi import BennaFusi

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.projection import Projection

DAY = 24 * 3600e3  # ms
#: Share of the span of a weight from which on a synapse counts as strong.
STRONG = 0.1


class GradedMemory:
    """What the graded stores share: recall by race, rejection, the ledger.  Use `TaggingMemory` or `BennaFusiMemory`.

    Attributes
    ----------
    content : Layer
    projection : Projection
        From the layer's cells to themselves.
    floor, span : float
        Weight of a synapse that has learned nothing, and how much more one has that counts as full in `p_eff` and `fill`.
    max_fill : float
        1: graded stores do not fill, old memories become weaker.
    """

    rise: ClassVar[float] = 0.05
    max_fill: float = 1.0
    floor: float
    span: float

    def __init__(self, net: Network, content: Layer, projection: Any) -> None:
        self.net, self.content, self.projection = net, content, projection
        self._reader = AssociativeStore(net, content, projection=projection)
        self.ledger: dict[tuple[int, ...], np.ndarray] = {}

    def _erase(self, pre: np.ndarray, post: np.ndarray) -> None:
        """Put the synapses between these pairs of uids, all of which exist, to rest."""
        raise NotImplementedError

    def _age(self, days: float) -> int:
        """Let time pass; how many synapses were removed."""
        raise NotImplementedError

    # ---- how full ---------------------------------------------------------------------------------------------------

    @property
    def fill(self) -> float:
        """Share of what the weights of all pairs of cells could hold that they do hold."""
        n = self.content.n
        return float(np.clip((self.projection.weight - self.floor) / self.span, 0.0, 1.0).sum() / max(n * (n - 1), 1))

    @property
    def capacity_used(self) -> float:
        """The fill: graded stores forget by themselves, and take more at any time."""
        return self.fill

    @property
    def strong(self) -> int:
        """Synapses above a tenth of the span."""
        return int(np.count_nonzero(self.projection.weight - self.floor > STRONG * self.span))

    @property
    def ids(self) -> np.ndarray:
        """Numbers of the memories that have been learned, int64, ascending."""
        return np.unique(np.array([k for key in self.ledger for k in key], np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of the ledger; those of the synapses are in `net.estimate`."""
        return sum(a.nbytes + 8 * len(key) for key, a in self.ledger.items())

    def cells(self, ids: ArrayLike) -> Volleys:
        """The cells that have fired for each memory alone, for measurements."""
        wanted = np.atleast_1d(np.asarray(ids, np.int64)).tolist()
        rows = [self.ledger.get((k,), np.zeros(0, np.uint32)).astype(np.int64) for k in wanted]
        place = np.concatenate([np.zeros(0, np.int64), *rows])
        return Volleys(np.repeat(np.arange(len(rows)), [r.size for r in rows]), place, len(rows), self.content.n)

    def strength(self, patterns: Patterns) -> np.ndarray:
        """Mean weight above `floor` of the pairs of cells of each pattern (0 where a pair has no synapse); float64 [patterns].

        Looks at synapses without a spike: a measurement, which answers no cue.
        """
        shown = volleys_of(f"{self.projection.name}: patterns", patterns, self.content.n)
        table = np.zeros((self.content.n, self.content.n))
        held = self._held()
        table.ravel()[held] = self.projection.weight - self.floor
        pairs = np.maximum(shown.sizes * (shown.sizes - 1), 1)
        return np.array([table[np.ix_(one, one)].sum() for one in shown], np.float64) / pairs

    def p_eff(self, patterns: Patterns) -> np.ndarray:
        """How well the synapses join the cells of each pattern: `strength` over `span`, within 0 ... 1; float64 [patterns]."""
        return np.asarray(np.clip(self.strength(patterns) / self.span, 0.0, 1.0))

    # ---- learning and forgetting ------------------------------------------------------------------------------------

    def _note(self, shown: Volleys, owners: list[tuple[int, ...]]) -> None:
        for key, places in zip(owners, shown, strict=True):
            if key:
                self.ledger[key] = np.union1d(self.ledger.get(key, np.zeros(0, np.uint32)), places.astype(np.uint32))
        self._reader.calibrations.clear()

    def forget(self, ids: ArrayLike, *, mode: str = "delete", dry_run: bool = False) -> Freed:
        """Put the synapses of these memories that belong to no other back to where they had learned nothing.

        Parameters
        ----------
        ids : int or array of int
        mode : {"delete"}
            Graded synapses have no silent state.
        dry_run : bool
            Only say what would be put back.
        """
        if mode != "delete":
            raise ParameterError(
                f"{self.projection.name}.forget(mode): graded synapses have no silent state, only 'delete', got {mode!r}; LongTermMemory has one"
            )
        name, wanted = self.projection.name, set(np.atleast_1d(np.asarray(ids, np.int64)).tolist())
        unknown = sorted(wanted - set(self.ids.tolist()))
        if unknown:
            raise ParameterError(
                f"{name}.forget: nothing of number {unknown[0]!r} has been learned; memory.ids lists what has"
            )
        held = self._held()
        keys = [key for key in self.ledger if wanted & set(key)]
        gone = self._codes([self.ledger[key] for key in keys])
        gone = gone[np.isin(gone, held)]
        left = [cells for key, cells in self.ledger.items() if key not in keys]
        lone = np.setdiff1d(gone, self._codes(left), assume_unique=True)
        if dry_run:
            return Freed(int(lone.size), int(gone.size - lone.size), 0)
        for key in keys:
            del self.ledger[key]
        self.net.compact()
        before = self.net.estimate()["bytes"]
        if lone.size:
            self._erase(self.content.uid[lone // self.content.n], self.content.uid[lone % self.content.n])
        self.net.compact()
        self._reader.calibrations.clear()
        return Freed(int(lone.size), int(gone.size - lone.size), int(before - self.net.estimate()["bytes"]))

    def rest(self, days: float) -> Rested:
        """Let `days` pass without spikes: weights follow their variables.

        Returns
        -------
        Rested
            Strong synapses that are strong no more, synapses removed, and 0.
        """
        strong = self.strong
        removed = self._age(check_not_negative(f"{self.projection.name}.rest(days)", days, "days"))
        self._reader.calibrations.clear()
        return Rested(max(strong - self.strong, 0), removed, 0)

    def scale_down(self, fill: float, spare: Volleys | None = None) -> int:
        """Homeostasis: cells that hear more than the share `fill` of their span from synapses lose what is above, in proportion.

        Parameters
        ----------
        fill : float
        spare : Volleys, optional
            Cells that have fired together of late keep their synapses.

        Returns
        -------
        int
            Synapses that became weaker.
        """
        name, n = self.projection.name, self.content.n
        most = check_positive(f"{name}.scale_down(fill)", check_probability(f"{name}.scale_down(fill)", fill))
        held, weight = self._held(), self.projection.weight
        more = np.maximum(weight - self.floor, 0.0)
        free = more > 0
        if spare is not None:
            free &= ~np.isin(held, self._codes(list(spare)))
        heard = np.bincount(held % n, more, n)
        could = np.bincount(held[free] % n, more[free], n)
        share = np.clip((heard - most * self.span * (n - 1)) / np.maximum(could, 1e-300), 0.0, 1.0)
        falls = free & (share[held % n] > 0)
        if falls.any():
            lower = weight[falls] - more[falls] * share[held[falls] % n]
            self.projection.edges()[falls].set_weight(lower)
        return int(falls.sum())

    # ---- recall -----------------------------------------------------------------------------------------------------

    def recall(self, cues: Patterns, *, steps: int = 1, clamp: bool = True, reject: bool = False) -> Recall:
        """Let cues fire, all in one run, and read who answers: as `AssociativeStore.recall`, with supports in weights.

        Raises
        ------
        NotCalibrated
            `reject` without a calibration for cues of this size since something was learned, forgotten or aged.
        """
        with self._fine():
            return self._reader.recall(cues, steps=steps, clamp=clamp, reject=reject, least=self.rise)

    def calibrate(
        self, fa: float = 0.01, *, size: int | None = None, cues: int = 500, clamp: bool = True
    ) -> Calibration:
        """Find the threshold that random cues pass with a rate of at most `fa`, by letting them fire."""
        with self._fine():
            return self._reader.calibrate(fa, size=size, cues=cues, clamp=clamp)

    @contextmanager
    def _fine(self) -> Iterator[None]:
        """Races whose threshold falls in steps as small as graded supports need."""
        before = self.content.rise
        self.content.cells.rise = self.rise
        try:
            yield
        finally:
            self.content.cells.rise = before

    def _codes(self, patterns: list[np.ndarray]) -> np.ndarray:
        """Codes (place * n + place) of the pairs of different cells within each pattern, ascending, distinct."""
        n = self.content.n
        parts = [np.zeros(0, np.int64)]
        for places in patterns:
            one = places.astype(np.int64)
            parts.append((one[:, None] * n + one)[~np.eye(one.size, dtype=np.bool_)])
        return np.unique(np.concatenate(parts))

    def _held(self) -> np.ndarray:
        """Code of each synapse, in the order of the edges."""
        edges, uid = self.projection.edges(), self.content.uid
        return np.asarray(np.searchsorted(uid, edges.pre) * self.content.n + np.searchsorted(uid, edges.post))

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network: the ledger."""
        keys, cells = [np.array(k, np.int64) for k in self.ledger], [*self.ledger.values()]
        return {
            "counts": np.array([self.content.n]),
            "key_sizes": np.array([k.size for k in keys], np.int64), "keys": np.concatenate([np.zeros(0, np.int64), *keys]),
            "cell_sizes": np.array([c.size for c in cells], np.int64), "cells": np.concatenate([np.zeros(0, np.uint32), *cells]),
        }  # fmt: skip

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `arrays` gave; the synapses come with the network."""
        n = int(arrays["counts"][0])
        if n != self.content.n:
            raise IncompatibleSnapshot(
                f"{self.projection.name}: saved for a layer of {n} cells, this one has {self.content.n}"
            )
        keys = np.split(arrays["keys"], np.cumsum(arrays["key_sizes"])[:-1])
        cells = np.split(arrays["cells"], np.cumsum(arrays["cell_sizes"])[:-1])
        number = arrays["key_sizes"].size
        self.ledger = {tuple(k.tolist()): np.array(c) for k, c in zip(keys[:number], cells[:number], strict=True)}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.projection.name!r}: {self.ids.size} memories, {self.strong:,} strong of {len(self.projection):,} "
            f"synapses)"
        )


class TaggingMemory(GradedMemory):
    """Patterns in synapses with calcium, tags and proteins: strong learning lasts, weak learning fades within hours.

    All pairs of cells (or a share `p`) have a synapse.  A volley is learned by a train of copies of it, 12 ms apart: calcium then
    passes theta_p where both cells fire, and only theta_d where the presynaptic one fires alone, so that synapses within the
    pattern are potentiated and those that leave it are depressed (0.6 and 0.1655 for a pre- and a postsynaptic spike).

    Parameters
    ----------
    net : Network
    content : Layer
        With a little `noise` (0.1): without it the smallest differences of weight decide a race.
    p : float
        Share of the pairs of cells that have a synapse.
    unit : float
        Weight of a synapse at rest; 0.3 lets a saturated synapse weigh about 1, so that a cue of size s gives at most s.
    spikes : int
        Length of a train.  25 or fewer make a weak memory, below the tag; below 15 calcium is hardly ever above theta_p,
        and the train depresses.
    every : float
        ms between passes of the rule.
    name : str
        Of the projection.
    projection : Projection, optional
        One that is there already with its rule, as after ``ns.load``.
    **rule
        Further parameters of `TaggingCapture`.

    Attributes
    ----------
    rule : TaggingCapture

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.graded import TaggingMemory
    >>> from neurosim.memory.layer import Layer
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> memory = TaggingMemory(net, Layer(net, "content", 40, 6, noise=0.1))
    >>> memory.learn([[0, 1, 2, 3, 4, 5], [3, 8, 11, 20, 30, 39]], ids=[7, 8]).together
    60
    >>> rested = memory.rest(days=1.0)
    >>> memory.recall([[8, 11, 39]]).winners.place
    array([ 3,  8, 11, 20, 30, 39])
    """

    PERIOD: ClassVar[float] = 12.0  # ms between volleys
    PAUSE: ClassVar[float] = 250.0  # ms between patterns: calcium runs out

    def __init__(
        self, net: Network, content: Layer, *, p: float = 1.0, unit: float = 0.3, spikes: int = 40, every: float = 1000.0,
        name: str = "slow", projection: Projection | None = None, **rule: Any,
    ) -> None:  # fmt: skip
        self.floor = self.span = check_positive("TaggingMemory.unit", unit)  # span: z = 1
        self.spikes = check_count("TaggingMemory.spikes", spikes, least=1)
        if projection is None:
            wires = wiring.all_to_all() if check_probability("TaggingMemory.p", p) == 1.0 else wiring.random(p)
            made = net.connect(
                content.cells, content.cells, wires, weight=self.floor, delay=net.dt, receptor="support", name=name
            )
            options: dict[str, Any] = {
                "c_pre": 0.6, "c_post": 0.1655, "calcium_delay": net.dt * max(1, round(18.8 / net.dt)),
            }  # fmt: skip
            self.rule = net.add(TaggingCapture(made, every=every, h0=self.floor, **(options | rule)))
        else:
            made = projection
            self.rule = rule_of(net, made)
        super().__init__(net, content, made)
        self._threshold = self.rule.theta_pro if self.rule.theta_pro < NEVER else 0.5

    @property
    def proteins(self) -> bool:
        """Whether neurons make proteins; False blocks the synthesis (as anisomycin does)."""
        return self.rule.theta_pro < NEVER

    @proteins.setter
    def proteins(self, value: bool) -> None:
        self.rule.theta_pro = self._threshold if value else NEVER

    def learn(self, volleys: Patterns, ids: Owners | None = None, *, spikes: int | None = None) -> Learned:
        """Let volleys fire in trains, one after the other, so that their synapses learn.

        Parameters
        ----------
        volleys : Volleys, bool [patterns, n], places [patterns, k], or list of lists of places
        ids : int [volleys], or for each volley the numbers of all memories in it, optional
            To whom the cells belong, for `forget`; -1, or nothing, for nobody.
        spikes : int, optional
            Length of the trains; default as given to the class.
        """
        name, dt = self.projection.name, self.net.dt
        shown = volleys_of(f"{name}.learn(volleys)", volleys, self.content.n)
        owners = owners_of(f"{name}.learn(ids)", ids, len(shown))
        spikes = self.spikes if spikes is None else check_count(f"{name}.learn(spikes)", spikes, least=1)
        if not len(shown):
            return Learned(0, 0, 0)
        period = steps_of(f"{name}.learn: the period of a train", self.PERIOD, dt)
        each = spikes * period + round(self.PAUSE / dt)
        at = each * np.arange(len(shown))
        table = Timetable(self.net)
        for k in range(spikes):
            table.cue(self.content, at + k * period, shown)
        steps = each * len(shown)
        steps += -(self.net.step + steps + 1) % round(self.rule.every / dt)  # up to a pass, which writes the weights
        before = self.strong
        with self._audible():
            fired = table.run(steps)[self.content].winners(at, 1, self.content.n, dt)
        self._note(fired, owners)
        return Learned(0, max(self.strong - before, 0), int(self._codes(list(fired)).size))

    @contextmanager
    def _audible(self) -> Iterator[None]:
        """Trains are played through the cue fibres of the layer, which sleep gates off: open for as long."""
        fibres = self.net.projections[f"{self.content.cue.name}->{self.content.name}"]
        before = fibres.weight.copy()
        fibres.weight = 1.0
        try:
            yield
        finally:
            fibres.weight = before

    def study(self, patterns: Patterns, ids: Owners | None = None, *, times: int = 1) -> Learned:
        """As `learn`, `times` times over."""
        name = f"{self.projection.name}.study"
        shown = volleys_of(f"{name}(patterns)", patterns, self.content.n)
        owners = owners_of(f"{name}(ids)", ids, len(shown))
        again = np.tile(np.arange(len(shown)), check_count(f"{name}(times)", times, least=1))
        return self.learn(shown.take(again), [owners[k] for k in again.tolist()])

    def _erase(self, pre: np.ndarray, post: np.ndarray) -> None:
        """They are replaced by newborn synapses, which keep nothing."""
        self.projection.remove(pre=pre, post=post, rule="forgetting")
        self.projection.insert(pre, post, weight=self.floor, rule="renewal")

    def _age(self, days: float) -> int:
        if days:
            self.rule.fast_forward(self.net.dt * round(days * DAY / self.net.dt))
        return 0


class BennaFusiMemory(GradedMemory):
    """Patterns in synapses with a chain of ever slower variables: memories fade as a power law, not exponentially.

    A synapse is born, in one shot, between cells that fire together, and becomes stronger by `gain` each time they do so again;
    behind its weight stands the chain of `BennaFusi`.  A synapse that is absent is one at rest, of weight 0; those that have
    faded away are removed.

    Parameters
    ----------
    net : Network
    content : Layer
    m : int
        Variables of a chain, 2 to 16.
    n : float
        Ratio of the chain.
    tau : float
        ms in which the first variable flows into the second; memories fade as t**-0.5 from then to tau * n**(4 m - 4).
    gain : float
        Weight that firing together gives; at most 1, the largest weight.
    day : float
        ms of the network's time that stand for one day: chains run by the network's clock, which `rest` advances.
    faded : float
        A synapse whose variables are all below this is removed by `rest`.
    name : str
        Of the projection.
    projection : Projection, optional
        One that is there already, as after ``ns.load``.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.graded import BennaFusiMemory
    >>> from neurosim.memory.layer import Layer
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> memory = BennaFusiMemory(net, Layer(net, "content", 40, 6))
    >>> memory.study([[0, 1, 2, 3, 4, 5], [3, 8, 11, 20, 30, 39]], ids=[7, 8]).formed
    60
    >>> rested = memory.rest(days=0.1)
    >>> memory.recall([[8, 11, 39]]).winners.place
    array([ 3,  8, 11, 20, 30, 39])
    """

    rise: ClassVar[float] = 0.02

    def __init__(
        self, net: Network, content: Layer, *, m: int = 8, n: float = 2.0, tau: float = 1000.0, gain: float = 0.5, day: float = 10_000.0,
        faded: float = 1e-4, name: str = "slow", projection: Projection | None = None,
    ) -> None:  # fmt: skip
        self.floor, self.span = 0.0, 1.0
        self.gain = check_positive("BennaFusiMemory.gain", gain)
        if self.gain > 1.0:
            raise ParameterError(
                f"BennaFusiMemory.gain: at most 1, the largest weight, got {gain:g}; for example gain=0.5"
            )
        self.day = check_positive("BennaFusiMemory.day", day, "ms")
        self.faded = check_positive("BennaFusiMemory.faded", faded)
        if projection is None:
            chain = BennaFusi(a_plus=0.0, a_minus=0.0, m=m, n=n, tau=tau, w_rest=0.0, w_min=0.0, w_max=1.0)
            nobody = wiring.from_edges(np.zeros((0, 2), np.int64))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NeurosimWarning)  # that there is no synapse yet is the point
                projection = net.connect(
                    content.cells, content.cells, nobody, weight=0.0, delay=net.dt, receptor="support", plasticity=chain, name=name
                )  # fmt: skip
        super().__init__(net, content, projection)

    def learn(self, volleys: Volleys, ids: Owners | None = None) -> Learned:
        """Join the cells that have fired together, each volley once; `study` lets patterns fire.

        Parameters
        ----------
        volleys : Volleys
            Cells that fired together, as a run has shown them.
        ids : int [volleys], or for each volley the numbers of all memories in it, optional
            To whom the cells belong, for `forget`; -1, or nothing, for nobody.
        """
        name, n = self.projection.name, self.content.n
        if volleys.n != n:
            raise ParameterError(
                f"{name}.learn: volleys of a layer of {volleys.n} cells, {self.content.name!r} has {n}"
            )
        owners = owners_of(f"{name}.learn(ids)", ids, len(volleys))
        codes, times = np.unique(
            np.concatenate([np.zeros(0, np.int64), *(self._codes([one]) for one in volleys)]), return_counts=True
        )
        gain, held = np.minimum(self.gain * times, 1.0), self._held()
        again = np.isin(held, codes)
        if again.any():
            stronger = self.projection.weight[again] + gain[np.searchsorted(codes, held[again])]
            self.projection.edges()[again].set_weight(np.minimum(stronger, 1.0))
        new = ~np.isin(codes, held)
        if new.any():
            pre, post = self.content.uid[codes[new] // n], self.content.uid[codes[new] % n]
            self.projection.insert(pre, post, weight=gain[new], rule="one-shot growth")
        self._note(volleys, owners)
        return Learned(int(new.sum()), int(again.sum()), int(codes.size))

    def study(self, patterns: Patterns, ids: Owners | None = None, *, times: int = 1, every: float = 0.0) -> Learned:
        """Let patterns fire, one after another, `times` times over, and learn from what fired.

        Parameters
        ----------
        every : float
            ms from one pattern to the next; at least two steps.
        """
        name = f"{self.projection.name}.study"
        shown = volleys_of(f"{name}(patterns)", patterns, self.content.n)
        owners = owners_of(f"{name}(ids)", ids, len(shown))
        between = steps_of(f"{name}(every)", check_not_negative(f"{name}(every)", every, "ms"), self.net.dt)
        first = np.zeros(1, np.int64)
        formed = woken = together = 0
        for k in np.tile(np.arange(len(shown)), check_count(f"{name}(times)", times, least=1)).tolist():
            table = Timetable(self.net)
            table.cue(self.content, first, shown.take(np.array([k])))
            fired = table.run(1)[self.content].winners(first, 1, self.content.n, self.net.dt)
            done = self.learn(fired, [owners[k]])
            formed, woken, together = formed + done.formed, woken + done.woken, together + done.together
            if between > 2:
                self.net.run((between - 2) * self.net.dt)
        return Learned(formed, woken, together)

    def _erase(self, pre: np.ndarray, post: np.ndarray) -> None:
        self.projection.remove(pre=pre, post=post, rule="forgetting")

    def _age(self, days: float) -> int:
        steps = round(days * self.day / self.net.dt)
        if steps:
            self.net.run(steps * self.net.dt)
        return self.prune()

    def prune(self) -> int:
        """Remove the synapses that have faded away; return how many."""
        p = self.projection
        if not len(p):
            return 0
        most = np.max([p.weight, *(np.abs(p.variable(name)) for name in p.variables)], axis=0)
        gone = most < self.faded
        return int(p.edges()[gone].remove(rule="faded")) if gone.any() else 0


AnySlowStore = LongTermMemory | TaggingMemory | BennaFusiMemory


def slow_store(net: Network, content: Layer, synapse: str = "binary", **options: Any) -> AnySlowStore:
    """A slow store with synapses of choice: "binary" (`LongTermMemory`), "tagging" or "benna_fusi", with the options of its class.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.layer import Layer
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> slow_store(net, Layer(net, "content", 40, 6), "benna_fusi", tau=100.0)
    BennaFusiMemory('slow': 0 memories, 0 strong of 0 synapses)
    """
    kinds: dict[str, Any] = {"binary": LongTermMemory, "tagging": TaggingMemory, "benna_fusi": BennaFusiMemory}
    if synapse not in kinds:
        raise ParameterError(
            f"slow_store(synapse): must be one of {', '.join(map(repr, kinds))}, got {synapse!r}.{did_you_mean(str(synapse), kinds)}"
        )
    made: AnySlowStore = kinds[synapse](net, content, **options)
    return made
