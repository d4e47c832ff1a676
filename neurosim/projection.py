"""Projections: synapses from one population to another, as a user sees them.

A projection holds no synapse itself: they live in a pool of the engine.  Edges are numbered in one order, (pre uid, post
uid, birth), whatever their place in memory.  Knows how to read them; how edges are chosen for rules, how synapses come in and
what a projection looks like is known by `choosing`, `inserting` and `forms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import choosing, forms, inserting, ranks, spread
from neurosim.checks import check_finite_array, did_you_mean
from neurosim.edges import Edges, Synapse
from neurosim.engine.coded_pool import CodedPool
from neurosim.engine.implicit_pool import ImplicitPool
from neurosim.engine.lazy_pool import LazyPool
from neurosim.engine.pools import Wire
from neurosim.errors import ParameterError, WiringError
from neurosim.kernels.queries import add_to_degrees
from neurosim.plasticity.mechanism import as_parts
from neurosim.population import Population, html_card, places_in

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
        return choosing.sample(self, n, key)

    def sample_out(self, pre: ArrayLike, k: ArrayLike, key: int) -> Edges:
        """For each source uid its k[i] edges, chosen uniformly (all, if it has fewer)."""
        self._check_alive()
        return choosing.sample_out(self, self._source_places(pre), np.asarray(k, np.int64), key)

    def sample_in(self, post: ArrayLike, k: ArrayLike, key: int) -> Edges:
        """For each target uid its k[i] edges, chosen uniformly (all, if it has fewer).

        One pass over the synapses; or, where that is cheaper, looks into random rows until each target has its edges.
        """
        self._check_alive()
        return choosing.sample_in(self, self._target_places(post), k, key)

    def weakest(self, k: ArrayLike, post: ArrayLike | None = None) -> Edges:
        """The k edges of smallest |weight| of each target uid (default: of all targets)."""
        post = self.target.uid if post is None else post
        self._check_alive()
        return choosing.weakest(self, self._target_places(post), k)

    def weaker_than(self, bound: float) -> Edges:
        """Edges with weight below `bound` (for inhibitory ones: above -bound)."""
        edges = self.edges()
        return edges[np.abs(edges.weight) < bound]

    def sample_non_edges(self, n: int, key: int) -> tuple[np.ndarray, np.ndarray]:
        """(pre, post) uids of `n` pairs without an edge (all, if there are fewer), uniformly, no autapse unless allowed."""
        self._check_alive()
        return choosing.sample_non_edges(self, n, key)

    def nth(self, edges: Edges) -> np.ndarray:
        """Number of each edge among its parallels in `edges`, by birth; int64 [edges]."""
        return choosing.nth(self, edges)

    def number(self, edges: Edges) -> np.ndarray:
        """A number for each edge that stays with it while it lives and is never used again; int64 [edges].

        It says which is which, and nothing else; on another number of ranks the same edges may have other numbers.
        """
        self.pool.want_ident()
        mine = edges.mine
        ident = self.pool.ident[self.pool.places_of(edges.row[mine], edges.slot[mine])].astype(np.int64)
        return (edges.post << 36) + ranks.fill(
            edges.owner, ident
        )  # a pool counts its own: those of one target are on one rank

    def chance(self, edges: Edges, key: int) -> np.ndarray:
        """A number in [0, 1) for each edge, from (key, uids, number among parallels) alone; float64 [edges]."""
        return choosing.chance(self, edges, key)

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
        inserting.check_pairs(self, i, j, sources, targets)
        inserting.bear(self, i, j, sources, targets, weight, delay, rule)
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
        fine = inserting.allowed(self, i, j, sources, targets)
        if not fine.all():
            i, j, sources, targets = (a[fine] for a in (i, j, sources, targets))
        if i.size:
            inserting.bear(self, i, j, sources, targets, weight, delay, rule)
        return fine

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
        return places_in(self.source, uid, f"{self.name} (source)")

    def _target_places(self, uid: ArrayLike) -> np.ndarray:
        return places_in(self.target, uid, f"{self.name} (target)")

    # ---- other forms ------------------------------------------------------------------------------------------------

    def to_scipy(self) -> scipy.sparse.csr_array:
        """Weights as a sparse matrix [sources, targets] (places, not uids); parallel synapses are summed."""
        return forms.to_scipy(self)

    def to_networkx(self) -> networkx.MultiDiGraph:
        """Nodes are uids with `population`, edges have `weight` and `delay` (ms)."""
        return forms.to_networkx(self)

    def to_pandas(self) -> pandas.DataFrame:
        """Columns pre, post (uids), weight, delay (ms)."""
        return forms.to_pandas(self)

    def card(self) -> dict[str, str]:
        """What repr and notebooks show."""
        return forms.card(self)

    def _repr_html_(self) -> str:
        return html_card(f"projection {self.name}", self.card() if self.alive else {"state": "removed"})

    def __repr__(self) -> str:
        if not self.alive:
            return f"Projection({self.name!r}, removed)"
        return f"Projection({self.name!r}: " + ", ".join(f"{k} {v}" for k, v in self.card().items()) + ")"


def _ascending(pre: np.ndarray, post: np.ndarray) -> bool:
    return bool(((pre[1:] > pre[:-1]) | ((pre[1:] == pre[:-1]) & (post[1:] >= post[:-1]))).all())


def unit_of_weights(model: Any, plasticity: Any) -> str:
    """Unit of weights onto a model: that of its receptors, unless a rule delivers something else than the weight."""
    said = (str(one.weight_unit) for one in as_parts(plasticity) if hasattr(one, "weight_unit"))
    return next(said, str(model.physics.receptor_unit))
