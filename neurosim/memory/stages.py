"""How long memories last while new ones are stored at every event: bounded synapses, chains of variables, and stages with transfer.

Closed forms of the ideal observer (who knows the pattern and looks at all synapses), a run of many chains, and a memory
in stages as projections of a live network.  Knows no episodes and no recall by cues.

SNR here is the overlap of the synapses with a pattern of +-1 that was stored `age` events ago, over the standard deviation of
that overlap for a pattern that never was.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import check_count, check_positive, check_probability
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys
from neurosim.plasticity.benna_fusi import BennaFusi

if TYPE_CHECKING:
    from neurosim.network import Network


# ---- closed forms ----------------------------------------------------------------------------------------------------


def bounded_snr(age: ArrayLike, n: int, q: float) -> np.ndarray:
    """SNR of n bounded binary synapses that take the state of each new pattern with probability q: q sqrt(n) (1 - q)**age.

    Parameters
    ----------
    age : array
        Events stored since.
    n : int
    q : float

    Examples
    --------
    >>> round(lifetime(bounded_snr(np.arange(50), 4000, 0.3)), 1)
    8.3
    """
    check_probability("bounded_snr.q", q)
    return np.asarray(q * np.sqrt(n) * (1.0 - q) ** np.asarray(age, np.float64))


def chain_decay(age: ArrayLike, m: int, *, ratio: float = 2.0, rate: float = 0.25) -> np.ndarray:
    """What a change of 1 of the first of m variables (Benna & Fusi 2016) has left there after `age` events.

    Parameters
    ----------
    age : array
    m : int
        Variables; 1 is a synapse that leaks with `rate`.
    ratio : float
        C_k = ratio**(k - 1), g_k / g_1 = ratio**(1 - k).
    rate : float
        g_1 / C_1, per event.
    """
    m, rate = check_count("chain_decay.m", m, least=1), check_positive("chain_decay.rate", rate)
    age = np.asarray(age, np.float64)
    if m == 1:
        return np.exp(-rate * age)
    into, rates, out = _modes(m, ratio, rate)
    return np.asarray((np.exp(-np.multiply.outer(age, rates)) * (into[:, 0] * out[0])).sum(-1))


def chain_snr(
    age: ArrayLike, n: int, m: int, *, ratio: float = 2.0, rate: float = 0.25, stored: int | None = None
) -> np.ndarray:
    """SNR of n such synapses, each of which every event changes by +1 or -1, after `stored` events (default 2**(m + 2)) before it.

    signal r(age), noise the root of the sum of r**2 over all events, r as `chain_decay` gives it.
    """
    age = np.asarray(age, np.float64)
    before = 2 ** (m + 2) if stored is None else check_count("chain_snr.stored", stored, least=1)
    many = int(age.max()) + before + 1
    power = np.cumsum(chain_decay(np.arange(many), m, ratio=ratio, rate=rate) ** 2)
    signal = chain_decay(age, m, ratio=ratio, rate=rate)
    noise = np.sqrt(power[(age + before).astype(np.int64)])
    return np.asarray(np.sqrt(n) * signal / noise)


def _modes(m: int, ratio: float, rate: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(into modes [m, m], rates per event, out of modes) of du/dt = A u."""
    matrix = BennaFusi(m=m, n=float(np.sqrt(ratio)), tau=1.0 / rate).matrix()
    values, vectors = np.linalg.eig(matrix)
    return np.linalg.inv(vectors).real, -values.real, vectors.real


def staged_snr(age: ArrayLike, n: int, q: ArrayLike) -> np.ndarray:
    """Expected SNR of each stage of n binary synapses: the first takes new patterns, each next one copies the one before.

    At each event every synapse of stage k takes the state that the same synapse of stage k - 1 had (of the first: that of
    the new pattern) with probability q[k].  So the overlaps follow s_k <- (1 - q_k) s_k + q_k s_(k - 1).

    Parameters
    ----------
    age : int array
        Events since the one that stored the pattern.
    n : int
        Synapses of a stage.
    q : array of float [stages]

    Returns
    -------
    float64 [ages, stages]

    References
    ----------
    Roxin & Fusi (2013) PLoS Comput. Biol. 9:e1003146.

    Examples
    --------
    >>> q = 0.5 * 2.0 ** -np.arange(1, 9)
    >>> snr = staged_snr(np.arange(60), 4000, q)
    >>> (snr.argmax(axis=1)[[0, 6, 18, 56]] + 1).tolist()  # the memory moves
    [1, 2, 3, 4]
    """
    q, age = _probabilities("staged_snr.q", q), np.asarray(age, np.int64)
    overlap = np.zeros(q.size)
    overlap[0] = q[0]
    course = [overlap]
    for _ in range(int(age.max(initial=0))):
        overlap = (1.0 - q) * overlap + q * np.concatenate([[0.0], overlap[:-1]])
        course.append(overlap)
    return np.asarray(np.sqrt(n) * np.array(course)[age])


def lifetime(snr: ArrayLike, age: ArrayLike | None = None) -> float:
    """Age at which an SNR first falls to 1, between the ages given (default 0, 1, ...) by its logarithm; inf if it never does."""
    snr = np.asarray(snr, np.float64)
    age = np.arange(snr.size) if age is None else np.asarray(age, np.float64)
    below = np.flatnonzero(snr <= 1.0)
    if not below.size:
        return float("inf")
    k = int(below[0])
    if k == 0:
        return float(age[0])
    high, low = np.log(snr[k - 1]), np.log(max(float(snr[k]), 1e-300))
    return float(age[k - 1] + (age[k] - age[k - 1]) * high / (high - low))


def slope(snr: ArrayLike, age: ArrayLike) -> float:
    """Exponent of a power law: the slope of log SNR over log age, by least squares."""
    return float(np.polyfit(np.log(np.asarray(age, np.float64)), np.log(np.asarray(snr, np.float64)), 1)[0])


def _probabilities(name: str, q: ArrayLike) -> np.ndarray:
    q = np.atleast_1d(np.asarray(q, np.float64))
    if q.ndim != 1 or not q.size or not ((q > 0.0) & (q <= 1.0)).all():
        raise ParameterError(
            f"{name}: needs one probability in (0, 1] per stage, got {q!r}; for example 0.5 * 2.0 ** -np.arange(1, 9)"
        )
    return q


# ---- many chains -----------------------------------------------------------------------------------------------------


def chain_run(
    seed: int, n: int, m: int, age: ArrayLike, *, ratio: float = 2.0, rate: float = 0.25, stored: int | None = None, patterns: int = 20
) -> np.ndarray:  # fmt: skip
    """SNR as `chain_snr`, measured: n chains take random patterns of +-1, and overlaps of the last ones are counted.

    Parameters
    ----------
    seed : int
    n, m, ratio, rate, stored
        As for `chain_snr`.
    age : int array
    patterns : int
        Over how many patterns the overlap at each age is averaged.

    Returns
    -------
    float64 [ages]
        Mean overlap over the standard deviation of the overlap with patterns that never were.
    """
    rng, age = np.random.default_rng(seed), np.asarray(age, np.int64)
    before = 2 ** (m + 2) if stored is None else stored
    if m == 1:
        step = np.full((1, 1), np.exp(-rate))
    else:
        into, rates, out = _modes(m, ratio, rate)
        step = (out * np.exp(-rates)) @ into
    u = np.zeros((m, n))
    length = before + int(age.max()) + patterns
    kept: dict[int, np.ndarray] = {}
    sums, noise = np.zeros(age.size), []
    for event in range(length):
        u = step @ u
        pattern = rng.integers(0, 2, n).astype(np.int8) * 2 - 1
        u[0] += pattern
        if before <= event < before + patterns:
            kept[event] = pattern.astype(np.int8)
        for born, old in kept.items():
            place = np.flatnonzero(age == event - born)
            if place.size:
                sums[place] += float(u[0] @ old)
        if event >= before:
            noise.append(float(np.sqrt(np.mean(u[0] ** 2) * n)))  # of the overlap with a pattern that never was
    return np.asarray(sums / patterns / np.mean(noise))


# ---- stages in a live network ----------------------------------------------------------------------------------------


class StagedMemory:
    """Stages of binary synapses between two layers: the first learns from spikes, each next one copies the one before, more slowly.

    A synapse of a stage exists or it does not; stage k is the projection ``<name>.<k>``, from the cells of `source` to those of
    `target`.  At each event two volleys fire together: where either both cells of a pair fire or neither does, the pair
    shall have a synapse in the first stage, else not, and is set so with probability q[0].  Before that each pair of stage k
    has become what it was in stage k - 1, with probability q[k - 1] (k = 1, 2, ...), as replay would do while the animal rests.

    Parameters
    ----------
    net : Network
    source, target : Layer
    q : array of float [stages]
    name : str

    Attributes
    ----------
    stages : list of Projection

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.layer import Layer
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> memory = StagedMemory(net, Layer(net, "a", 20, 10), Layer(net, "b", 20, 10), [0.5, 0.25])
    >>> memory.store([np.arange(10)], [np.arange(10)])
    >>> memory.overlap(np.arange(10), np.arange(10)).shape
    (2,)
    """

    def __init__(self, net: Network, source: Layer, target: Layer, q: ArrayLike, *, name: str = "stage") -> None:
        self.net, self.source, self.target, self.name = net, source, target, name
        self.q = _probabilities("StagedMemory.q", q)
        self.events = 0
        self.stages: list[Any] = []
        pairs = source.n * target.n
        for k in range(self.q.size):
            born = np.flatnonzero(net.rng("stages", name, k).random(pairs) < 0.5)  # as after many patterns
            ends = np.stack([born // target.n, born % target.n], axis=1)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NeurosimWarning)  # that one may be empty
                self.stages.append(
                    net.connect(
                        source.cells, target.cells, wiring.from_edges(ends), receptor="support", name=f"{name}.{k + 1}"
                    )
                )

    @property
    def pairs(self) -> int:
        """Pairs of cells, and so possible synapses of a stage."""
        return self.source.n * self.target.n

    def state(self, stage: int) -> np.ndarray:
        """+1 for each pair of cells with a synapse in this stage (0 is the first), -1 for the others; int8 [source, target]."""
        edges = self.stages[stage].edges()
        state = np.full((self.source.n, self.target.n), -1, np.int8)
        state[np.searchsorted(self.source.uid, edges.pre), np.searchsorted(self.target.uid, edges.post)] = 1
        return state

    def store(self, sources: Any, targets: Any) -> None:
        """Let pairs of patterns fire one after the other; each is an event for all stages.

        Parameters
        ----------
        sources, targets : bool [patterns, n], places [patterns, k], or list of lists of places
            Patterns of half of the cells carry most.
        """
        first = volleys(f"{self.name}.store(sources)", sources, self.source.n)
        second = volleys(f"{self.name}.store(targets)", targets, self.target.n)
        if len(first) != len(second):
            raise ParameterError(f"{self.name}.store: {len(first)} sources and {len(second)} targets; give pairs")
        fired = self._fire(first, second)
        for a, b in zip(*(one.dense() for one in fired), strict=True):
            self._event(np.where(a[:, None] == b, np.int8(1), np.int8(-1)))

    def _fire(self, first: Volleys, second: Volleys) -> tuple[Volleys, Volleys]:
        table, at = Timetable(self.net), 2 * np.arange(len(first))
        table.cue(self.source, at, first)
        table.cue(self.target, at, second)
        spikes = table.run(2 * len(first) + 1)
        return (
            spikes[self.source].winners(at, 1, self.source.n, self.net.dt),
            spikes[self.target].winners(at, 1, self.target.n, self.net.dt),
        )

    def _event(self, wanted: np.ndarray) -> None:
        states = [self.state(k) for k in range(len(self.stages))]
        for k, projection in enumerate(self.stages):
            new = states[k - 1] if k else wanted
            chance = self.net.rng("transfer", self.name, k, self.events).random(new.shape)
            change = (new != states[k]) & (chance < self.q[k])
            gone = np.flatnonzero(change & (new < 0))
            if gone.size:
                edges = projection.edges()
                code = np.searchsorted(self.source.uid, edges.pre) * self.target.n
                code += np.searchsorted(self.target.uid, edges.post)
                edges[np.isin(code, gone)].remove(rule="transfer")
            born = np.flatnonzero(change & (new > 0))
            if born.size:
                projection.insert(
                    self.source.uid[born // self.target.n], self.target.uid[born % self.target.n], rule="transfer"
                )
        self.events += 1

    def overlap(self, source: ArrayLike, target: ArrayLike) -> np.ndarray:
        """Mean agreement of the pairs of each stage with a pattern (places of both sides), -1 ... 1; times sqrt(pairs) it is the SNR.

        Looks at synapses without a spike: a measurement for plots, which answers no cue.
        """
        a, b = np.zeros(self.source.n, np.bool_), np.zeros(self.target.n, np.bool_)
        a[np.asarray(source)], b[np.asarray(target)] = True, True
        wanted = np.where(a[:, None] == b, 1.0, -1.0)
        return np.array([float((self.state(k) * wanted).mean()) for k in range(len(self.stages))])

    def __repr__(self) -> str:
        held = ", ".join(f"{len(p):,}" for p in self.stages)
        return f"StagedMemory({self.name!r}: {len(self.stages)} stages of {self.pairs:,} pairs, synapses {held})"
