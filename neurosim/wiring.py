"""Rules that say which source is joined to which target: random, by degree, by distance, small world, or as listed.

A rule knows sizes, uids and positions, no Network.  Draws are keyed by the uid of the target (of the source for
out-degrees, of the pair for probabilities of pairs, of the connection for totals), so the edges of one target do not
depend on which other targets there are.
"""

import difflib
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from neurosim.checks import (
    check_count,
    check_not_negative,
    check_positive,
    check_probability,
    did_you_mean,
)
from neurosim.errors import ParameterError, WiringError

PairFunction = Callable[[np.ndarray, np.ndarray], np.ndarray | float | bool]
DistanceFunction = Callable[[np.ndarray], np.ndarray | float]
_BLOCK = 1 << 20  # pairs looked at together by rules that ask about pairs


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Drawn edges: `pre[e]` is a place among the sources, `post[e]` a place among the targets.

    Attributes
    ----------
    pre, post : int32[n]
        Places (not uids).
    weight : float64[n] or None
        Given by the rule (`from_edges` with weights), else None.
    delay : float64[n] or None
        Delay (ms) given by the rule, else None.
    """

    pre: np.ndarray
    post: np.ndarray
    weight: np.ndarray | None = None
    delay: np.ndarray | None = None

    def __len__(self) -> int:
        return int(self.pre.size)


@dataclass(frozen=True, slots=True, eq=False)
class _Request:
    """What `Rule.draw` was asked, checked."""

    key: np.uint64
    n_pre: int
    n_post: int
    pre_uid: np.ndarray
    post_uid: np.ndarray
    same: bool
    autapses: bool
    parallel: bool
    pre_positions: np.ndarray | None
    post_positions: np.ndarray | None

    def own(self) -> np.ndarray:
        """int64[n_post]: the source that is the target itself and must not be chosen, else -1."""
        return self.ring() if self.same and not self.autapses else np.full(self.n_post, -1, np.int64)

    def own_of_pre(self) -> np.ndarray:
        """int64[n_pre]: the target that is the source itself and must not be chosen, else -1."""
        if not self.same or self.autapses:
            return np.full(self.n_pre, -1, np.int64)
        return _places(self.post_uid, self.pre_uid)

    def ring(self) -> np.ndarray:
        """int64[n_post]: the place of each target among the sources, -1 where it is not one."""
        return _places(self.pre_uid, self.post_uid)

    def without_own(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """bool[n]: True for the pairs that may be joined as far as autapses go."""
        if not self.same or self.autapses:
            return np.ones(pre.size, bool)
        return np.asarray(self.pre_uid[pre] != self.post_uid[post])


class Rule:
    """A way to choose edges.  No state; each rule is a frozen dataclass made by the function of its name."""

    __slots__ = ()

    def draw(
        self,
        key: int,
        n_pre: int,
        n_post: int,
        pre_uid: np.ndarray,
        post_uid: np.ndarray,
        same: bool,
        autapses: bool,
        parallel: bool,
        pre_positions: np.ndarray | None = None,
        post_positions: np.ndarray | None = None,
    ) -> Edges:
        """The edges of one connection.

        Parameters
        ----------
        key : int
            32-bit key of the connection (`kernels.rng.stream_key`).
        n_pre, n_post : int
            Number of sources and targets.
        pre_uid, post_uid : int64[n_pre], int64[n_post]
            Their uids, each once.
        same : bool
            Sources and targets share neurons: an edge between equal uids is an autapse.
        autapses, parallel : bool
            Whether a neuron may be joined to itself, and whether a pair may be joined more than once.
        pre_positions, post_positions : float64[n, 2 or 3], optional
            Positions, for `distance`.

        Returns
        -------
        Edges
            Ascending in `post`, except that `from_edges` keeps the order given.  Within a target ascending in `pre`,
            except that degree and small-world rules leave the order drawn.  The order is the same every time.

        Raises
        ------
        WiringError
            The rule cannot be met with these neurons.
        ParameterError
            A function gave something that is not a probability.
        """
        pre, post = np.require(pre_uid, np.int64, ("C", "W")), np.require(post_uid, np.int64, ("C", "W"))
        if pre.shape != (n_pre,) or post.shape != (n_post,):
            raise WiringError(
                f"{self!r}: needs one uid for each of {n_pre} sources and {n_post} targets,"
                f" got {pre.shape} and {post.shape}"
            )
        request = _Request(
            np.uint64(key), n_pre, n_post, pre, post, same, autapses, parallel, pre_positions, post_positions
        )
        return self._edges(request)

    def _edges(self, ask: _Request) -> Edges:
        raise NotImplementedError


# ---------------------------------------------------------------------------------------------------- without chance


@dataclass(frozen=True, slots=True, repr=False)
class OneToOne(Rule):
    """See `one_to_one`."""

    def _edges(self, ask: _Request) -> Edges:
        if ask.n_pre != ask.n_post:
            few = min(ask.n_pre, ask.n_post)
            raise WiringError(
                f"one_to_one(): needs as many sources as targets, got {ask.n_pre} and {ask.n_post};"
                f" for example connect(pre[:{few}], post[:{few}], one_to_one())"
            )
        both = np.arange(ask.n_pre, dtype=np.int32)
        _refuse_autapses(self, ask, both, both)
        return Edges(both, both.copy())

    def __repr__(self) -> str:
        return "one_to_one()"


@dataclass(frozen=True, slots=True, repr=False)
class AllToAll(Rule):
    """See `all_to_all`."""

    def _edges(self, ask: _Request) -> Edges:
        pre = np.tile(np.arange(ask.n_pre, dtype=np.int32), ask.n_post)
        post = np.repeat(np.arange(ask.n_post, dtype=np.int32), ask.n_pre)
        if not ask.same or ask.autapses:
            return Edges(pre, post)
        keep = ask.without_own(pre, post)
        return Edges(pre[keep], post[keep])

    def __repr__(self) -> str:
        return "all_to_all()"


# -------------------------------------------------------------------------------------------------------- by chance


@dataclass(frozen=True, slots=True, repr=False)
class Random(Rule):
    """See `random`."""

    p: float

    def _edges(self, ask: _Request) -> Edges:
        if self.p == 1.0:
            return AllToAll()._edges(ask)
        if self.p == 0.0 or ask.n_pre == 0 or ask.n_post == 0:
            return _no_edges()
        from neurosim.kernels.wiring import draw_random

        room = _room(self.p * ask.n_pre * ask.n_post, 6.0)
        pre, post = np.empty(room, np.int32), np.empty(room, np.int32)
        own, scale = ask.own(), 1.0 / math.log1p(-self.p)
        jump = np.empty(min(_room(self.p * ask.n_pre, 3.0), 1024))
        target = used = 0
        while True:
            target, more = draw_random(
                target, scale, ask.n_pre, ask.post_uid, own, ask.key, jump, pre[used:], post[used:]
            )
            used += more
            if target == ask.n_post:
                return Edges(pre[:used], post[:used])
            room = pre.size // 4 + ask.n_pre
            pre, post = (np.concatenate([part[:used], np.empty(room, np.int32)]) for part in (pre, post))

    def __repr__(self) -> str:
        return f"random({_short_number(self.p)})"


@dataclass(frozen=True, slots=True, repr=False)
class FixedIndegree(Rule):
    """See `fixed_indegree`."""

    k: int

    def _edges(self, ask: _Request) -> Edges:
        _check_available(self, self.k, ask.n_pre, ask.own(), ask.parallel, "target", "sources")
        post, pre = _draw_degree(self.k, ask.n_pre, ask.post_uid, ask.own(), ask)
        return Edges(pre, post)

    def __repr__(self) -> str:
        return f"fixed_indegree({self.k})"


@dataclass(frozen=True, slots=True, repr=False)
class FixedOutdegree(Rule):
    """See `fixed_outdegree`."""

    k: int

    def _edges(self, ask: _Request) -> Edges:
        _check_available(self, self.k, ask.n_post, ask.own_of_pre(), ask.parallel, "source", "targets")
        pre, post = _draw_degree(self.k, ask.n_post, ask.pre_uid, ask.own_of_pre(), ask)
        post, pre = _sorted_by(post, pre, ask.n_post)
        return Edges(pre, post)

    def __repr__(self) -> str:
        return f"fixed_outdegree({self.k})"


@dataclass(frozen=True, slots=True, repr=False)
class FixedTotal(Rule):
    """See `fixed_total`."""

    n: int

    def _edges(self, ask: _Request) -> Edges:
        own = ask.own()
        pairs = ask.n_pre * ask.n_post - int((own >= 0).sum())
        if self.n > pairs and (pairs == 0 or not ask.parallel):
            besides = " besides autapses" if (own >= 0).any() else ""
            more = "" if pairs == 0 else "; or draw pairs with replacement: connect(..., parallel=True)"
            raise WiringError(
                f"fixed_total(n={self.n}): {ask.n_pre} sources and {ask.n_post} targets make only"
                f" {pairs} pairs{besides};"
                f" allowed: fixed_total({pairs}) at most{more}"
            )
        if self.n == 0:
            return _no_edges()
        from neurosim.kernels.wiring import all_but, draw_total, keep_new

        leave_out = not ask.parallel and 2 * self.n > pairs
        wanted = pairs - self.n if leave_out else self.n
        pre, post = np.empty(wanted, np.int32), np.empty(wanted, np.int32)
        if ask.parallel:
            draw_total(ask.n_pre, own, ask.key, 0, pre, post)
        else:
            table = np.full(1 << max(1, 2 * wanted - 1).bit_length(), -1, np.int64)
            draw = used = 0
            while used < wanted:
                draw = draw_total(ask.n_pre, own, ask.key, draw, pre[used:], post[used:])
                used = keep_new(ask.n_pre, pre, post, table, used)
            if leave_out:
                pre, post = np.empty(self.n, np.int32), np.empty(self.n, np.int32)
                all_but(ask.n_pre, own, table, pre, post)
                return Edges(pre, post)
        return Edges(*_sorted_pairs(pre, post, ask.n_pre, ask.n_post))

    def __repr__(self) -> str:
        return f"fixed_total({self.n})"


@dataclass(frozen=True, slots=True, repr=False)
class SmallWorld(Rule):
    """See `small_world`."""

    k: int
    p: float

    def _edges(self, ask: _Request) -> Edges:
        ring = ask.ring()
        if not ask.same or (ring < 0).any():
            raise WiringError(
                f"{self!r}: is a ring over one population, but some targets are not among the sources;"
                f" connect a population to itself: connect(exc, exc, {self!r})"
            )
        if self.k >= ask.n_pre and ask.n_post > 0:
            largest = (ask.n_pre - 1) // 2 * 2
            raise WiringError(
                f"small_world(k={self.k}): on a ring of {ask.n_pre} each neuron has only {ask.n_pre - 1} neighbours;"
                f" allowed: small_world({largest}, {_short_number(self.p)}) at most"
            )
        from neurosim.kernels.wiring import draw_ring

        pre, post = np.empty(self.k * ask.n_post, np.int32), np.empty(self.k * ask.n_post, np.int32)
        stamp = np.zeros(ask.n_pre, np.int32)
        draw_ring(self.k, self.p, ask.n_pre, ask.post_uid, ring, ask.autapses, ask.parallel, ask.key, stamp, pre, post)
        return Edges(pre, post)

    def __repr__(self) -> str:
        return f"small_world({self.k}, {_short_number(self.p)})"


# ------------------------------------------------------------------------------------------------ by asking each pair


@dataclass(frozen=True, slots=True, repr=False)
class Condition(Rule):
    """See `condition`."""

    function: PairFunction

    def _edges(self, ask: _Request) -> Edges:
        kept = []
        for i, j in _blocks(ask.n_pre, ask.n_post):
            try:
                answer = self.function(i, j)
            except (ValueError, TypeError) as error:
                raise WiringError(
                    f"{self!r}: is called with two int64 arrays (places of sources and of targets), and failed:"
                    f" {error}; write it for arrays: `&` and `|` for `and` and `or`, np.abs, np.where;"
                    " for example lambda i, j: (i != j) & (np.abs(i - j) < 5)"
                ) from error
            kept.append(_chosen(self, ask, i, j, answer))
        return _joined(kept)

    def __repr__(self) -> str:
        return f"condition({getattr(self.function, '__name__', type(self.function).__name__)})"


@dataclass(frozen=True, slots=True, repr=False)
class Distance(Rule):
    """See `distance`."""

    kernel: str | DistanceFunction
    length: float | None
    p_max: float
    radius: float | None
    wrap: tuple[float, ...] | None

    def probability(self, apart: np.ndarray) -> np.ndarray:
        """Probability of a synapse between neurons that far apart."""
        if self.length is None:
            found = self.kernel(apart)  # type: ignore[operator]
            return self.p_max * _probabilities(self, found, apart.shape)
        scaled = apart / self.length
        return np.asarray(self.p_max * np.exp(-0.5 * scaled * scaled if self.kernel == "gaussian" else -scaled))

    def _edges(self, ask: _Request) -> Edges:
        pre_at = self._positions("pre", ask.pre_positions, ask.n_pre)
        post_at = self._positions("post", ask.post_positions, ask.n_post)
        if pre_at.shape[1] != post_at.shape[1]:
            raise WiringError(
                f"{self!r}: positions of sources have {pre_at.shape[1]} columns, those of targets {post_at.shape[1]};"
                " both need 2 (x, y) or both 3 (x, y, z)"
            )
        dimensions = pre_at.shape[1]
        wrap = np.zeros(dimensions)
        if self.wrap is not None:
            if len(self.wrap) not in (1, dimensions):
                raise WiringError(
                    f"{self!r}: wrap needs one size, or one for each of {dimensions} axes (0 where the axis has ends);"
                    f" for example wrap={(1.0,) * dimensions}"
                )
            wrap[:] = self.wrap
        kept = []
        if self.radius is None or ask.n_pre == 0 or ask.n_post == 0:
            for i, j in _blocks(ask.n_pre, ask.n_post):
                kept.append(_chosen(self, ask, i, j, self.probability(_apart(pre_at, post_at, i, j, wrap))))
            return _joined(kept)
        for i, j in _near(pre_at, post_at, self.radius, wrap):
            apart = _apart(pre_at, post_at, i, j, wrap)
            close = apart <= self.radius
            kept.append(_chosen(self, ask, i[close], j[close], self.probability(apart[close])))
        edges = _joined(kept)
        return Edges(*_sorted_pairs(edges.pre, edges.post, ask.n_pre, ask.n_post))

    def _positions(self, side: str, given: np.ndarray | None, n: int) -> np.ndarray:
        if given is None:
            raise WiringError(
                f"{self!r}: {side} has no positions; give the population an array of shape [{n}, 2] or [{n}, 3],"
                f" for example positions=np.random.default_rng(1).random(({n}, 2))"
            )
        positions = np.ascontiguousarray(given, np.float64)
        if positions.ndim != 2 or positions.shape[0] != n or positions.shape[1] not in (2, 3):
            raise WiringError(
                f"{self!r}: {side} positions need shape [{n}, 2] or [{n}, 3], got {list(positions.shape)}"
            )
        if not np.isfinite(positions).all():
            row = int(np.flatnonzero(~np.isfinite(positions).all(axis=1))[0])
            raise WiringError(f"{self!r}: {side} positions must be finite, got {positions[row]} for neuron {row}")
        return positions

    def __repr__(self) -> str:
        if self.length is None:
            said = [getattr(self.kernel, "__name__", type(self.kernel).__name__)]
        else:
            said = [f'"{self.kernel}"', f"length={_short_number(self.length)}"]
        said += [f"p_max={_short_number(self.p_max)}"] if self.p_max != 1.0 else []
        said += [f"radius={_short_number(self.radius)}"] if self.radius is not None else []
        said += [f"wrap={self.wrap[0] if len(self.wrap) == 1 else self.wrap}"] if self.wrap is not None else []
        return f"distance({', '.join(said)})"


# ----------------------------------------------------------------------------------------------------------- as listed


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class FromEdges(Rule):
    """See `from_edges`."""

    pre: np.ndarray
    post: np.ndarray
    weight: np.ndarray | None = None
    delay: np.ndarray | None = None
    shape: tuple[int, int] | None = None

    def _edges(self, ask: _Request) -> Edges:
        if self.shape is not None and self.shape != (ask.n_pre, ask.n_post):
            raise WiringError(
                f"{self!r}: the matrix has shape {self.shape}, but there are {ask.n_pre} sources (rows) and"
                f" {ask.n_post} targets (columns)"
            )
        for side, places, n in (("pre", self.pre, ask.n_pre), ("post", self.post, ask.n_post)):
            wrong = (places < 0) | (places >= n)
            if wrong.any():
                e = int(np.flatnonzero(wrong)[0])
                raise WiringError(
                    f"{self!r}: {side}[{e}] is {places[e]}, and {int(wrong.sum())} of {places.size} are out of range;"
                    f" allowed: places 0 to {n - 1} within the population (not uids)"
                )
        pre, post = self.pre.astype(np.int32), self.post.astype(np.int32)
        _refuse_autapses(self, ask, pre, post)
        if not ask.parallel:
            again = nth_among_parallels(pre, post) > 0
            if again.any():
                e = int(np.flatnonzero(again)[0])
                raise WiringError(
                    f"{self!r}: {int(again.sum())} of {pre.size} edges repeat the pair of an earlier one, the first is"
                    f" edge {e} ({pre[e]} -> {post[e]}); allow several synapses between two neurons:"
                    " connect(..., parallel=True)"
                )
        return Edges(
            pre,
            post,
            None if self.weight is None else self.weight.copy(),
            None if self.delay is None else self.delay.copy(),
        )

    def __repr__(self) -> str:
        given = [name for name in ("weight", "delay") if getattr(self, name) is not None]
        return f"from_edges({self.pre.size} edges{' with ' + ' and '.join(given) if given else ''})"


# --------------------------------------------------------------------------------------------------- the public names


def one_to_one() -> OneToOne:
    """The i-th source to the i-th target.

    Raises
    ------
    WiringError
        When drawn: sizes differ, or a neuron would be joined to itself without `autapses=True`.

    Examples
    --------
    >>> from neurosim import wiring
    >>> edges = wiring.one_to_one().draw(1, 3, 3, [0, 1, 2], [3, 4, 5], same=False, autapses=False, parallel=False)
    >>> edges.pre.tolist(), edges.post.tolist()
    ([0, 1, 2], [0, 1, 2])
    """
    return OneToOne()


def all_to_all() -> AllToAll:
    """Every source to every target (autapses only with `autapses=True`).

    Examples
    --------
    >>> from neurosim import wiring
    >>> uid = range(4)
    >>> len(wiring.all_to_all().draw(1, 4, 4, uid, uid, same=True, autapses=False, parallel=False))
    12
    """
    return AllToAll()


def random(p: float) -> Random:
    """Each pair independently with probability `p` (Erdős-Rényi).

    Each target gets Binomial(n, p) sources.  `parallel=True` changes nothing: one synapse a pair at most.

    Parameters
    ----------
    p : float
        Probability of a synapse, in [0, 1].

    Raises
    ------
    ParameterError
        `p` outside [0, 1].

    Notes
    -----
    Cost is that of the edges, not of the pairs: the gap to the next source is geometric, floor(log(u) / log(1 - p)).

    References
    ----------
    Batagelj & Brandes (2005), Phys. Rev. E 71:036113.

    Examples
    --------
    >>> from neurosim import wiring
    >>> uid = range(100)
    >>> edges = wiring.random(0.1).draw(7, 100, 100, uid, uid, same=True, autapses=False, parallel=False)
    >>> 800 < len(edges) < 1200  # 9,900 pairs
    True
    """
    return Random(check_probability("random.p", p))


def fixed_indegree(k: int) -> FixedIndegree:
    """Exactly `k` sources for each target: different ones, or drawn with replacement if `parallel=True` (as in NEST).

    Parameters
    ----------
    k : int
        Synapses onto each target.

    Raises
    ------
    ParameterError
        `k` negative or not whole.
    WiringError
        When drawn: fewer than `k` sources and not `parallel=True`.

    Examples
    --------
    >>> import numpy as np
    >>> from neurosim import wiring
    >>> uid = range(50)
    >>> edges = wiring.fixed_indegree(5).draw(7, 50, 50, uid, uid, same=True, autapses=False, parallel=False)
    >>> bool((np.bincount(edges.post) == 5).all())
    True
    """
    return FixedIndegree(check_count("fixed_indegree.k", k))


def fixed_outdegree(k: int) -> FixedOutdegree:
    """Exactly `k` targets for each source: different ones, or drawn with replacement if `parallel=True` (as in NEST).

    Parameters
    ----------
    k : int
        Synapses from each source.

    Raises
    ------
    ParameterError
        `k` negative or not whole.
    WiringError
        When drawn: fewer than `k` targets and not `parallel=True`.

    Examples
    --------
    >>> import numpy as np
    >>> from neurosim import wiring
    >>> edges = wiring.fixed_outdegree(3).draw(7, 4, 9, range(4), range(4, 13), False, autapses=False, parallel=False)
    >>> np.bincount(edges.pre).tolist()
    [3, 3, 3, 3]
    """
    return FixedOutdegree(check_count("fixed_outdegree.k", k))


def fixed_total(n: int) -> FixedTotal:
    """Exactly `n` synapses, each on a pair drawn uniformly: different pairs, or with replacement if `parallel=True`.

    Parameters
    ----------
    n : int
        Synapses in all.

    Raises
    ------
    ParameterError
        `n` negative or not whole.
    WiringError
        When drawn: fewer than `n` pairs and not `parallel=True`.

    Examples
    --------
    >>> from neurosim import wiring
    >>> edges = wiring.fixed_total(20).draw(7, 10, 5, range(10), range(10, 15), False, autapses=False, parallel=False)
    >>> len(edges), len(set(zip(edges.pre.tolist(), edges.post.tolist())))
    (20, 20)
    """
    return FixedTotal(check_count("fixed_total.n", n))


def small_world(k: int, p: float) -> SmallWorld:
    """Directed Watts-Strogatz ring: to each neuron project its `k` nearest, each replaced with probability `p`.

    Parameters
    ----------
    k : int
        Sources of each neuron, even: k/2 on each side of the ring.  In-degrees stay exactly `k`.
    p : float
        Probability that a source gives way to one drawn uniformly from all others, in [0, 1].

    Raises
    ------
    ParameterError
        `k` odd, or `p` outside [0, 1].
    WiringError
        When drawn: sources and targets are not one population, or `k` exceeds its other neurons.

    Notes
    -----
    The ring is the order of the population: neuron j listens to j ± 1, ..., j ± k/2 (mod n).  Its clustering is
    C(0) = 3 (k - 2) / (4 (k - 1)), and C(p) ≈ C(0) (1 - p)³ (Barrat & Weigt 2000).  A replaced source is drawn from all
    neurons that do not project to the target yet (with `parallel=True`, from all).  At p = 1 the rule is
    `fixed_indegree(k)`.

    References
    ----------
    Watts & Strogatz (1998), Nature 393:440.  Barrat & Weigt (2000), Eur. Phys. J. B 13:547.

    Examples
    --------
    >>> from neurosim import wiring
    >>> uid = range(10)
    >>> edges = wiring.small_world(2, 0.0).draw(7, 10, 10, uid, uid, same=True, autapses=False, parallel=False)
    >>> sorted(edges.pre[edges.post == 0].tolist())
    [1, 9]
    """
    k = check_count("small_world.k", k)
    if k % 2:
        raise ParameterError(
            f"small_world.k: must be even, k/2 on each side of the ring, got {k}; write small_world({k + 1}, {p})"
        )
    return SmallWorld(k, check_probability("small_world.p", p))


def distance(
    kernel: str | DistanceFunction,
    length: float | None = None,
    *,
    p_max: float = 1.0,
    radius: float | None = None,
    wrap: float | Sequence[float] | None = None,
) -> Distance:
    """Each pair with a probability that depends on the distance d between the two neurons.

    Parameters
    ----------
    kernel : {"gaussian", "exponential"} or function
        "gaussian": p_max exp(-d² / (2 length²)); "exponential": p_max exp(-d / length); or p_max times a function
        that takes an array of distances and returns as many probabilities.
    length : float
        Length constant of a named kernel, in the unit of the positions.
    p_max : float
        Probability at distance 0, in [0, 1].
    radius : float, optional
        No synapse beyond this distance, in the unit of the positions.  Cost is then that of the pairs within the
        radius; without it every pair is looked at, in blocks: 100,000 neurons want a radius.
    wrap : float or sequence, optional
        Size of a box whose opposite sides meet (one size, or one for each axis, 0 for an axis with ends).

    Raises
    ------
    ParameterError
        Unknown kernel, no length, `p_max` outside [0, 1], or a function whose values are not probabilities.
    WiringError
        When drawn: a population without positions.

    Examples
    --------
    >>> import numpy as np
    >>> from neurosim import wiring
    >>> x = np.stack([np.arange(5.0), np.zeros(5)], axis=1)  # on a line, 1 mm apart
    >>> rule = wiring.distance(lambda d: d < 1.5)
    >>> edges = rule.draw(1, 5, 5, range(5), range(5), True, False, False, x, x)
    >>> edges.pre[edges.post == 2].tolist()
    [1, 3]
    """
    if isinstance(kernel, str):
        if kernel not in ("gaussian", "exponential"):
            raise ParameterError(
                f'distance.kernel: must be "gaussian", "exponential" or a function of an array of distances,'
                f" got {kernel!r}.{did_you_mean(kernel, ['gaussian', 'exponential'])}"
            )
        if length is None:
            raise ParameterError(
                f'distance.length: needed by "{kernel}", in the unit of positions; distance("{kernel}", 0.2)'
            )
        length = check_positive("distance.length", length)
    elif not callable(kernel):
        raise ParameterError(
            f'distance.kernel: must be "gaussian", "exponential" or a function of an array of distances, got {kernel!r}'
        )
    elif length is not None:
        raise ParameterError(f"distance.length: belongs to the named kernels; a function has its own, got {length!r}")
    sizes: tuple[float, ...] | None = None
    if wrap is not None:
        each = [wrap] if np.ndim(wrap) == 0 else list(wrap)  # type: ignore[arg-type]
        sizes = tuple(check_not_negative("distance.wrap", size) for size in each)
    return Distance(
        kernel,
        length,
        check_probability("distance.p_max", p_max),
        None if radius is None else check_positive("distance.radius", radius),
        sizes,
    )


def condition(function: PairFunction) -> Condition:
    """Each pair for which a function of (source, target) is true; or with the probability that it returns.

    `connect` takes the bare function too: `net.connect(a, b, lambda i, j: i == 2 * j)`.

    Parameters
    ----------
    function : callable
        Called with two equally long int64 arrays, places of sources `i` and of targets `j`, for some 1,000,000 pairs
        at a time; returns as many bools or probabilities (or one for all).  Pairs of a neuron with itself are left out
        unless `autapses=True`.

    Raises
    ------
    WiringError
        Not a function, or when drawn: it fails with arrays.
    ParameterError
        When drawn: what it returns is no probability.

    Examples
    --------
    >>> from neurosim import wiring
    >>> near = wiring.condition(lambda i, j: abs(i - j) <= 1)
    >>> edges = near.draw(1, 5, 5, range(5), range(5), same=True, autapses=False, parallel=False)
    >>> edges.pre[edges.post == 2].tolist()
    [1, 3]
    """
    if not callable(function):
        raise WiringError(
            f"condition(function): must be a function, got {function!r}; for example condition(lambda i, j: i < j)"
        )
    return Condition(function)


def from_edges(edges: object, nodes: Iterable[Hashable] | None = None) -> FromEdges:
    """Exactly the edges given, in the order given.

    Parameters
    ----------
    edges : tuple of arrays, integer array [n, 2], scipy sparse matrix, networkx graph or pandas DataFrame
        - `(pre, post)`, `(pre, post, weight)` or `(pre, post, weight, delay)`, arrays of equal length; `None` for a
          weight left to `connect`;
        - an integer array with a row (pre, post) for each edge, or a list of such pairs;
        - a sparse matrix: row = source, column = target, stored value = weight (none if it is bool; stored zeros
          count, doubles in COO are parallel synapses);
        - a `networkx` `DiGraph` or `MultiDiGraph`, edge attributes `weight` and `delay` if all edges have them;
        - a DataFrame with columns `pre`, `post` and, if there, `weight` and `delay`; other columns are not used.
        Places within the populations (0, 1, ...), not uids.  Delays in ms.
    nodes : sequence, optional
        Labels in the order of the population, where `edges` names neurons by label instead of by place.

    Raises
    ------
    WiringError
        Here: unknown form, unknown label, lengths that differ, weights that are not numbers, delays that are not
        positive.  When drawn: places out of range, autapses without `autapses=True`, repeated pairs without
        `parallel=True`.  Nothing is dropped.

    Examples
    --------
    >>> from neurosim import wiring
    >>> rule = wiring.from_edges(([0, 1], [1, 2], [0.5, 0.7]))
    >>> rule
    from_edges(2 edges with weight)
    >>> import networkx
    >>> graph = networkx.DiGraph([("AVAL", "DA1"), ("AVAR", "DA1")])
    >>> wiring.from_edges(graph, nodes=["AVAL", "AVAR", "DA1"]).pre.tolist()
    [0, 1]
    """
    place = None
    if nodes is not None:
        labels = list(nodes)
        place = {label: number for number, label in enumerate(labels)}
        if len(place) != len(labels):
            twice = next(label for number, label in enumerate(labels) if place[label] != number)
            raise WiringError(f"from_edges(nodes): each label once, but {twice!r} comes more than once")
    shape = None
    weight = delay = None
    if hasattr(edges, "is_directed") and hasattr(edges, "edges"):
        pre, post, weight, delay = _graph_columns(edges)
    elif hasattr(edges, "iloc") and hasattr(edges, "columns"):
        pre, post, weight, delay = _frame_columns(edges)
    elif hasattr(edges, "tocoo"):
        matrix = edges.tocoo()
        shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        pre, post, weight = matrix.row, matrix.col, None if matrix.dtype == bool else matrix.data
    elif isinstance(edges, tuple) and 2 <= len(edges) <= 4:
        pre, post, weight, delay = (*edges, None, None)[:4]
    elif isinstance(edges, list | np.ndarray):
        pre, post = _pair_columns(edges, labelled=place is not None)
    else:
        raise WiringError(f"from_edges: cannot read edges from {_short(edges)}; allowed: {_FORMS}")
    pre, post = _places_of("pre", pre, place), _places_of("post", post, place)
    if pre.size != post.size:
        raise WiringError(f"from_edges: pre has {pre.size} entries and post {post.size}; they must be equally many")
    return FromEdges(pre, post, _edge_values("weight", weight, pre.size), _edge_values("delay", delay, pre.size), shape)


def as_rule(given: object) -> Rule:
    """The rule meant by what was given to `connect`.

    Parameters
    ----------
    given : rule, function of (i, j), or edges in any form that `from_edges` reads

    Raises
    ------
    WiringError
        It is none of these; the message names what is.

    Examples
    --------
    >>> from neurosim import wiring
    >>> wiring.as_rule([(0, 1), (1, 2)])
    from_edges(2 edges)
    """
    if isinstance(given, Rule):
        return given
    for make, example in _EXAMPLES.items():
        if given is make:
            raise WiringError(f"connect(rule): {make.__name__} must be called: write {example}")
    if isinstance(given, str):
        named = {make.__name__: example for make, example in _EXAMPLES.items()}
        close = difflib.get_close_matches(given, named, n=1, cutoff=0.5)
        guess = f" did you mean {named[close[0]]}?" if close else ""
        raise WiringError(f"connect(rule): text does not name a rule, got {given!r};{guess} allowed: {_ALLOWED}")
    if isinstance(given, bool | int | float | np.number):
        likely = f"random({given})" if 0 <= given <= 1 else f"fixed_indegree({given})"
        raise WiringError(
            f"connect(rule): a number is not a rule, got {given!r}; did you mean {likely}? Allowed: {_ALLOWED}"
        )
    if isinstance(given, type):
        raise WiringError(f"connect(rule): a class is not a rule, got {given.__name__}; allowed: {_ALLOWED}")
    if _is_edges(given):
        return from_edges(given)
    if callable(given):
        return Condition(given)
    raise WiringError(f"connect(rule): cannot use {_short(given)}; allowed: {_ALLOWED}")


def nth_among_parallels(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """For each edge, how many edges before it join the same pair: 0 for the first, 1 for the second, ...

    Parameters
    ----------
    pre, post : int[n]
        Source and target of each edge (places or uids), in any order; fastest if one of them ascends.

    Returns
    -------
    int32[n]

    Examples
    --------
    >>> from neurosim import wiring
    >>> wiring.nth_among_parallels([0, 1, 0, 0], [5, 5, 5, 6]).tolist()
    [0, 0, 1, 0]
    """
    pre, post = np.asarray(pre), np.asarray(post)
    if pre.size == 0:
        return np.empty(0, np.int32)
    from neurosim.kernels.wiring import number_parallels

    group, member, order = post, pre, None
    if not _ascends(post):
        if _ascends(pre):
            group, member = pre, post
        else:
            order = np.argsort(post, kind="stable")
            group, member = post[order], pre[order]
    if int(member.max()) > 4 * member.size + 1_000_000 or int(member.min()) < 0:
        member = np.unique(member, return_inverse=True)[1]
    most = int(member.max()) + 1
    nth = np.empty(member.size, np.int32)
    number_parallels(
        np.require(group, np.int64, ("C", "W")),
        np.require(member, np.int64, ("C", "W")),
        np.full(most, np.iinfo(np.int64).min, np.int64),
        np.zeros(most, np.int32),
        nth,
    )
    if order is None:
        return nth
    back = np.empty_like(nth)
    back[order] = nth
    return back


# ------------------------------------------------------------------------------------------------------- what they use

_EXAMPLES: dict[Callable[..., Rule], str] = {
    one_to_one: "one_to_one()",
    all_to_all: "all_to_all()",
    random: "random(0.1)",
    fixed_indegree: "fixed_indegree(100)",
    fixed_outdegree: "fixed_outdegree(100)",
    fixed_total: "fixed_total(1000)",
    small_world: "small_world(10, 0.1)",
    distance: 'distance("gaussian", 0.2)',
    condition: "condition(lambda i, j: i < j)",
    from_edges: "from_edges((pre, post))",
}
_FORMS = (
    "a tuple of arrays (pre, post[, weight[, delay]]), an integer array [n, 2], a scipy sparse matrix,"
    " a networkx DiGraph, a pandas DataFrame with columns pre and post"
)
_ALLOWED = f"{', '.join(_EXAMPLES.values())}, a function of (i, j), {_FORMS}"


def _is_edges(given: object) -> bool:
    """Whether `from_edges` is the one to read or refuse it."""
    forms = (("is_directed", "edges"), ("iloc", "columns"), ("tocoo", "shape"))
    return isinstance(given, tuple | list | np.ndarray) or any(
        hasattr(given, a) and hasattr(given, b) for a, b in forms
    )


def _short_number(value: float) -> str:
    return f"{value:.12g}"


def _short(given: object) -> str:
    """A value for an error text, on one short line."""
    if isinstance(given, np.ndarray):
        return f"an array of shape {given.shape} and dtype {given.dtype}"
    text = " ".join(repr(given).split())
    return f"{type(given).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def _no_edges() -> Edges:
    return Edges(np.empty(0, np.int32), np.empty(0, np.int32))


def _room(mean: float, deviations: float) -> int:
    """Room for a Poisson number, but for some deviations above its mean."""
    return int(mean + deviations * math.sqrt(mean)) + 2


def _places(uid: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Place of each wanted uid in `uid`, -1 where it is not."""
    if np.array_equal(uid, wanted):
        return np.arange(uid.size)
    if uid.size == 0:
        return np.full(wanted.size, -1, np.int64)
    order = np.argsort(uid, kind="stable")
    found = order[np.minimum(np.searchsorted(uid[order], wanted), uid.size - 1)]
    return np.where(uid[found] == wanted, found, -1)


def _refuse_autapses(rule: Rule, ask: _Request, pre: np.ndarray, post: np.ndarray) -> None:
    selves = ~ask.without_own(pre, post)
    if selves.any():
        e = int(np.flatnonzero(selves)[0])
        raise WiringError(
            f"{rule!r}: {int(selves.sum())} of {pre.size} edges join a neuron to itself, the first is edge {e}"
            f" ({pre[e]} -> {post[e]}); allow them: connect(..., autapses=True)"
        )


def _check_available(
    rule: FixedIndegree | FixedOutdegree, k: int, n: int, own: np.ndarray, parallel: bool, each: str, partners: str
) -> None:
    """Refuse a degree that cannot be reached."""
    if own.size == 0:
        return
    selves = bool((own >= 0).any())
    available = n - selves
    if k > available and (available == 0 or not parallel):
        name = repr(rule).partition("(")[0]
        different = "" if available == 0 else "different "
        more = "" if available == 0 else "; or draw with replacement: connect(..., parallel=True)"
        raise WiringError(
            f"{name}(k={k}): each {each} needs {k} {different}{partners}, but there are only"
            f" {available}{' besides itself' if selves else ''}; allowed: {name}({available}) at most{more}"
        )


def _draw_degree(k: int, n: int, uid: np.ndarray, own: np.ndarray, ask: _Request) -> tuple[np.ndarray, np.ndarray]:
    """k partners out of n for each uid: (who, partner), ascending in who."""
    partner, who = np.empty(k * uid.size, np.int32), np.empty(k * uid.size, np.int32)
    if partner.size:
        from neurosim.kernels.wiring import draw_distinct, draw_repeated

        if ask.parallel:
            draw_repeated(k, n, uid, own, ask.key, partner, who)
        else:
            draw_distinct(k, n, uid, own, ask.key, np.zeros(n, np.int32), partner, who)
    return who, partner


def _sorted_by(value: np.ndarray, other: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Both columns, stably sorted by the first, whose values lie in [0, n)."""
    from neurosim.kernels.wiring import sort_by

    value_out, other_out = np.empty_like(value), np.empty_like(other)
    sort_by(value, other, np.zeros(n + 1, np.int64), value_out, other_out)
    return value_out, other_out


def _sorted_pairs(pre: np.ndarray, post: np.ndarray, n_pre: int, n_post: int) -> tuple[np.ndarray, np.ndarray]:
    """(pre, post), ascending in post, then pre."""
    pre, post = _sorted_by(pre, post, n_pre)
    post, pre = _sorted_by(post, pre, n_post)
    return pre, post


def _ascends(values: np.ndarray) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _blocks(n_pre: int, n_post: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of places, some targets at a time, ascending in target and source."""
    if n_pre == 0:
        return
    targets = max(1, _BLOCK // n_pre)
    for first in range(0, n_post, targets):
        some = np.arange(first, min(first + targets, n_post))
        yield np.tile(np.arange(n_pre), some.size), np.repeat(some, n_pre)


def _near(
    pre_at: np.ndarray, post_at: np.ndarray, radius: float, wrap: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of places that are within the radius (and perhaps a rounding error more), some targets at a time."""
    from scipy.spatial import cKDTree

    box = wrap if wrap.any() else None
    sources = cKDTree(_folded(pre_at, wrap), boxsize=box)
    targets_at = _folded(post_at, wrap)
    reach = radius * (1.0 + 1e-9)
    first, targets = 0, 256
    while first < len(targets_at):
        last = min(first + targets, len(targets_at))
        found = cKDTree(targets_at[first:last], boxsize=box).sparse_distance_matrix(
            sources, reach, output_type="ndarray"
        )
        yield found["j"].astype(np.int64), found["i"].astype(np.int64) + first
        targets = max(1, min(_BLOCK * (last - first) // max(found.size, 1), 4 * targets))
        first = last


def _folded(at: np.ndarray, wrap: np.ndarray) -> np.ndarray:
    """Positions brought into the box along the axes that wrap."""
    folded = at.copy()
    for axis in np.flatnonzero(wrap):
        column = np.mod(at[:, axis], wrap[axis])
        folded[:, axis] = np.where(column >= wrap[axis], 0.0, column)
    return folded


def _apart(pre_at: np.ndarray, post_at: np.ndarray, i: np.ndarray, j: np.ndarray, wrap: np.ndarray) -> np.ndarray:
    """Distance of each pair, the shortest way round along axes that wrap."""
    squared = np.zeros(i.size)
    for axis in range(pre_at.shape[1]):
        step = post_at[j, axis] - pre_at[i, axis]
        if wrap[axis]:
            step -= wrap[axis] * np.rint(step / wrap[axis])
        squared += step * step
    return np.sqrt(squared)


def _probabilities(rule: Rule, answer: object, shape: tuple[int, ...]) -> np.ndarray:
    """What a user's function returned, as float64 probabilities."""
    found = np.asarray(answer)
    if found.shape not in ((), shape) or found.dtype.kind not in "biuf":
        raise ParameterError(
            f"{rule!r}: must return one number, or one for each of {shape[0]} pairs, got {_short(answer)}"
        )
    found = np.broadcast_to(found, shape).astype(np.float64)
    wrong = ~((found >= 0.0) & (found <= 1.0))
    if wrong.any():
        raise ParameterError(
            f"{rule!r}: a probability must lie in [0, 1], got {found[wrong][0]:g}"
            f" ({int(wrong.sum())} of {found.size} pairs are outside); for example return np.clip(p, 0, 1)"
        )
    return found


def _chosen(rule: Rule, ask: _Request, i: np.ndarray, j: np.ndarray, answer: object) -> tuple[np.ndarray, np.ndarray]:
    """The pairs that are joined: as the bool says, or with the probability."""
    found = np.asarray(answer)
    if found.dtype == bool and found.shape in ((), i.shape):
        keep = np.broadcast_to(found, i.shape)
        pre, post = i[keep], j[keep]
    else:
        from neurosim.kernels.wiring import accept

        chance = _probabilities(rule, answer, i.shape)
        maybe = chance > 0.0
        pre, post, chance = i[maybe], j[maybe], chance[maybe]
        drawn = np.empty(pre.size, bool)
        accept(chance, ask.pre_uid[pre], ask.post_uid[post], ask.key, drawn)
        pre, post = pre[drawn], post[drawn]
    allowed = ask.without_own(pre, post)
    return pre[allowed].astype(np.int32), post[allowed].astype(np.int32)


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> Edges:
    if not parts:
        return _no_edges()
    return Edges(np.concatenate([pre for pre, _ in parts]), np.concatenate([post for _, post in parts]))


def _places_of(side: str, labels: object, place: dict[Hashable, int] | None) -> np.ndarray:
    """int64 places, from places or labels."""
    if place is not None:
        given = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)  # type: ignore[call-overload]
        unknown = next((label for label in given if label not in place), None)
        if unknown is not None:
            guess = did_you_mean(str(unknown), map(str, place))
            raise WiringError(f"from_edges: {side} {unknown!r} is not among the {len(place)} nodes.{guess}")
        return np.fromiter((place[label] for label in given), np.int64, len(given))
    array = np.asarray(labels)
    if array.ndim != 1:
        raise WiringError(f"from_edges: {side} must have one axis, got shape {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise WiringError(
            f"from_edges: {side} must hold whole numbers (places 0, 1, ... within the population), got"
            f" {array[0].item()!r}; where neurons have labels, give the order of labels: from_edges(edges, nodes=[...])"
        )
    return array.astype(np.int64)


def _edge_values(name: str, values: object, n: int) -> np.ndarray | None:
    """Weights or delays (ms): float64, finite, one for each edge (a single number counts for all)."""
    if values is None:
        return None
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError):
        raise WiringError(f"from_edges: {name} must hold numbers, got {_short(values)}") from None
    if array.ndim == 0:
        array = np.full(n, float(array))
    if array.shape != (n,):
        raise WiringError(f"from_edges: {name} needs one number for each of {n} edges, got shape {array.shape}")
    wrong = ~np.isfinite(array)
    must = "be finite numbers"
    if name == "delay" and not wrong.any():
        wrong, must = array <= 0.0, "be positive (ms)"
    if wrong.any():
        e = int(np.flatnonzero(wrong)[0])
        raise WiringError(
            f"from_edges: {name} must {must}, got {array[e]} at edge {e} ({int(wrong.sum())} of {n} are wrong)"
        )
    return array


def _pair_columns(edges: list[object] | np.ndarray, labelled: bool) -> tuple[object, object]:
    """Columns of an array [n, 2] or of a list of pairs."""
    if len(edges) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if labelled and isinstance(edges, list):
        if any(not isinstance(edge, tuple | list) or len(edge) != 2 for edge in edges):
            raise WiringError(f"from_edges: a list must hold pairs (pre, post), got {_short(edges)}; allowed: {_FORMS}")
        return [edge[0] for edge in edges], [edge[1] for edge in edges]  # type: ignore[index]
    try:
        array = np.asarray(edges)
    except ValueError:
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2 or (array.dtype.kind not in "iu" and not labelled):
        square = array.ndim == 2 and array.shape[0] == array.shape[1]
        hint = "; for a matrix of weights: from_edges(scipy.sparse.coo_array(matrix))" if square else ""
        if array.ndim == 2 and array.shape[1] in (3, 4) and not square:
            hint = f"; for weights give columns: from_edges(({', '.join(f'e[:, {c}]' for c in range(array.shape[1]))}))"
            hint = hint.replace("e[:, 0], e[:, 1]", "e[:, 0].astype(int), e[:, 1].astype(int)")
        raise WiringError(f"from_edges: cannot read edges from {_short(array)}{hint}; allowed: {_FORMS}")
    return array[:, 0], array[:, 1]


def _graph_columns(graph: object) -> tuple[object, object, object, object]:
    """Columns of a networkx graph; weight and delay if the edges have them."""
    if not graph.is_directed():  # type: ignore[attr-defined]
        raise WiringError(
            "from_edges: a networkx Graph has no directions; for synapses both ways write"
            " from_edges(graph.to_directed())"
        )
    listed = list(graph.edges(data=True))  # type: ignore[attr-defined]
    pre, post = [edge[0] for edge in listed], [edge[1] for edge in listed]
    found: list[object] = []
    for name in ("weight", "delay"):
        having = [name in attributes for _, _, attributes in listed]
        if any(having) and not all(having):
            u, v, _ = listed[having.index(False)]
            raise WiringError(
                f"from_edges: {having.count(False)} of {len(listed)} edges have no {name}, the first is {u!r} -> {v!r};"
                f" give it to all, or to none"
            )
        found.append([attributes[name] for _, _, attributes in listed] if listed and all(having) else None)
    return pre, post, found[0], found[1]


def _frame_columns(frame: object) -> tuple[object, object, object, object]:
    """Columns of a pandas DataFrame."""
    names = [str(name) for name in frame.columns]  # type: ignore[attr-defined]
    for wanted in ("pre", "post"):
        if wanted not in names:
            renamed = {"source": "pre", "target": "post"}
            hint = '; frame.rename(columns={"source": "pre", "target": "post"})' if renamed.keys() <= set(names) else ""
            raise WiringError(f"from_edges: the DataFrame has no column {wanted!r}, only {', '.join(names)}{hint}")
    for name in names:
        meant = difflib.get_close_matches(name.lower(), ["weight", "delay"], n=1, cutoff=0.8)
        if meant and meant[0] not in names:
            raise WiringError(
                f"from_edges: DataFrame column {name!r} has no meaning; did you mean {meant[0]!r}?"
                f' frame.rename(columns={{"{name}": "{meant[0]}"}})'
            )

    def column(name: str) -> object:
        return frame[name].to_numpy() if name in names else None  # type: ignore[index]

    return column("pre"), column("post"), column("weight"), column("delay")
