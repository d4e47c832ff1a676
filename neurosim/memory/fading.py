"""Synapses that fade: silent ones come and go within days, use makes them strong, and strong ones last minutes to years.

Knows one projection, spikes and the time that passes; no patterns, no engrams, and no law of forgetting: what a recall
still finds is decided by which synapses are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import (
    check_count,
    check_not_negative,
    check_number,
    check_positive,
    check_probability,
    names_checked,
)
from neurosim.errors import ParameterError
from neurosim.memory.strength import DAY
from neurosim.memory.turnover import MOST_DRAWS, StructuralConsolidation

#: The time of the clock is passed on in pieces of this part of the shortest lifetime.
PIECES = 100

if TYPE_CHECKING:
    from neurosim.edges import Edges
    from neurosim.network import Network


@names_checked
class FadingSynapses(StructuralConsolidation):
    """Silent and strong synapses in continuous time; each strong one has a level that says how long it lasts.

    A synapse is absent, silent (weight 0) or strong (weight `weight`).  Silent ones are lost at random with the mean lifetime
    `turnover`, and as many grow at random free places, so that the number of synapses stays.  A silent synapse whose cells fire
    together becomes strong, at a level drawn from ``chances``; a strong one whose cells fire together moves down by `deeper`
    levels.  A strong synapse at level l falls silent at the rate 1 / ``lifetimes[l]``, a factor `ratio` slower from level to level.
    The mixture of lifetimes makes the share of strong synapses fall as t^-exponent, from `shortest` on.

    Time passes with the clock of the network (in pieces of a hundredth of `shortest`), and by `elapse` without a simulation:
    exactly, but for silent synapses that would grow and go within one jump.

    Parameters
    ----------
    projection : Projection
        Of static synapses.
    every : float
        ms between two looks at the spikes.
    density : float
        Share of all pairs that have a synapse, silent or strong; when the process is added, silent ones grow until it is reached.
    turnover : float
        Mean lifetime of a silent synapse (ms).
    shortest, ratio, levels
        Lifetime at the first level (ms), factor from level to level, number of levels.
    exponent : float
        Of the fall: ``chances[l]`` is proportional to ratio^(-exponent l), and the last level stands for all slower ones.
    deeper : int
        Levels that a use moves a strong synapse down; 0: use protects nothing.
    bin : float, optional
        Cells that fire in the same bin of so many ms fire together; default one step.
    weight : float
        Of a strong synapse.
    potential : function of uids, optional
        f(pre, post) -> bool for each pair; default all.

    Attributes
    ----------
    lifetimes, chances : float64 [levels]
        ms, and where a synapse starts.
    active : bool
        Settable: False, and spikes change nothing (recall without learning); time passes all the same.
    faded : int
        Synapses that have fallen silent so far.

    Notes
    -----
    Thin spines appear and disappear over a few days, most thick ones persist for months (Holtmaat et al. 2005); how long a spine
    will live can be told from its age and size (Loewenstein et al. 2015).  That a wide range of time constants keeps memories long
    is the point of Fusi, Drew & Abbott (2005); their levels are those of `plasticity.Cascade`, where spikes alone cause the loss.
    The defaults are not fitted to spines.

    References
    ----------
    Holtmaat et al. (2005) Neuron 45:279.  Loewenstein, Yanover & Rumpel (2015) J. Neurosci. 35:12535.
    Fusi, Drew & Abbott (2005) Neuron 45:599.  Knoblauch, Koerner, Koerner & Sommer (2014) PLoS ONE 9:e96485.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.fading import FadingSynapses
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> pre, post = (net.add_population(name, ns.Parrot(), 40) for name in ("pre", "post"))
    >>> p = net.connect(pre, post, ns.all_to_all(), weight=1.0)
    >>> fading = net.add(FadingSynapses(p, exponent=0.2))
    >>> fading.elapse(24 * 3600e3)
    >>> bool(abs(fading.strong / 1600 - fading.left(24 * 3600e3)) < 0.05)
    True
    """

    def __init__(
        self, projection: Any, every: float = 1000.0, *, density: float = 0.0, turnover: float = 3.0 * DAY, shortest: float = 0.005 * DAY,
        ratio: float = 4.0, levels: int = 14, exponent: float = 0.15, deeper: int = 1, bin: float | None = None, weight: float = 1.0,
        potential: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(projection, every, bin=bin, weight=weight, potential=potential)
        self.density = check_probability("FadingSynapses.density", density)
        self.turnover = check_positive("FadingSynapses.turnover", turnover, "ms")
        self.shortest = check_positive("FadingSynapses.shortest", shortest, "ms")
        self.ratio = check_number("FadingSynapses.ratio", ratio)
        if self.ratio <= 1.0:
            raise ParameterError(
                f"FadingSynapses.ratio: must be above 1 (slower from level to level), got {ratio!r}; ratio=4.0"
            )
        self.levels = check_count("FadingSynapses.levels", levels, least=1)
        self.exponent = check_positive("FadingSynapses.exponent", exponent)
        self.deeper = check_count("FadingSynapses.deeper", deeper)
        step = self.ratio ** -np.arange(self.levels, dtype=np.float64)
        share = step**self.exponent
        share[-1] /= 1.0 - self.ratio**-self.exponent
        self.lifetimes, self.chances = self.shortest / step, share / share.sum()
        self.faded, self._calls, self._owed = 0, 0, 0.0
        self._code, self._level = np.zeros(0, np.int64), np.zeros(0, np.int8)

    # ---- how much is left -------------------------------------------------------------------------------------------

    @property
    def strong(self) -> int:
        """Strong synapses now."""
        return int((self.projection.edges().weight != 0.0).sum())

    @property
    def nbytes(self) -> int:
        """Bytes of the levels."""
        return self._code.nbytes + self._level.nbytes

    def left(self, time: Any) -> Any:
        """Expected share of synapses still strong `time` ms after they became so, if not used again: closed form, for tests."""
        t = np.asarray(time, np.float64)[..., None]
        return (self.chances * np.exp(-t / self.lifetimes)).sum(axis=-1)[()]

    def level(self) -> np.ndarray:
        """Level of each edge of the projection, int64 [edges]; -1 where it is silent."""
        return self._settle(self.projection.edges())

    # ---- learning ---------------------------------------------------------------------------------------------------

    def start(self, net: Network) -> None:
        """Grow silent synapses until `density` is reached; a network that was loaded has them."""
        p = self.projection
        missing = round(self.density * len(p.source) * len(p.target)) - len(p)
        if missing > 0:
            self.grow(net, missing)

    @contextmanager
    def learning(self) -> Iterator[None]:
        """Let what fires meanwhile change the synapses: runs the network on to the next look, and is inactive before and after."""
        net = self.projection.network
        self._look(net)
        self.active = True
        try:
            yield
            self._look(net)
        finally:
            self.active = False

    def _look(self, net: Network) -> None:
        """Run to the next multiple of `every`, at least one step, so that no earlier spike is mistaken for a new one."""
        period = round(self.every / net.dt)
        net.run((period - net.step % period) * net.dt)

    def advance(self, net: Network) -> None:
        """Consolidate what fired together, and let the time pass."""
        if self.active:
            p, code = self.projection, self.together(net)
            edges = p.edges()
            own = np.searchsorted(p.source.uid, edges.pre) * len(p.target) + np.searchsorted(p.target.uid, edges.post)
            self.use(edges[np.isin(own, code)])
        self._seen.clear()
        self._owed += self.every
        if self._owed > self.shortest / PIECES:
            self.elapse(0.0)

    def use(self, edges: Edges) -> int:
        """Make the silent ones of these edges strong and move the strong ones down; return how many became strong."""
        net, p = self.projection.network, self.projection
        self._settle(p.edges())
        own = (edges.pre << 32) | edges.post
        silent = edges.weight == 0.0
        place = np.searchsorted(self._code, own[~silent])
        self._level[place] = np.minimum(self._level[place] + self.deeper, self.levels - 1)
        if silent.any():
            fresh = edges[silent]
            level = self._drawn(p.chance(fresh, self._key(net, "level")))
            fresh.set_weight(self.weight)
            self._keep(np.concatenate([self._code, own[silent]]), np.concatenate([self._level, level]))
        self._calls += 1
        self.consolidated += int(silent.sum())
        return int(silent.sum())

    # ---- time -------------------------------------------------------------------------------------------------------

    def elapse(self, time: float) -> None:
        """Let `time` ms pass for the synapses, without a simulation."""
        time = check_not_negative("FadingSynapses.elapse(time)", time, "ms") + self._owed
        p, self._owed = self.projection, 0.0
        net, edges = p.network, p.edges()
        level = self._settle(edges)
        self._calls += 1
        if time == 0.0 or not len(edges):
            return
        strong = level >= 0
        with np.errstate(divide="ignore"):
            fate = -np.log(p.chance(edges, self._key(net, "fades")))
            doom = -np.log(p.chance(edges, self._key(net, "goes"))) * self.turnover
        silent_from = np.where(strong, fate * self.lifetimes[np.maximum(level, 0)], 0.0)
        fades = strong & (silent_from < time)
        goes = (silent_from < time) & (silent_from + doom < time)
        if fades.any():
            edges[fades].set_weight(0.0)
        stays = strong & ~fades
        self._keep(((edges.pre << 32) | edges.post)[stays], level[stays].astype(np.int8))
        n = int(goes.sum())
        if n:
            edges[goes].remove(rule="turnover")
            self.grow(net, n)
        self.faded += int(fades.sum())
        self.pruned += n

    def grow(self, net: Network, n: int) -> int:
        """Make `n` silent synapses at random free potential places; return how many there were."""
        p, left = self.projection, check_count("FadingSynapses.grow(n)", n)
        for _ in range(MOST_DRAWS):
            if not left:
                break
            self._calls += 1
            pre, post = p.sample_non_edges(left, self._key(net, "grows"))
            if self.potential is not None:
                fine = np.asarray(self.potential(pre, post), np.bool_)
                pre, post = pre[fine], post[fine]
            p.insert(pre, post, weight=0.0, rule="turnover")
            left -= pre.size
        return n - left

    def _key(self, net: Network, what: str) -> int:
        """A new stream for each call, since many calls may fall into one step."""
        return int(net.key("fading", self.projection.name, what, self._calls))

    def _settle(self, edges: Edges) -> np.ndarray:
        """Level of each edge, -1 where silent; strong ones that somebody else made get a level now."""
        own, strong = (edges.pre << 32) | edges.post, edges.weight != 0.0
        level = np.full(len(edges), -1, np.int64)
        place = np.minimum(np.searchsorted(self._code, own), max(self._code.size - 1, 0))
        known = strong & (self._code[place] == own) if self._code.size else np.zeros(len(edges), np.bool_)
        level[known] = self._level[place[known]]
        new = strong & ~known
        if new.any():
            level[new] = self._drawn(self.projection.chance(edges[new], self._key(self.projection.network, "first")))
        if new.any() or known.sum() != self._code.size:
            self._keep(own[strong], level[strong].astype(np.int8))
        return level

    def _drawn(self, chance: np.ndarray) -> np.ndarray:
        """Levels at which synapses begin."""
        return np.minimum(np.searchsorted(np.cumsum(self.chances), chance), self.levels - 1).astype(np.int8)

    def _keep(self, code: np.ndarray, level: np.ndarray) -> None:
        order = np.argsort(code)
        self._code, self._level = code[order], level[order]

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        mine: dict[str, np.ndarray] = {"code": self._code, "level": self._level, "calls": np.array([self._calls, self.faded]), "owed": np.array(self._owed)}  # fmt: skip
        return super().arrays() | mine

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        super().set_arrays(arrays)
        self._code, self._level = np.array(arrays["code"]), np.array(arrays["level"])
        self._calls, self.faded = (int(x) for x in arrays["calls"])
        self._owed = float(arrays["owed"])

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = ("projection", "every", "density", "turnover", "shortest", "ratio", "levels", "exponent", "deeper", "bin", "weight", "potential")  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"FadingSynapses({self.projection.name!r}: {self.strong:,} strong of {len(self.projection):,}, {self.levels} levels)"
