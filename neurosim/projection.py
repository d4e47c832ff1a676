"""Projections: synapses from one population to another, as a user sees them; and selections of their edges.

A projection holds no synapse itself: they live in a pool of the engine.  Edges are numbered in one order, (pre uid, post
uid, birth), whatever their place in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import ranks, spread, values
from neurosim.checks import check_finite_array, did_you_mean
from neurosim.edges import Edges, Synapse
from neurosim.engine import flight
from neurosim.engine.coded_pool import CodedPool
from neurosim.engine.implicit_pool import ImplicitPool
from neurosim.engine.lazy_pool import LazyPool
from neurosim.engine.pools import Wire
from neurosim.errors import ParameterError, WiringError
from neurosim.history import SYNAPSE_BORN
from neurosim.kernels.queries import add_to_degrees
from neurosim.plasticity.mechanism import as_parts
from neurosim.population import Population, html_card
from neurosim.wiring import nth_among_parallels

if TYPE_CHECKING:
    import networkx
    import pandas
    import scipy.sparse

    from neurosim.network import Network


class Projection:
    """Synapses between two populations; made by `Network.connect`.

    Attributes
    ----------
    name : str
    source, target : Population
    plasticity : rule or None
    autapses, parallel : bool
        Whether a neuron may connect to itself, and a pair more than once; kept by everything that makes synapses.
    axonal_delay : float
        ms; the rest of each synapse's delay is in `delay`.
    """

    def __init__(
        self, network: Network, name: str, source: Population, target: Population, pool: Any, wire: Wire, *,
        plasticity: Any, autapses: bool, parallel: bool, receptor: str | None,
    ) -> None:  # fmt: skip
        self.network, self.name, self.source, self.target = network, name, source, target
        self.plasticity, self.autapses, self.parallel, self.receptor = plasticity, autapses, parallel, receptor
        self.pool, self.wire = pool, wire
        self.default_weight: Any = 1.0
        self.default_delay: Any = 0  # steps, or a distribution (ms) to which `folded` steps are added
        self.folded = 0
        self.alive = True
        self.version = 0  # counts edits; edges selected before one are stale
        self.numbering = 0  # counts the times that the numbers of synapses began anew
        self.births = 0  # calls of insert so far; keys what they draw
        self._asked: tuple[Any, ...] = (None, None, None)  # what `_uids` was made of, and made
        self._counted: tuple[int, list[np.ndarray]] = (-1, [])  # version at which the inputs were counted, and they

    @property
    def procedural(self) -> bool:
        """Whether the synapses are drawn again for every spike instead of stored."""
        return isinstance(self.pool, ImplicitPool)

    @property
    def spread(self) -> bool:
        """Whether the synapses lie on several ranks; procedural ones can be drawn by each."""
        return ranks.SIZE > 1 and not self.procedural

    def _of_all(self, number: Any) -> Any:
        """Sum over ranks of what this one counts."""
        return ranks.total(number) if self.spread else number

    def check_stored(self, what: str) -> None:
        """Refuse `what` where the synapses are not stored."""
        if self.procedural:
            raise WiringError(
                f"{what}: the synapses of {self.name!r} are procedural, drawn again for every spike and not stored, so they cannot be "
                f"changed; connect(..., procedural=False) stores them"
            )

    # ---- reading ----------------------------------------------------------------------------------------------------

    def _check_alive(self) -> None:
        if not self.alive:
            raise WiringError(f"projection {self.name!r} has been removed; make a new one with net.connect(...)")

    def __len__(self) -> int:
        self._check_alive()
        w = self.wire
        if self.procedural:
            return int(self.pool.count(w))
        return int(self._of_all(self.pool.length[w.row0 : w.row0 + w.n_rows].sum(dtype=np.int64)))

    @property
    def axonal_delay(self) -> float:
        return self.wire.axonal * self.network.dt

    @property
    def unit(self) -> str:
        """Unit of the weights: that of the target's receptors, unless the plasticity rule says another."""
        return unit_of_weights(self.target.model, self.plasticity)

    def edges(self) -> Edges:
        """All edges, as they are now."""
        self._check_alive()
        w = self.wire
        row, slot, column, delay, weight = self.pool.edges(w.row0, w.n_rows)
        post = self.network.engine.uid_of_column[column]
        pre = self.network.engine.uid_of_place[w.pre_first + w.source_of(row)]
        owner = None
        if self.spread:
            owner, row, slot, pre, post, weight, delay = spread.of_all_ranks(row, slot, pre, post, weight, delay)
        if pre.size and not _ascending(pre, post):
            order = np.argsort((pre << 32) | post, kind="stable")  # slots ascend already; rows are nearly in order
            row, slot, delay, weight, pre, post = (a[order] for a in (row, slot, delay, weight, pre, post))
            owner = None if owner is None else owner[order]
        return Edges(
            self,
            row.astype(np.int64),
            slot.astype(np.int64),
            pre,
            post,
            np.asarray(weight, np.float64),
            delay.astype(np.int64),
            owner,
        )

    @property
    def pre(self) -> np.ndarray:
        """Uid of the source of each edge, int64 [edges]."""
        return self.edges().pre

    @property
    def post(self) -> np.ndarray:
        """Uid of the target of each edge, int64 [edges]."""
        return self.edges().post

    @property
    def weight(self) -> np.ndarray:
        """Weight of each edge now, float64 [edges]; reading changes nothing.  Settable: number, array, distribution."""
        return self.edges().weight

    @weight.setter
    def weight(self, value: object) -> None:
        self.edges().set_weight(value)

    @property
    def rounding(self) -> str:
        """How static weights of few bits are set, "nearest" or "stochastic"; settable.

        To the nearest value of the grid, and a warning names the error; or to one of the two around the weight, by chance (keyed by
        seed, step and pair of uids), so that the mean of many small updates is kept.  Processes that set weights use it too.
        """
        return self.wire.rounding

    @rounding.setter
    def rounding(self, value: str) -> None:
        self.check_rounding(f"{self.name}.rounding", value)
        self.wire.rounding = value

    def check_rounding(self, label: str, value: str) -> None:
        """Refuse a way of rounding that is not known, or not this projection's."""
        if value not in ("nearest", "stochastic"):
            raise ParameterError(f"{label}: must be 'nearest' or 'stochastic', got {value!r}")
        if not isinstance(self.pool, CodedPool) or self.pool.bits == 0:
            kept = f"{self.pool.store} under a plasticity rule" if self.plasticity is not None else self.pool.store
            raise ParameterError(
                f"{label}: is for static weights of few bits (or float16), and these are {kept}; leave it out"
            )

    def variable(self, name: str) -> np.ndarray:
        """A variable of the plasticity rule, for each edge now; float64 [edges].  Reading changes nothing."""
        self._check_alive()
        w, known = self.wire, self.variables
        if name not in known:
            raise ParameterError(
                f"{self.name}.variable: the plasticity keeps no {name!r} for each synapse; known: {', '.join(known) or 'none'}."
                f"{did_you_mean(name, known)}"
            )
        edges = self.edges()
        rows = np.arange(w.row0, w.row0 + w.n_rows)
        first = np.zeros(self.pool.n_rows, np.int64)
        length = self.pool.length[rows].astype(np.int64)
        first[rows] = np.cumsum(length) - length
        mine = edges.mine
        own = np.asarray(self.pool.read_variable(name, rows)[first[edges.row[mine]] + edges.slot[mine]], np.float64)
        return ranks.fill(edges.owner, own)

    def set_variable(self, name: str, value: ArrayLike) -> None:
        """Set a variable of the plasticity rule for each edge: one number, or one for each."""
        if name not in self.variables:
            self.variable(name)
        edges = self.edges()
        given = check_finite_array(f"{self.name}.set_variable({name!r})", value, len(edges))
        ranks.agree(f"{self.name}.set_variable({name!r})", given)
        given = np.broadcast_to(given, (len(edges),))[edges.mine]
        self.pool.set_variable(name, edges.row[edges.mine], edges.slot[edges.mine], given)

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the numbers that the plasticity keeps for each synapse beside the weight."""
        plan = getattr(self.pool, "plan", None)
        return tuple(name for _, name, _ in plan.variables) if plan is not None else ()

    @property
    def source_variables(self) -> tuple[str, ...]:
        """Names of the numbers that the plasticity keeps for each source neuron, such as u and x of `ShortTerm`."""
        plan = getattr(self.pool, "plan", None)
        return tuple(name for _, name, _ in plan.row) if plan is not None else ()

    def source_variable(self, name: str) -> np.ndarray:
        """A variable of the plasticity rule that the synapses of a source share, for each source now; float64 [sources].

        It is what the next spike would find.  Reading changes nothing.
        """
        self._check_alive()
        known = self.source_variables
        if name not in known:
            raise ParameterError(
                f"{self.name}.source_variable: the plasticity keeps no {name!r} for each source; known: "
                f"{', '.join(known) or 'none'}.{did_you_mean(name, known)}"
            )
        part = self.pool.plan.row[known.index(name)][0]
        kept, elapsed = self.pool.read_row(part, self.wire.row0 + np.arange(self.wire.pre_n))
        rule = as_parts(self.plasticity)[part]
        now = rule.relaxed(elapsed=elapsed, **kept) if hasattr(rule, "relaxed") else kept
        return np.asarray(now[name], np.float64)

    def rest(self, pre: ArrayLike | None = None) -> None:
        """Put the variables that the plasticity keeps for each source to rest; what is on its way arrives as it was sent.

        Parameters
        ----------
        pre : array of int, optional
            Uids of the sources; all by default.
        """
        self._check_alive()
        if not self.source_variables:
            raise ParameterError(
                f"{self.name}.rest: the plasticity keeps nothing for each source; plasticity=ns.ShortTerm(...) would"
            )
        place = np.arange(self.wire.pre_n) if pre is None else self._source_places(pre)
        place = np.unique(place)
        for shard, k in enumerate(self.pool.numbers_of(self.wire)):
            self.pool.rest_rows(k, self.wire.row0 + shard * self.wire.rows + place)

    @property
    def delay(self) -> np.ndarray:
        """Delay of each edge (ms), without the axonal part; settable for static synapses.

        A spike that a shorter delay moves to the next step arrives there even if its synapse is removed before that step.

        A spike on its way then arrives after the new delay, at the earliest in the next step.
        """
        return self.edges().delay

    @delay.setter
    def delay(self, value: object) -> None:
        self.edges().set_delay(value)

    def out_degree(self) -> np.ndarray:
        """Edges of each source neuron, int64 [len(source)]."""
        self._check_alive()
        w = self.wire
        degree = self._of_all(np.asarray(self.pool.degrees_out(w.row0, w.n_rows), np.int64))
        return degree.reshape(w.shards, w.rows).sum(axis=0)[: w.pre_n]

    def in_degree(self) -> np.ndarray:
        """Edges of each target neuron, int64 [len(target)]."""
        self._check_alive()
        return np.asarray(sum(self._inputs()), np.int64)

    def _inputs(self) -> list[np.ndarray]:
        """Edges of each target neuron through each receptor; counted once, then `_edited` keeps them."""
        version, w = self._counted[0], self.wire
        if version != self.version:
            inputs = [np.asarray(self.pool.degrees_in(w.row0, w.n_rows, c, w.post_n), np.int64) for c in w.columns]
            self._counted = self.version, [self._of_all(one) for one in inputs]
        return self._counted[1]

    def has_edge(self, pre: ArrayLike, post: ArrayLike) -> np.ndarray:
        """Whether there is an edge between each pair of uids, bool [pairs]."""
        return np.asarray(self.multiplicity(pre, post) > 0)

    def multiplicity(self, pre: ArrayLike, post: ArrayLike) -> np.ndarray:
        """Number of edges between each pair of uids, int64 [pairs]."""
        self._check_alive()
        return self._multiplicity(*self._places(pre, post))

    def _multiplicity(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """The same of places."""
        if self.spread:
            return spread.multiplicity(self, i, j)
        return np.asarray(
            sum(np.asarray(self.pool.count_in_row(self.wire.row_of(i, j), c + j), np.int64) for c in self.wire.columns),
            np.int64,
        )

    def select(self, which: ArrayLike) -> Edges:
        """Edges by a bool mask or by numbers, in the order of `pre`, `post`, `weight`."""
        return self.edges()[which]

    # ---- questions that rules ask -----------------------------------------------------------------------------------

    def _uids(self) -> tuple[np.ndarray, np.ndarray]:
        """Uid of each row of the pool and of each ring column."""
        own, columns, row0 = self.source._uid, self.network.engine.uid_of_column, self.wire.row0
        made_of, row_uid, column_uid = self._asked
        if (
            made_of is None
            or made_of[0] is not own
            or made_of[1] is not columns
            or made_of[2:] != (row0, self.pool.n_rows)
        ):
            made_of = own, columns, row0, self.pool.n_rows
            row_uid, column_uid = np.zeros(self.pool.n_rows, np.int64), np.maximum(columns, 0)
            for shard in range(self.wire.shards):
                at = row0 + shard * self.wire.rows
                row_uid[at : at + own.size] = own
            self._asked = made_of, row_uid, column_uid
        return row_uid, column_uid

    def _found(self, row: np.ndarray, slot: np.ndarray, asked: np.ndarray | None = None) -> Edges:
        """Edges of these rows and slots; of all ranks together, one asked after the other."""
        w = self.wire
        row, slot = np.asarray(row, np.int64), np.asarray(slot, np.int64)
        place = self.pool.places_of(row, slot)
        packed = self.pool.packed[place]
        column = (packed & self.pool.mask).astype(np.int64)
        delay = (packed >> np.uint32(self.pool.column_bits)).astype(np.int64)
        pre = self.network.engine.uid_of_place[w.pre_first + w.source_of(row)]
        weight = self._weights_now(row, slot) if isinstance(self.pool, LazyPool) else self.pool.weights_of(row, slot)
        weight = np.asarray(weight, np.float64)
        post = self.network.engine.uid_of_column[column]
        if self.spread and asked is not None:
            return spread.edges_found(self, asked, row, slot, pre, post, weight, delay)
        return Edges(self, row, slot, pre, post, weight, delay)

    def _weights_now(self, row: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """Weights of a pool whose rows are brought up to date when they are read."""
        if row.size == 0:
            return np.zeros(0)
        rows, inverse = np.unique(row, return_inverse=True)
        length = self.pool.length[rows].astype(np.int64)
        return np.asarray(self.pool.read_weights(rows)[(np.cumsum(length) - length)[inverse] + slot])

    def sample(self, n: int, key: int) -> Edges:
        """`n` different edges, uniformly; the choice depends on `key` and the uids only."""
        self._check_alive()
        if self.spread:
            return spread.sample(self, n, key)
        return self._found(
            *self.pool.sample_edges(min(n, len(self)), self.wire.row0, self.wire.n_rows, np.uint64(key), *self._uids())
        )

    def sample_out(self, pre: ArrayLike, k: ArrayLike, key: int) -> Edges:
        """For each source uid its k[i] edges, chosen uniformly (all, if it has fewer)."""
        self._check_alive()
        i = self._source_places(pre)
        if self.spread:
            return spread.sample_out(self, i, np.asarray(k, np.int64), key)
        rows = self.wire.rows_of_sources(i).reshape(self.wire.shards, -1)
        k = np.minimum(np.asarray(k, np.int64), self.pool.length[rows].sum(axis=0, dtype=np.int64))
        return self._found(*self.pool.sample_out(rows.T, k, np.uint64(key), *self._uids()))

    def sample_in(self, post: ArrayLike, k: ArrayLike, key: int) -> Edges:
        """For each target uid its k[i] edges, chosen uniformly (all, if it has fewer).

        One pass over the synapses; or, where that is cheaper, looks into random rows until each target has its edges.
        """

        def ask(columns: np.ndarray, k: np.ndarray, mine: Any) -> tuple[np.ndarray, np.ndarray]:
            found = None if self.parallel else self._probe(columns, k, key, mine)
            if ranks.SIZE > 1:  # all look into random rows, or none
                found = None if ranks.some(found is None) else found
            return found or self.pool.sample_in(
                columns[mine], k[mine], self.wire.row0, self.wire.n_rows, np.uint64(key), *self._uids()
            )

        return self._per_target(post, k, ask)

    def _probe(self, columns: np.ndarray, k: np.ndarray, key: int, mine: Any) -> tuple[np.ndarray, np.ndarray] | None:
        """`sample_in` for a few targets of many inputs each, or None; no pair has two edges.  Those asked here are `mine`."""
        w = self.wire
        first = next((c for c in w.columns if columns.size and c <= columns[0] < c + w.post_n), -1)
        if first < 0:
            return None
        degree = self._inputs()[w.columns.index(first)][columns - first]
        expected = w.pre_n * (np.log(np.maximum(degree, 1)) - np.log(np.maximum(degree - k, 0.5)))
        if 80.0 * expected.sum() > len(self):  # a look costs as much as streaming 80 synapses
            return None
        from neurosim.kernels import elements

        tries = 20 * int(expected.max(initial=0.0)) + 100
        columns, k = columns[mine], k[mine]
        row, slot, held = np.empty(k.sum(), np.int64), np.empty(k.sum(), np.int64), np.empty(k.size, np.int64)
        row0 = w.row_of(np.zeros(columns.size, np.int64), columns - first)
        uid = self.target._uid[columns - first]
        elements.probe_inputs(
            np.uint64(key), uid, columns, k, row0, w.pre_n, tries, self.pool.mask, self.pool.table, self.pool.packed, row, slot, held
        )  # fmt: skip
        return (row, slot) if np.array_equal(held, k) else None

    def weakest(self, k: ArrayLike, post: ArrayLike | None = None) -> Edges:
        """The k edges of smallest |weight| of each target uid (default: of all targets)."""
        post = self.target.uid if post is None else post
        return self._per_target(
            post,
            k,
            lambda columns, k, mine: self.pool.weakest_in(columns[mine], k[mine], self.wire.row0, self.wire.n_rows),
        )

    def weaker_than(self, bound: float) -> Edges:
        """Edges with weight below `bound` (for inhibitory ones: above -bound)."""
        edges = self.edges()
        return edges[np.abs(edges.weight) < bound]

    def _per_target(
        self, post: ArrayLike, k: ArrayLike, ask: Callable[[np.ndarray, np.ndarray, Any], tuple[np.ndarray, np.ndarray]]
    ) -> Edges:
        self._check_alive()
        j = self._target_places(post)
        k = np.broadcast_to(np.asarray(k, np.int64), j.shape)
        columns = self._used_columns()
        if len(columns) > 1:
            raise WiringError(
                f"{self.name}: its synapses go to several receptors; connect them as two projections to ask per target"
            )
        degree = self._inputs()[self.wire.columns.index(columns[0])]
        many = np.minimum(k, degree[j])
        if ranks.SIZE > 1:
            mine = np.flatnonzero(self.wire.owns(j))
            return self._found(*ask(columns[0] + j, many, mine), np.repeat(mine, np.maximum(many[mine], 0)))
        return self._found(*ask(columns[0] + j, many, slice(None)))

    def _used_columns(self) -> list[int]:
        used = [c for c, degree in zip(self.wire.columns, self._inputs(), strict=True) if degree.any()]
        return used or self.wire.columns[:1]

    def sample_non_edges(self, n: int, key: int) -> tuple[np.ndarray, np.ndarray]:
        """(pre, post) uids of `n` pairs without an edge (all, if there are fewer), uniformly, no autapse unless allowed."""
        self._check_alive()
        rng = np.random.Generator(np.random.Philox(int(key)))
        source, target = self.source.uid, self.target.uid
        total = source.size * target.size
        if 2 * (len(self) + n) > total:  # draws would mostly hit what is taken: list what is free
            edges = self.edges()
            free = np.ones(total, np.bool_)
            free[np.searchsorted(source, edges.pre) * target.size + np.searchsorted(target, edges.post)] = False
            if not self.autapses:
                own = np.intersect1d(source, target)
                free[np.searchsorted(source, own) * target.size + np.searchsorted(target, own)] = False
            pairs = np.flatnonzero(free)
            taken = rng.choice(pairs, min(n, pairs.size), replace=False)
        else:
            taken = np.zeros(0, np.int64)
            while taken.size < n:
                draw = rng.integers(0, total, 2 * (n - taken.size) + 16)
                pre, post = source[draw // target.size], target[draw % target.size]
                fine = ~self.has_edge(pre, post)
                if not self.autapses:
                    fine &= pre != post
                taken = np.concatenate([taken, draw[fine]])
                taken = taken[np.sort(np.unique(taken, return_index=True)[1])]
        return source[taken[:n] // target.size], target[taken[:n] % target.size]

    def nth(self, edges: Edges) -> np.ndarray:
        """Number of each edge among its parallels in `edges`, by birth; int64 [edges]."""
        if not self.parallel:
            return np.zeros(len(edges), np.int64)
        order = np.lexsort((edges.slot, edges.post, edges.pre))
        nth = np.zeros(len(edges), np.int64)
        nth[order] = nth_among_parallels(edges.pre[order], edges.post[order])
        return nth

    def number(self, edges: Edges) -> np.ndarray:
        """A number for each edge that stays with it while it lives and is never used again; int64 [edges]."""
        ranks.refuse(f"{self.name}.number", "numbers that stay with synapses count the synapses of one process")
        self.pool.want_ident()
        if not len(edges):
            return np.zeros(0, np.int64)
        return np.asarray(self.pool.ident[self.pool.places_of(edges.row, edges.slot)], np.int64)

    def chance(self, edges: Edges, key: int) -> np.ndarray:
        """A number in [0, 1) for each edge, from (key, uids, number among parallels) alone; float64 [edges]."""
        from neurosim.kernels.rng import hash_pairs

        out = np.zeros(len(edges))
        hash_pairs(np.uint64(key), edges.pre, edges.post, self.nth(edges), out)
        return out

    def want_birth(self) -> None:
        """Keep the birth of each synapse from now on; those that are there count as born now."""
        self.pool.want_extra(float(self.network.step))

    def age(self, edges: Edges) -> np.ndarray:
        """Age of each edge (ms) since birth, or since `want_birth`; float64 [edges]."""
        self.want_birth()
        mine = edges.mine
        born = self.pool.extra[self.pool.places_of(edges.row[mine], edges.slot[mine])] if len(edges) else np.zeros(0)
        born = ranks.fill(edges.owner, born)
        return (self.network.step - born) * self.network.dt

    # ---- editing ----------------------------------------------------------------------------------------------------

    def insert(
        self, pre: ArrayLike, post: ArrayLike, *, weight: object = None, delay: object = None, rule: str = "user"
    ) -> int:
        """Make synapses between pairs of uids; return how many.

        Parameters
        ----------
        pre, post : int or array of int
            Uids.
        weight : number, array or distribution, optional
            Default: the weight given to `connect`.
        delay : number, array or distribution, optional
            ms; default: the delay given to `connect`.
        rule : str
            The cause that the history names.

        Raises
        ------
        WiringError
            A pair that exists already (unless parallel=True), an autapse (unless autapses=True), an unknown uid.
        """
        self._check_alive()
        self.check_stored(f"{self.name}.insert")
        i, j = self._places(pre, post)
        sources, targets = self.source._uid[i], self.target._uid[j]
        ranks.agree(f"{self.name}.insert", sources, targets, weight, delay)
        self._check_pairs(i, j, sources, targets)
        self._bear(i, j, sources, targets, weight, delay, rule)
        return int(i.size)

    def insert_allowed(
        self, pre: ArrayLike, post: ArrayLike, *, weight: object = None, delay: object = None, rule: str = "user"
    ) -> np.ndarray:
        """Make synapses between those pairs of uids that may have one; return which, bool [pairs].

        As `insert`, but an autapse, a pair that is joined already and the repetition of a pair are passed over where the
        projection does not allow them.  `weight` and `delay` are numbers or distributions.
        """
        self._check_alive()
        self.check_stored(f"{self.name}.insert_allowed")
        i, j = self._places(pre, post)
        sources, targets = self.source._uid[i], self.target._uid[j]
        ranks.agree(f"{self.name}.insert_allowed", sources, targets, weight, delay)
        fine = np.ones(i.size, np.bool_)
        if not self.autapses:
            fine &= sources != targets
        if not self.parallel and i.size:
            first = np.zeros(i.size, np.bool_)
            first[np.unique(i * len(self.target) + j, return_index=True)[1]] = True
            fine &= first & (self._multiplicity(i, j) == 0)
        if not fine.all():
            i, j, sources, targets = (a[fine] for a in (i, j, sources, targets))
        if i.size:
            self._bear(i, j, sources, targets, weight, delay, rule)
        return fine

    def _bear(
        self, i: np.ndarray, j: np.ndarray, sources: np.ndarray, targets: np.ndarray, weight: Any, delay: Any, rule: str
    ) -> None:
        """Give new synapses between places (and their uids), which are allowed, weights and delays, and insert them."""
        net = self.network
        key = ("synapse", self.name, net.step, self.births)
        weight = self.default_weight if weight is None else weight
        drawn = hasattr(weight, "draw") or hasattr(self.default_delay if delay is None else delay, "draw")
        nth = nth_among_parallels(sources, targets) if self.parallel and drawn else 0
        weight = values.edge_weights(
            net, f"{self.name}.insert(weight)", weight, self.unit, sources, targets, key, nth=nth
        )
        own = delay is not None
        delay = delay if own else self.default_delay
        if own or hasattr(delay, "draw"):
            label, least = f"{self.name}.insert(delay)", 0 if self.wire.axonal else 1
            steps = values.edge_delays(net, label, delay, sources, targets, key, least=least, nth=nth, said=not own)
            steps = steps if own else steps + self.folded
        else:
            steps = np.asarray(delay)
        self._insert(i, j, weight, steps, rule)
        self.births += 1

    def _check_pairs(self, i: np.ndarray, j: np.ndarray, pre: np.ndarray, post: np.ndarray) -> None:
        if not self.autapses and (pre == post).any():
            uid = int(pre[pre == post][0])
            raise WiringError(
                f"{self.name}.insert: {uid} -> {uid} is an autapse; connect(..., autapses=True) allows them"
            )
        if not self.parallel:
            pair = i * len(self.target) + j
            twice = np.unique(pair, return_counts=True)[1] > 1
            there = self._multiplicity(i, j) > 0
            if twice.any() or there.any():
                k = int(np.flatnonzero(there)[0]) if there.any() else 0
                raise WiringError(
                    f"{self.name}.insert: {pre[k]} -> {post[k]} would be a parallel synapse; connect(..., parallel=True) allows them"
                )

    def _insert(self, i: np.ndarray, j: np.ndarray, weight: np.ndarray, steps: np.ndarray, rule: str | None) -> None:
        """Insert synapses between places, checked already; `rule` None for the wiring that connect makes."""
        if i.size == 0:
            return
        weight = self._checked_weights(weight)
        column = self._columns_for(weight) + j
        self._check_delays(steps)
        engine, w, pool = self.network.engine, self.wire, self.pool
        engine.note_delays(w, int(np.min(steps)), int(np.max(steps)))
        if ranks.SIZE > 1 and rule is not None:
            self._insert_own(i, j, column, steps, weight)
        elif rule is None and not pool.length[w.row0 : w.row0 + w.n_rows].any():
            flight.note_in_flight(engine, pool, w, np.arange(w.row0, w.row0 + w.n_rows))
            pool.build(w.row0, w.n_rows, w.row_of(i, j), column, steps, weight)
            if pool.extra.size:
                row, slot = pool.edges(w.row0, w.n_rows)[:2]
                pool.extra[pool.places_of(row, slot)] = engine.step
        else:
            row = w.row_of(i, j)
            steps, weight = (one if np.ndim(one) else np.full(i.size, one) for one in (steps, weight))
            flight.note_in_flight(engine, pool, w, row)
            slot = pool.insert(row, column, steps, weight)
            if pool.extra.size:
                pool.extra[pool.places_of(row, slot)] = engine.step
        self._edited(column, 1)
        if rule is not None:
            pre, post = self.source._uid[i], self.target._uid[j]
            self.network.history.add(engine.step, SYNAPSE_BORN, rule, self.name, pre, post, weight, steps * engine.dt)

    def _insert_own(
        self, i: np.ndarray, j: np.ndarray, column: np.ndarray, steps: np.ndarray, weight: np.ndarray
    ) -> None:
        """Insert those of these synapses whose targets this rank has."""
        engine, w, pool = self.network.engine, self.wire, self.pool
        mine = w.owns(j)
        row = w.row_of(i[mine], j[mine])
        steps, weight = (np.broadcast_to(one, i.shape)[mine] for one in (steps, weight))
        flight.note_in_flight(engine, pool, w, row)
        slot = pool.insert(row, column[mine], steps, weight)
        if pool.extra.size:
            pool.extra[pool.places_of(row, slot)] = engine.step

    def _agree_delays(self) -> None:
        """Delays have been given on each rank: all must know the shortest and the longest."""
        if ranks.SIZE == 1:
            return
        w, none = self.wire, self.wire.most_delay < 0
        low, high = ranks.least(1 << 62 if none else w.least_delay), ranks.most(w.most_delay)
        if high >= 0:
            w.least_delay = w.most_delay = -1
            self.network.engine.note_delays(w, low, high)
            if high > self.pool.most_delay:
                self.network._widen_delays(self, high)
        self.network.engine.refresh()

    def _edited(self, column: np.ndarray | None = None, by: int = 0) -> None:
        """The edges have changed: by so many at each of these ring columns, or anyhow."""
        if column is not None and self._counted[0] == self.version and ranks.SIZE == 1:
            column = np.ascontiguousarray(column, np.int64)
            for first, degree in zip(self.wire.columns, self._counted[1], strict=True):
                add_to_degrees(column, first, by, degree)
            self._counted = self.version + 1, self._counted[1]
        self.version += 1
        self.pool.edited()
        if (
            column is None
        ):  # else the driver stays as it is: it takes the synapses afresh, and their delays were announced
            self.network.engine.refresh()

    def _check_delays(self, steps: np.ndarray) -> None:
        if isinstance(self.pool, LazyPool) and self.pool.uniform and self.plasticity.sees != "spikes":
            low, high = int(np.min(steps)), int(np.max(steps))
            if low != self.wire.back or high != self.wire.back:
                other = (low if low != self.wire.back else high) * self.network.dt
                raise ParameterError(
                    f"{self.name}: its plastic synapses share one delay of {self.wire.back * self.network.dt:g} ms"
                    f"{' behind the axon' if self.wire.axonal else ''}, got {other:g} ms; a projection made with several delays, "
                    f"connect(..., delay=ns.uniform(1.0, 2.0)), takes any"
                )
        if np.max(steps) > self.pool.most_delay:
            self.network._widen_delays(self, int(np.max(steps)))

    def _checked_weights(self, weight: np.ndarray, *, whole: bool = False, say: bool = True) -> np.ndarray:
        rule = self.plasticity
        if isinstance(self.pool, CodedPool):
            error = self.pool.admit(f"{self.name}.weight", self.wire, weight, whole=whole)
            if say:
                self.pool.tell(f"{self.name}.weight", self.wire, error, stacklevel=5)
        if rule is not None and hasattr(rule, "w_min"):
            low, high = np.array([rule.w_min, rule.w_max], self.pool.weight.dtype)
            stored = np.atleast_1d(np.asarray(weight, self.pool.weight.dtype))
            bad = (stored < low) | (stored > high)
            if bad.any():
                raise ParameterError(
                    f"{self.name}.weight: {stored[bad][0]:g} lies outside the bounds [{rule.w_min:g}, {rule.w_max:g}] of its "
                    f"plasticity; give weights inside, or {type(rule).__name__}(w_min=..., w_max=...)"
                )
        return weight

    def _columns_for(self, weight: np.ndarray) -> np.ndarray | int:
        """Ring column of the first target for each synapse: the receptor that the sign of the weight asks for."""
        receptors = self.target.model.physics.receptors
        columns = self.wire.columns
        names = list(receptors)
        unit = self.target.model.physics.receptor_unit
        if self.receptor is not None:
            sign = receptors[self.receptor]
            if sign and np.any(np.asarray(weight) * sign < 0):
                raise ParameterError(
                    f"{self.name}: receptor {self.receptor!r} takes {'positive' if sign > 0 else 'negative'} weights ({unit}), got "
                    f"{float(np.min(np.asarray(weight) * sign) * sign):g}; an inhibitory weight is a negative number in every model"
                )
            return columns[names.index(self.receptor)]
        if len(names) == 1:
            return columns[0]
        positive, negative = (
            columns[next(k for k, s in enumerate(receptors.values()) if s == sign)] for sign in (1, -1)
        )
        if np.ndim(weight) == 0:
            return positive if weight >= 0 else negative
        if (weight >= 0).all():
            return positive
        return np.where(weight >= 0, positive, negative)

    def remove(self, which: ArrayLike | None = None, *, pre: ArrayLike | None = None, post: ArrayLike | None = None,
               rule: str = "user", in_flight: str = "drop") -> int:  # fmt: skip
        """Remove synapses; return how many.

        Parameters
        ----------
        which : bool mask or array of int, optional
            Edges by their number in the order of `pre`, `post`, `weight`.
        pre, post : int or array of int, optional
            Or all edges between pairs of uids.
        rule : str
            The cause that the history names.
        in_flight : {"drop", "deliver"}
            What becomes of spikes on their way: a removed synapse delivers nothing, or delivers what it had sent.
        """
        edges = self.edges()
        if which is not None:
            edges = edges[which]
        elif pre is not None and post is not None:
            i, j = self._places(pre, post)
            n = len(self.target)
            wanted = np.isin(
                np.searchsorted(self.source.uid, edges.pre) * n + np.searchsorted(self.target.uid, edges.post),
                i * n + j,
            )
            if not wanted.any():
                raise WiringError(f"{self.name}.remove: no edge between these pairs of uids")
            edges = edges[wanted]
        elif pre is not None or post is not None:
            own, given = (edges.pre, pre) if pre is not None else (edges.post, post)
            edges = edges[np.isin(own, np.asarray(given))]
        return edges.remove(rule=rule, in_flight=in_flight)

    def synapse(self, pre: int, post: int, nth: int = 0) -> Synapse:
        """A handle on one synapse that stays valid until the synapse is gone; `nth` counts parallels by birth."""
        edges = self.edges()
        hit = np.flatnonzero((edges.pre == pre) & (edges.post == post))
        if hit.size <= nth:
            raise WiringError(f"{self.name}: no synapse number {nth} from {pre} to {post}; there are {hit.size}")
        self.pool.want_ident()
        edge = edges[hit[[nth]]]
        place = self.pool.places_of(edge.row[edge.mine], edge.slot[edge.mine])
        return Synapse(self, int(pre), int(post), int(ranks.fill(edge.owner, self.pool.ident[place])[0]))

    # ---- places -----------------------------------------------------------------------------------------------------

    def _places(self, pre: ArrayLike, post: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        i, j = self._source_places(pre), self._target_places(post)
        if i.size != j.size and 1 not in (i.size, j.size):
            raise WiringError(f"{self.name}: {i.size} sources and {j.size} targets; give pairs, or one against many")
        if i.size != j.size:
            i, j = (np.array(a) for a in np.broadcast_arrays(i, j))
        return i, j

    def _source_places(self, uid: ArrayLike) -> np.ndarray:
        return _places_in(self.source, uid, f"{self.name} (source)")

    def _target_places(self, uid: ArrayLike) -> np.ndarray:
        return _places_in(self.target, uid, f"{self.name} (target)")

    # ---- other forms ------------------------------------------------------------------------------------------------

    def to_scipy(self) -> scipy.sparse.csr_array:
        """Weights as a sparse matrix [sources, targets] (places, not uids); parallel synapses are summed."""
        import scipy.sparse

        edges = self.edges()
        i, j = np.searchsorted(self.source.uid, edges.pre), np.searchsorted(self.target.uid, edges.post)
        return scipy.sparse.coo_array((edges.weight, (i, j)), (len(self.source), len(self.target))).tocsr()

    def to_networkx(self) -> networkx.MultiDiGraph:
        """Nodes are uids with `population`, edges have `weight` and `delay` (ms)."""
        import networkx

        graph = networkx.MultiDiGraph()
        for population in (self.source, self.target):
            graph.add_nodes_from(population.uid.tolist(), population=population.name, region=population.region)
        e = self.edges()
        graph.add_edges_from(
            (i, j, {"weight": w, "delay": d})
            for i, j, w, d in zip(e.pre.tolist(), e.post.tolist(), e.weight.tolist(), e.delay.tolist(), strict=True)
        )
        return graph

    def to_pandas(self) -> pandas.DataFrame:
        """Columns pre, post (uids), weight, delay (ms)."""
        import pandas

        e = self.edges()
        return pandas.DataFrame({"pre": e.pre, "post": e.post, "weight": e.weight, "delay": e.delay})

    def card(self) -> dict[str, str]:
        """What repr and notebooks show."""
        w = self.wire
        dt = self.network.dt
        delays = (
            "none"
            if w.most_delay < 0
            else f"{w.least_delay * dt:g} ms"
            if w.least_delay == w.most_delay
            else f"{w.least_delay * dt:g} ... {w.most_delay * dt:g} ms"
        )
        rows = {"from": self.source.name, "to": self.target.name, "synapses": f"{len(self):,}", "delay": delays}
        levels = getattr(getattr(self.pool, "plan", None), "levels", 0)
        grid = f" on a grid of {levels + 1} values" if levels else ""
        if isinstance(self.pool, CodedPool) and self.pool.bits < 16:
            grid = f", {w.low:g}" if w.low == w.high else f" on a grid from {w.low:g} to {w.high:g}"
        rows["weights"] = (
            "procedural, drawn again for every spike: 0 bytes a synapse"
            if self.procedural
            else f"{self.pool.store}{grid}, {self.pool.bytes_per_synapse:.1f} bytes a synapse in its pool"
        )
        if self.plasticity is not None:
            where = "firing times" if self.plasticity.sees == "spikes" else "axonal" if w.axonal else "dendritic"
            names = " + ".join(getattr(rule, "name", type(rule).__name__) for rule in as_parts(self.plasticity))
            rows["plasticity"] = f"{names} ({self.plasticity.evaluation}, delay: {where})"
            if self.variables:
                rows["variables"] = ", ".join(self.variables)
        if w.axonal:
            rows["axonal delay"] = f"{w.axonal * dt:g} ms"
        if w.release < 1:
            rows["release"] = f"{w.release:g}"
        return rows

    def _repr_html_(self) -> str:
        return html_card(f"projection {self.name}", self.card() if self.alive else {"state": "removed"})

    def __repr__(self) -> str:
        if not self.alive:
            return f"Projection({self.name!r}, removed)"
        return f"Projection({self.name!r}: " + ", ".join(f"{k} {v}" for k, v in self.card().items()) + ")"


def _ascending(pre: np.ndarray, post: np.ndarray) -> bool:
    return bool(((pre[1:] > pre[:-1]) | ((pre[1:] == pre[:-1]) & (post[1:] >= post[:-1]))).all())


def _places_in(population: Population, uid: ArrayLike, label: str) -> np.ndarray:
    asked = np.atleast_1d(np.asarray(uid))
    if asked.size and asked.dtype.kind not in "iu":
        raise WiringError(f"{label}: uids are whole numbers, got {uid!r}")
    asked = asked.astype(np.int64)
    own = population._uid
    if own.size and own[-1] - own[0] == own.size - 1:  # without a gap
        place = asked - own[0]
        bad = (place < 0) | (place >= own.size)
    else:
        place = np.searchsorted(own, asked)
        bad = (
            (place >= own.size) | (own[np.minimum(place, own.size - 1)] != asked)
            if own.size
            else np.ones(asked.size, np.bool_)
        )
    if bad.any():
        raise WiringError(
            f"{label}: {population.name!r} has no neuron with uid {asked[bad][0]}; its uids: {own[0] if own.size else '-'} ... {own[-1] if own.size else '-'}"
        )
    return place


def unit_of_weights(model: Any, plasticity: Any) -> str:
    """Unit of weights onto a model: that of its receptors, unless a rule delivers something else than the weight."""
    said = (str(one.weight_unit) for one in as_parts(plasticity) if hasattr(one, "weight_unit"))
    return next(said, str(model.physics.receptor_unit))
