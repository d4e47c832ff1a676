"""Potential synapses: the pairs of neurons between which synapses may form, as a table of uids that follows the neurons.

Knows uids and the populations of one projection; no weights, no rule.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from neurosim.checks import check_count, did_you_mean
from neurosim.errors import ParameterError

#: What a user may give: "existing", "all", how many in all, two arrays of uids, or a function of uids that says which.
Pairs = str | int | tuple[np.ndarray, np.ndarray] | Callable[[np.ndarray, np.ndarray], np.ndarray]
WORDS = ("existing", "all")
#: Pairs that a table may hold; above, the user must choose.
MOST_PAIRS = 100_000_000


class PotentialPairs:
    """The pairs of a projection between which synapses may form.

    Parameters
    ----------
    label : str
        How errors name what was given.
    projection : Projection
    given : {"existing", "all"}, int, (pre, post) or function
        "existing": those that have a synapse at the start; "all": every pair of the two populations; a number: so many in
        all, first those that have a synapse, the others drawn uniformly; two arrays of uids: these and those that have a
        synapse; a function f(pre, post) -> bool of two uid arrays of equal length: where it says True.  Autapses only if the
        projection allows them.

    Attributes
    ----------
    pre, post : int64 [pairs]
        Uids, ascending in (pre, post), each pair once.

    Notes
    -----
    Pairs go with their neurons.  With "all" or a function, pairs of neurons that come are added.
    """

    def __init__(self, label: str, projection: Any, given: Pairs) -> None:
        self.label, self.projection = label, projection
        self.given: Pairs = _checked(label, given)
        self.pre = self.post = self.sources = self.targets = np.zeros(0, np.int64)
        self.started = False

    def __len__(self) -> int:
        return int(self.pre.size)

    @property
    def nbytes(self) -> int:
        """Memory of the table."""
        return int(self.pre.nbytes + self.post.nbytes)

    @property
    def grows(self) -> bool:
        """Whether neurons that come bring pairs with them."""
        return callable(self.given) or (isinstance(self.given, str) and self.given == "all")

    def start(self, key: int) -> None:
        """Make the table; `key` is for a number of random pairs."""
        p = self.projection
        self.started = True
        self.pre = self.post = np.zeros(0, np.int64)
        self.sources, self.targets = p.source.uid, p.target.uid
        if self.grows:
            self.add(*self._wanted(self.sources, self.targets))
            return
        edges = p.edges()
        self.add(edges.pre, edges.post)
        if isinstance(self.given, int):
            more = self.given - len(self)
            if more > 0:
                self.add(*p.sample_non_edges(more, key))
        elif not isinstance(self.given, str):
            pre, post = (np.asarray(one, np.int64) for one in self.given)  # type: ignore[union-attr]
            known = np.isin(pre, self.sources) & np.isin(post, self.targets)
            if not known.all():
                k = int(np.flatnonzero(~known)[0])
                raise ParameterError(
                    f"{self.label}: {p.name!r} joins no neurons {pre[k]} -> {post[k]}; give uids of {p.source.name!r} and {p.target.name!r}"
                )
            if not p.autapses and (pre == post).any():
                uid = int(pre[pre == post][0])
                raise ParameterError(
                    f"{self.label}: {uid} -> {uid} is an autapse; leave it out, or connect(..., autapses=True)"
                )
            self.add(pre, post)

    def follow(self) -> np.ndarray | None:
        """Neurons may have come or gone: the old place of each pair (-1 for a new one), or None if nothing has changed."""
        p = self.projection
        sources, targets = p.source.uid, p.target.uid
        if not self.started or not p.alive:
            return None
        if np.array_equal(sources, self.sources) and np.array_equal(targets, self.targets):
            return None
        kept = np.flatnonzero(np.isin(self.pre, sources) & np.isin(self.post, targets))
        self.pre, self.post = self.pre[kept], self.post[kept]
        new_source, new_target = np.setdiff1d(sources, self.sources), np.setdiff1d(targets, self.targets)
        old_source = np.intersect1d(sources, self.sources)
        self.sources, self.targets = sources, targets
        if self.grows and (new_source.size or new_target.size):
            parts = [self._wanted(new_source, targets), self._wanted(old_source, new_target)]
            place = self.add(*(np.concatenate([part[k] for part in parts]) for k in (0, 1)))
            kept = np.where(place >= 0, kept[place], -1)
        return kept

    def add(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Take these pairs in too; return the place before of each pair, -1 for a new one."""
        key, old = _keys(pre, post), _keys(self.pre, self.post)
        whole = np.union1d(key, old)
        place = np.full(whole.size, -1)
        place[np.searchsorted(whole, old)] = np.arange(old.size)
        self.pre, self.post = whole >> 32, whole & 0xFFFFFFFF
        return place

    def find(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Place of each of these pairs in the table, -1 if it is not there."""
        key, table = _keys(pre, post), _keys(self.pre, self.post)
        if not table.size:
            return np.full(key.size, -1)
        place = np.minimum(np.searchsorted(table, key), table.size - 1)
        return np.where(table[place] == key, place, -1)

    def _wanted(self, sources: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pairs between these neurons that are potential."""
        if sources.size * targets.size > MOST_PAIRS:
            raise ParameterError(
                f"{self.label}: {sources.size:,} x {targets.size:,} pairs are too many for a table of at most {MOST_PAIRS:,}; give how many "
                f"(drawn at random), for example {self.label.split('.')[-1]}={10 * targets.size}, or two arrays of uids"
            )
        pre, post = np.repeat(sources, targets.size), np.tile(targets, sources.size)
        fine = np.ones(pre.size, np.bool_) if self.projection.autapses else pre != post
        if callable(self.given):
            said = np.asarray(self.given(pre, post))
            if said.shape != pre.shape or said.dtype != np.bool_:
                raise ParameterError(
                    f"{self.label}: the function must return a bool for each pair, got {said.dtype.name} of shape {said.shape}, needs shape {pre.shape}"
                )
            fine &= said
        return pre[fine], post[fine]

    def describe(self) -> Pairs:
        """What was given, without neurons that are gone: what `save` keeps."""
        if not isinstance(self.given, tuple) or not self.started:
            return self.given
        pre, post = self.given
        alive = np.isin(pre, self.projection.source.uid) & np.isin(post, self.projection.target.uid)
        return pre[alive], post[alive]

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {name: getattr(self, name) for name in ("pre", "post", "sources", "targets")}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        for name in ("pre", "post", "sources", "targets"):
            setattr(self, name, np.array(arrays[name], np.int64))


def _checked(label: str, given: Any) -> Pairs:
    if isinstance(given, str):
        if given not in WORDS:
            raise ParameterError(
                f"{label}: must be 'existing', 'all', a number of pairs, two arrays of uids (pre, post), or a function "
                f"f(pre, post) -> bool, got {given!r}.{did_you_mean(given, WORDS)}"
            )
        return given
    if callable(given):
        return given
    if not hasattr(given, "__len__"):
        return check_count(label, given)
    pair = tuple(np.atleast_1d(np.asarray(one)) for one in given)
    if len(pair) != 2 or pair[0].shape != pair[1].shape or pair[0].ndim != 1:
        raise ParameterError(f"{label}: needs two arrays (pre, post) of equally many uids, got {given!r}")
    if any(one.size and not np.issubdtype(one.dtype, np.integer) for one in pair):
        raise ParameterError(f"{label}: uids are whole numbers, got {given!r}")
    return pair[0].astype(np.int64), pair[1].astype(np.int64)


def _keys(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """One number for each pair, ascending as (pre, post)."""
    return (np.asarray(pre, np.int64) << 32) | np.asarray(post, np.int64)


def check_projection(name: str, projection: Any) -> None:
    """Refuse what is no projection."""
    if not hasattr(projection, "has_edge"):
        raise ParameterError(f"{name}(projection): needs one projection as net.connect gives it, got {projection!r}")


def within_bounds(projection: Any, weight: np.ndarray) -> np.ndarray:
    """Weights that the projection's plasticity, if it has bounds, may hold."""
    rule = projection.plasticity
    if rule is None or not hasattr(rule, "w_min"):
        return weight
    return np.clip(weight, rule.w_min, rule.w_max)


def rates_of(name: str, hazard: float | Callable[[np.ndarray], np.ndarray], weight: np.ndarray) -> np.ndarray:
    """A hazard (1/s), given as a number or as a function of the weights, for each of them; float64 [synapses]."""
    if not callable(hazard):
        return np.full(weight.size, float(hazard))
    rate = np.asarray(hazard(weight), np.float64)
    if rate.shape not in ((), weight.shape):
        raise ParameterError(
            f"{name}: the function must return a rate (1/s) for each weight, got shape {rate.shape}, needs {weight.shape}"
        )
    rate = np.broadcast_to(rate, weight.shape)
    bad = ~(rate >= 0)
    if bad.any():
        raise ParameterError(
            f"{name}: rates must not be negative (1/s), got {rate[bad][0]} for weight {weight[bad][0]:g}"
        )
    return rate
