"""The rules themselves: frozen descriptions that draw edges from keys, uids and positions."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from neurosim.errors import ParameterError, WiringError
from neurosim.wiring.listed import short
from neurosim.wiring.parallels import nth_among_parallels
from neurosim.wiring.space import BLOCK, apart_of, near

PairFunction = Callable[[np.ndarray, np.ndarray], np.ndarray | float | bool]


DistanceFunction = Callable[[np.ndarray], np.ndarray | float]


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
            del table  # before the sort needs room
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
                kept.append(_chosen(self, ask, i, j, self.probability(apart_of(pre_at, post_at, i, j, wrap))))
            return _joined(kept)
        for i, j in near(pre_at, post_at, self.radius, wrap):
            apart = apart_of(pre_at, post_at, i, j, wrap)
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


def _short_number(value: float) -> str:
    return f"{value:.12g}"


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
    """(pre, post), ascending in post, then pre; the arrays given are overwritten and returned."""
    from neurosim.kernels.wiring import sort_by

    by_pre, then_post = np.empty_like(pre), np.empty_like(post)
    sort_by(pre, post, np.zeros(n_pre + 1, np.int64), by_pre, then_post)
    sort_by(then_post, by_pre, np.zeros(n_post + 1, np.int64), post, pre)
    return pre, post


def _blocks(n_pre: int, n_post: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """All pairs of places, some targets at a time, ascending in target and source."""
    if n_pre == 0:
        return
    targets = max(1, BLOCK // n_pre)
    for first in range(0, n_post, targets):
        some = np.arange(first, min(first + targets, n_post))
        yield np.tile(np.arange(n_pre), some.size), np.repeat(some, n_pre)


def _probabilities(rule: Rule, answer: object, shape: tuple[int, ...]) -> np.ndarray:
    """What a user's function returned, as float64 probabilities."""
    found = np.asarray(answer)
    if found.shape not in ((), shape) or found.dtype.kind not in "biuf":
        raise ParameterError(
            f"{rule!r}: must return one number, or one for each of {shape[0]} pairs, got {short(answer)}"
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
