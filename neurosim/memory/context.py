"""Temporal context: a layer whose active cells drift from event to event, and free recall driven by contexts that come back.

Knows layers, projections between them and the timetable; no store and no content.  Which cells are active is kept by the cells
themselves (a cell that has fired supports itself at the next step) and is read from their spikes; Python counts steps.

Howard & Kahana (2002) J. Math. Psychol. 46:269; Polyn, Norman & Kahana (2009) Psychol. Rev. 116:129.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import check_count, check_positive, check_probability
from neurosim.errors import ParameterError
from neurosim.kernels.rng import stream_key
from neurosim.memory.associative import Patterns, empty_projection
from neurosim.memory.failures import IncompatibleSnapshot
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys
from neurosim.neurons.sources import SpikeSource

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.projection import Projection

#: Support that a spike of an item's "done" cell takes from it: more than any context gives.
BARRED = -1e6
#: The context itself, as a row number.
_NOBODY = -1


class TemporalContext:
    """A sparse population whose active cells change a few at a time, so that contexts are the more alike the nearer in time.

    At each step `replace` new cells fire, and the cells that were active compete for the other places: each is supported by
    its own last spike, a uniform noise decides between equals, and an inhibitory cell ends the race when `k` have fired.
    New cells are drawn from all cells alike, by seed and step; so the expected overlap of contexts `lag` steps apart is

        k/n + (1 - k/n) (1 - replace/k)**lag

    of their cells.  `reinstate` gives the cells of an earlier context support too, and a mixture wins.  This is the sparse
    form of c_t = rho c_{t-1} + beta c_in, where rho keeps the length of c (Howard & Kahana 2002): here the race keeps it.

    Parameters
    ----------
    net : Network
    n, k : int
        Cells, and active cells.
    replace : int
        New cells at each step.
    share : float
        Share of the places that a reinstated context takes from an unrelated one.
    levels : int
        How finely the race tells equals apart: where two meet at the last place, both win.
    name, region : str
        Name of the layer that shows the context; "`name`.hold" is the one that keeps it.

    Attributes
    ----------
    layer : Layer
        Where stores see it: the key or value of an `IndexStore`.  What they do there leaves `hold` alone.
    hold : Layer
        Where it is kept.
    sustain, show, back : Projection
        From hold to itself, hold to layer, and the fibres of reinstatement to hold; each one to one.
    steps : int
        Contexts so far.
    now : int64 [active]
        Places of the cells that fired last.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.context import TemporalContext
    >>> context = TemporalContext(ns.Network(dt=1.0, seed=1), n=200, k=10, replace=2)
    >>> contexts = context.drift(3)
    >>> len(contexts), bool((contexts[2] == context.now).all())
    (3, True)

    References
    ----------
    Howard & Kahana (2002) J. Math. Psychol. 46:269, eq. for the evolution of context.
    """

    def __init__(
        self, net: Network, n: int = 1000, k: int = 20, replace: int = 4, *, share: float = 0.4, levels: int = 64,
        name: str = "context", region: str | None = None,
    ) -> None:  # fmt: skip
        self.net, self.name = net, name
        what = f"TemporalContext({name!r})"
        k = check_count(f"{what}.k", k, least=1)
        self.replace = check_count(f"{what}.replace", replace)
        if self.replace > k:
            raise ParameterError(f"{what}.replace: at most k = {k} cells can be new, got {replace}")
        self.share = check_probability(f"{what}.share", share)
        levels = check_count(f"{what}.levels", levels, least=2)
        self.layer = Layer(net, name, n, k, region=region)
        self.hold = Layer(net, f"{name}.hold", n, k, region=region, rise=1.0 / levels, noise=1.0)
        self.hold.tune(ceiling=self.own + 1.0, theta=1.0, least=1.0)
        self.fibres = net.add_population(f"{name}.fibres", SpikeSource(), n, region)
        each, dt, cells = wiring.one_to_one(), net.dt, self.hold.cells
        self.sustain: Projection = net.connect(
            cells, cells, each, weight=self.own, delay=dt, receptor="support", autapses=True, name=f"{name}.sustain"
        )  # fmt: skip
        self.show: Projection = net.connect(
            cells, self.layer.cells, each, delay=dt, receptor="detonate", name=f"{name}.show"
        )
        self.back: Projection = net.connect(
            self.fibres, cells, each, weight=self.theirs, delay=dt, receptor="support", name=f"{name}.back"
        )
        self.steps, self.now = 0, np.zeros(0, np.int64)

    @classmethod
    def attach(cls, net: Network, name: str = "context", *, arrays: Mapping[str, np.ndarray]) -> TemporalContext:
        """The context of this name in a network that was loaded, with what `arrays` gave when it was saved."""
        context = cls.__new__(cls)
        context.net, context.name = net, name
        context.layer = Layer.attach(net, name, arrays["uid"])
        context.hold = Layer.attach(net, f"{name}.hold", arrays["hold_uid"])
        context.fibres = net.populations[f"{name}.fibres"]
        context.sustain, context.show, context.back = (
            net.projections[f"{name}.{part}"] for part in ("sustain", "show", "back")
        )
        context.set_arrays(arrays)
        return context

    # ---- supports ---------------------------------------------------------------------------------------------------

    @property
    def own(self) -> float:
        """Support that an active cell has from its own last spike."""
        return max(1.0, 2.0 - 2.0 * self.share)

    @property
    def theirs(self) -> float:
        """Support that a reinstated cell has.

        With uniform noise of width 1 on two sets of k cells, k places fall to the set with d more support in the ratio
        (1 + d) / 2; so ``own - theirs = 1 - 2 share``.
        """
        return max(1.0, 2.0 * self.share)

    @property
    def n(self) -> int:
        """Cells of the layer."""
        return self.layer.n

    @property
    def k(self) -> int:
        """Active cells."""
        return self.hold.k

    def expected_overlap(self, lag: ArrayLike) -> np.ndarray:
        """Share of active cells that two contexts `lag` steps apart have in common (closed form), float64 [lags]."""
        chance = self.k / self.n
        return np.asarray(chance + (1.0 - chance) * (1.0 - self.replace / self.k) ** np.abs(np.asarray(lag, float)))

    # ---- what it does -----------------------------------------------------------------------------------------------

    def drift(self, steps: int | None = None, *, new: Patterns | None = None) -> Volleys:
        """Let the context change step by step.

        Parameters
        ----------
        steps : int, optional
            Default 1, or one for each of `new`.
        new : bool [steps, n], places [steps, cells], or list of lists of places, optional
            Cells that come in at each step: what an event evokes.  Default: `replace` cells by seed and step.

        Returns
        -------
        Volleys
            Cells that were active in each step, and when they fired (ms); those that came in fired at 0.
        """
        if new is None:
            number = check_count(f"{self.name}.drift(steps)", 1 if steps is None else steps)
            given = self.coming(max(self.steps, 1), number)  # step 0 is the first context
        else:
            given = volleys(f"{self.name}.drift(new)", new, self.n)
            if steps not in (None, len(given)):
                raise ParameterError(f"{self.name}.drift: {steps} steps, but {len(given)} sets of new cells; give one")
        if not len(given):
            return given
        self.begin()
        table, at = Timetable(self.net), self._period * np.arange(len(given))
        table.cue(self.hold, at, given)
        table.go(self.hold, at)
        return self._ran(table.run(self._period * at.size)[self.hold].winners(at, self._race, self.n, self.net.dt))

    def begin(self) -> None:
        """Make the first context, of k cells by the seed, if there is none yet."""
        if self.steps == 0:
            self.renew()

    def renew(self, context: Patterns | None = None) -> np.ndarray:
        """Begin anew, as at the border between two episodes; return the places of the cells that are active.

        Parameters
        ----------
        context : bool [1, n], places [1, k] or Volleys of one, optional
            Cells that begin; default k cells by seed and step.
        """
        given = self._drawn("begin", self.steps, self.k)[None] if context is None else self._one("renew", context)
        table = Timetable(self.net)
        table.flush(self.hold, 0)
        table.cue(self.hold, np.array([1]), given)
        found = table.run(3)[self.hold].winners(np.array([1]), 1, self.n, self.net.dt)
        return self._ran(found)[0]

    def read(self) -> np.ndarray:
        """Let the active cells fire once more, without new ones; return their places."""
        return self._again(None)

    def reinstate(self, context: Patterns) -> np.ndarray:
        """Let an earlier context support its cells, and a mixture of it and the present one win.

        Parameters
        ----------
        context : bool [1, n], places [1, k] or Volleys of one
            For example ``store.read(ids)["context"]``.

        Returns
        -------
        int64 [active]
            Places of the cells that are active now.
        """
        return self._again(self._one("reinstate", context).place)

    def _one(self, what: str, context: Patterns) -> Volleys:
        shown = volleys(f"{self.name}.{what}(context)", context, self.n)
        if len(shown) != 1:
            raise ParameterError(
                f"{self.name}.{what}(context): one at a time, got {len(shown)}; contexts.take(np.array([0])) is the first"
            )
        return shown

    def coming(self, first: int, steps: int, cells: int | None = None) -> Volleys:
        """The cells (default `replace`) that come in at steps `first`, first + 1, ...: by seed and step only."""
        cells = self.replace if cells is None else cells
        rows = [self._drawn("new", first + i, cells) for i in range(steps)]
        return volleys(self.name, np.array(rows, np.int64).reshape(steps, cells), self.n)

    def _drawn(self, what: str, step: int, number: int) -> np.ndarray:
        key = int(stream_key(self.net.seed, "temporal context", self.name, what, step))
        return np.random.Generator(np.random.Philox(key=key)).choice(self.n, number, replace=False)

    def _again(self, place: np.ndarray | None) -> np.ndarray:
        self.begin()
        table, at = Timetable(self.net), np.array([1])
        table.go(self.hold, at)
        if place is not None:
            when = (self.net.step + 1) * self.net.dt
            self.fibres.play(SpikeSource(place, np.full(place.size, when)))
        spikes = table.run(self._period + 1)[self.hold]
        self.fibres.play(SpikeSource())
        return self._ran(spikes.winners(at, self._race, self.n, self.net.dt))[0]

    @property
    def _race(self) -> int:
        """Steps of a race."""
        return self.hold.race_steps(1.0)

    @property
    def _period(self) -> int:
        return self._race + 1

    def _ran(self, seen: Volleys) -> Volleys:
        self.steps += len(seen)
        self.now = seen[len(seen) - 1]
        return seen

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network, as arrays; the active cells come with the network."""
        return {
            "uid": self.layer.uid, "hold_uid": self.hold.uid, "now": self.now,
            "counts": np.array([self.n, self.k, self.replace, self.steps]), "share": np.array([self.share]),
        }  # fmt: skip

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        n, k, replace, steps = arrays["counts"].tolist()
        if (n, k) != (self.n, self.k):
            raise IncompatibleSnapshot(
                f"{self.name}: saved with {n} cells of which {k} are active, this one has {self.n} and {self.k}; "
                f"TemporalContext(net, n={n}, k={k}) fits"
            )
        self.replace, self.steps, self.share = replace, steps, float(arrays["share"][0])
        self.now = np.array(arrays["now"], np.int64)

    def __repr__(self) -> str:
        return f"TemporalContext({self.name!r}: {self.n} cells, {self.k} active, {self.replace} new at each of {self.steps} steps)"


class FreeRecall:
    """Lists of items are studied in a drifting context, and recalled in any order with the context as the only cue.

    When an item is studied its index cell fires with the cells of the context that it evokes, while others stay active.
    One-shot synapses grow from the active cells to the item (`cue`), from the item to the cells that it evoked (`evoked`), and
    to all active cells (`bound`).  In recall the context fires; items race, the more of their context is active the sooner;
    the winner's spikes support its context, and a mixture of that and the present one is the next cue.  What an item evoked
    lived on in the contexts that followed it and was in none before: so transitions go forward more often than back.  A
    recalled item is inhibited by a cell that fires on ("done").

    Parameters
    ----------
    net : Network
    context : TemporalContext
    items : int
        Most items of a list.
    evoke : int
        Cells of the context that an item evokes when it is studied.  ``sqrt(evoke / k)`` is the cosine of the context with
        what the item evoked: beta of the temporal context model (0.5 to 0.7), here 0.55.
    noise : float
        Width of the uniform noise on the support of an item, in cells of the context; an item whose support and noise
        together are less than this is not recalled.
    name : str
        Of the layer of index cells.

    Attributes
    ----------
    items, done : Layer
    cue, evoked, bound : Projection

    References
    ----------
    Howard & Kahana (2002); Sederberg, Howard & Kahana (2008) Psychol. Rev. 115:893 (recall as a race).
    """

    def __init__(
        self, net: Network, context: TemporalContext, items: int = 12, *, evoke: int = 6, noise: float = 14.0,
        name: str = "recall",
    ) -> None:  # fmt: skip
        self.net, self.context, self.name = net, context, name
        items = check_count("FreeRecall.items", items, least=1)
        self.evoke = check_count("FreeRecall.evoke", evoke)
        if self.evoke > context.k:
            raise ParameterError(f"FreeRecall.evoke: at most the {context.k} active cells of the context, got {evoke}")
        self.noise = check_positive("FreeRecall.noise", noise)
        self.items = Layer(net, name, items, 1, rise=max(self.noise / 48.0, 0.25), noise=self.noise)
        self.items.tune(ceiling=context.k + self.noise, theta=self.noise, least=self.noise)
        self.done = Layer(net, f"{name}.done", items, items)
        self.done.tune(ceiling=1.0, theta=1.0, least=1.0)
        dt, each = net.dt, wiring.one_to_one()
        self.cue = empty_projection(net, context.layer, self.items, dt, f"{name}.cue")
        self.evoked = empty_projection(net, self.items, context.hold, dt, f"{name}.evoked")
        self.bound = empty_projection(net, self.items, context.hold, dt, f"{name}.bound")
        cells, done = self.items.cells, self.done.cells
        net.connect(cells, done, each, delay=dt, receptor="support")
        net.connect(done, done, each, delay=dt, receptor="support", autapses=True)
        net.connect(done, cells, each, weight=BARRED, delay=dt, receptor="support")

    def study(self, number: int | None = None) -> Volleys:
        """Present the items of a list, one at each step of the context, and grow synapses between cells that fire together.

        Parameters
        ----------
        number : int, optional
            Items; default as many as there are index cells.

        Returns
        -------
        Volleys
            The context of each item.
        """
        number = self.items.n if number is None else check_count(f"{self.name}.study(number)", number, least=1)
        if number > self.items.n:
            raise ParameterError(
                f"{self.name}.study: {number} items, but there are {self.items.n} index cells; FreeRecall(net, context, items={number})"
            )
        self.forget()
        context = self.context
        context.begin()
        table, at = Timetable(self.net), context._period * np.arange(number)
        table.cue(self.items, at, np.arange(number)[:, None])
        table.cue(context.hold, at, context.coming(context.steps, number, self.evoke))
        table.go(context.hold, at)
        table.flush(context.layer, 0)
        spikes, dt = table.run(context._period * number), self.net.dt
        item, held, shown = (
            spikes[one].winners(at + late, context._race, one.n, dt)
            for one, late in ((self.items, 0), (context.hold, 0), (context.layer, 1))
        )
        self._grow(self.evoked, item, held.latency == 0.0, held)
        self._grow(self.bound, item, np.ones(held.place.size, np.bool_), held)
        pre, post = context.layer.uid[shown.place], self.items.uid[item.place[np.searchsorted(item.which, shown.which)]]
        self.cue.insert(pre, post, rule="one-shot growth")
        return context._ran(held)

    def _grow(self, projection: Projection, item: Volleys, which: np.ndarray, held: Volleys) -> None:
        """Synapses from the item that fired to cells of the context that fired with it."""
        pre = self.items.uid[item.place[np.searchsorted(item.which, held.which[which])]]
        post = self.context.hold.uid[held.place[which]]
        projection.insert(pre, post, weight=self.context.theirs, rule="one-shot growth")

    def recall(self, attempts: int | None = None) -> list[int]:
        """Recall freely, until no item reaches the bar or the attempts are over; in one run.

        Returns
        -------
        list of int
            Items in the order in which they fired.  -1 stands between items that fired in the same step, whose order is
            not known, and before and after them.
        """
        attempts = self.items.n if attempts is None else check_count(f"{self.name}.recall(attempts)", attempts, least=1)
        context, items = self.context, self.items
        race, length = context._race, items.race_steps(self.noise)
        period = race + length + 4
        at = period * np.arange(attempts)
        table = Timetable(self.net)
        table.flush(self.done, 0)
        table.flush(items, 0)
        moves = period * np.arange(attempts + 1)  # the last item moves the context too
        table.go(context.hold, moves)
        table.go(self.done, at + race)
        table.go(items, at + race + 3)
        spikes = table.run(period * attempts + context._period)
        contexts = spikes[context.hold].winners(moves, race, context.n, self.net.dt)
        winners = spikes[items].winners(at + race + 3, length, items.n, self.net.dt)
        context._ran(contexts)
        out: list[int] = []
        for cycle in range(attempts):
            found = winners[cycle].tolist()
            if not found:
                break
            out += found if len(found) == 1 else [x for one in found for x in (_NOBODY, one)] + [_NOBODY]
        return out

    def lags(self, lists: int) -> LagCrp:
        """Study and recall this many full lists, one after the other; what was recalled after what."""
        recalls = []
        for _ in range(check_count(f"{self.name}.lags(lists)", lists, least=1)):
            self.study()
            recalls.append(self.recall())
        return lag_crp(recalls, self.items.n)

    def forget(self) -> None:
        """Remove the synapses of the list."""
        for projection in (self.cue, self.evoked, self.bound):
            if len(projection):
                projection.edges().remove(rule="forgetting")
        self.net.compact()

    def __repr__(self) -> str:
        return f"FreeRecall({self.name!r}: lists of up to {self.items.n} items, context {self.context.name!r})"


@dataclass(frozen=True)
class LagCrp:
    """How often recalls step from one item to another, by the distance in the list.

    Attributes
    ----------
    lag : int64 [lags]
        -(items - 1) ... items - 1, without 0.
    probability : float64 [lags]
        Transitions of this lag, in parts of those where an item at this lag was left to recall; nan where there were none.
    actual, possible : int64 [lags]
    """

    lag: np.ndarray
    probability: np.ndarray
    actual: np.ndarray
    possible: np.ndarray

    def at(self, lag: int) -> float:
        """Probability at one lag."""
        return float(self.probability[np.searchsorted(self.lag, lag)])


def lag_crp(recalls: Sequence[Sequence[int]], items: int) -> LagCrp:
    """Conditional response probability as a function of lag.

    Parameters
    ----------
    recalls : list of list of int
        Items (0 ... items - 1) of each list in order of recall; a negative number stands for a break: no transition is
        counted across it.  Repetitions are not counted.
    items : int
        Length of the lists.

    References
    ----------
    Kahana (1996) Mem. Cognit. 24:103; the counting is that of psifr's `fr.lag_crp`.
    """
    n = check_count("lag_crp(items)", items, least=2)
    actual, possible = np.zeros(2 * n, np.int64), np.zeros(2 * n, np.int64)
    for recall in recalls:
        left, before = np.ones(n, np.bool_), _NOBODY
        for one in recall:
            if one >= n:
                raise ParameterError(f"lag_crp(recalls): items are 0 ... {n - 1}, got {one}")
            if one < 0:
                before = _NOBODY
                continue
            if before >= 0 and left[one]:
                possible[np.flatnonzero(left) - before + n] += 1
                actual[one - before + n] += 1
            left[one] = False
            before = one
    lag = np.concatenate([np.arange(1 - n, 0), np.arange(1, n)])
    actual, possible = actual[lag + n], possible[lag + n]
    with np.errstate(invalid="ignore"):
        return LagCrp(lag, np.where(possible > 0, actual / possible, np.nan), actual, possible)
