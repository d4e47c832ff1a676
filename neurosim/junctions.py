"""Gap junctions as a user holds them, and what a conductance and a pair of neurons may be.

The junctions live in the engine's `GapPool`, named by uids.  They are numbered in one order, (pre uid, post uid, birth).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import ranks, values
from neurosim.errors import NeurosimWarning, ParameterError, WiringError
from neurosim.population import Population, html_card
from neurosim.wiring import nth_among_parallels

if TYPE_CHECKING:
    import networkx
    import pandas
    import scipy.sparse

    from neurosim.network import Network

UNIT = "nS"
#: Share of its own charge that a neuron may pass on in one step before the explicit scheme is no longer trusted.
MOST_SHARE = 0.5


class GapJunctions:
    """Electrical synapses between neurons; made by `Network.join`.

    A junction of conductance g between neurons i and j carries g (v_j - v_i) into i and the opposite into j, as long as both
    live.  The current of a step is computed from the voltages at its beginning, held through the step, and added to the
    other currents of the neuron (pA; in models whose current has another unit, such as the mV/ms of `Izhikevich`, in that
    unit).  This explicit scheme is first order in dt, and the same as that of Brian2's `(summed)` variables; NEST iterates
    over the step instead (waveform relaxation, Hahne et al. 2015).  It overshoots where the junctions of a neuron outweigh
    c_m / dt, and a warning says so.  A network with gap junctions advances step by step, however long its delays are.

    In an integrate-and-fire neuron a spike is no voltage: its partners see the way up to threshold and the reset, not the
    spike, so coupling looks more inhibitory than in a neuron with an upswing (`AdEx` has some).  Births and deaths of
    junctions are not in `net.history`, and they do not count as synapses.

    Attributes
    ----------
    name : str
    sources, targets : list of Population
        The two sides that were joined; `pre` lies on the first, `post` on the second.  Where both cells of a junction lie on
        both sides, `pre` is the one with the smaller uid.
    rectifying : bool
        Whether current passes from pre to post only.
    parallel : bool
        Whether a pair may have several junctions.

    References
    ----------
    Hahne et al. (2015), Front. Neuroinform. 9:22.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(dt=0.1, seed=1)
    >>> cells = net.add_population("cells", ns.LIF(), 20)
    >>> net.join(cells, cells, lambda i, j: j == i + 1, conductance=0.5)
    GapJunctions('cells--cells': between cells, and cells, gap junctions 19, conductance 0.5 nS, current both ways)
    """

    def __init__(
        self, network: Network, name: str, number: int, sources: list[Population], targets: list[Population], *,
        rectifying: bool, parallel: bool,
    ) -> None:  # fmt: skip
        self.network, self.name, self.number = network, name, number
        self.sources, self.targets = sources, targets
        self.rectifying, self.parallel = rectifying, parallel
        self.default_conductance: Any = 1.0
        self.births = 0  # calls of insert so far; keys what they draw
        self.alive = True

    # ---- reading ----------------------------------------------------------------------------------------------------

    def _check_alive(self) -> None:
        if not self.alive:
            raise WiringError(f"gap junctions {self.name!r} have been removed; make new ones with net.join(...)")

    def _mine(self) -> slice:
        self._check_alive()
        return self.network.engine.gaps.of(self.number)

    def __len__(self) -> int:
        mine = self._mine()
        return int(mine.stop - mine.start)

    @property
    def pre(self) -> np.ndarray:
        """Uid of one cell of each junction, int64 [junctions]."""
        return self.network.engine.gaps.pre[self._mine()].copy()

    @property
    def post(self) -> np.ndarray:
        """Uid of the other cell of each junction, int64 [junctions]."""
        return self.network.engine.gaps.post[self._mine()].copy()

    @property
    def conductance(self) -> np.ndarray:
        """Conductance of each junction (nS), float64 [junctions].  Settable: number, array, distribution; 0 closes it."""
        return self.network.engine.gaps.conductance[self._mine()].copy()

    @conductance.setter
    def conductance(self, value: object) -> None:
        mine, net = self._mine(), self.network
        key = ("conductance", self.name, net.step)
        numbers = conductances(net, f"{self.name}.conductance", value, self.pre, self.post, key)
        ranks.agree(f"{self.name}.conductance = ...", numbers)
        net.engine.gaps.conductance[mine] = numbers
        net.engine.gaps.settle(net.engine)
        warn_if_stiff(net, f"{self.name}.conductance")

    @property
    def weight(self) -> np.ndarray:
        """The same as `conductance`, under the name that a projection has for it."""
        return self.conductance

    @weight.setter
    def weight(self, value: object) -> None:
        self.conductance = value

    @property
    def unit(self) -> str:
        """Unit of the conductances."""
        return UNIT

    def current(self) -> np.ndarray:
        """What flows through each junction from pre into post now (pA), float64 [junctions]; the reverse flows into pre."""
        v = self._voltages()
        flow = self.conductance * (v[self.pre] - v[self.post])
        return np.maximum(flow, 0.0) if self.rectifying else flow

    def _voltages(self) -> np.ndarray:
        """Voltage by uid (mV)."""
        populations = united(self.sources, self.targets)
        v = np.zeros(max((int(p.uid.max(initial=-1)) for p in populations), default=-1) + 1)
        for population in populations:
            v[population.uid] = population.v
        return v

    def degree(self) -> dict[int, int]:
        """Number of junctions of each neuron that has any, by uid."""
        uid, count = np.unique(np.concatenate([self.pre, self.post]), return_counts=True)
        return dict(zip(uid.tolist(), count.tolist(), strict=True))

    def multiplicity(self, pre: ArrayLike, post: ArrayLike) -> np.ndarray:
        """Number of junctions between each pair of uids (in either order unless they rectify), int64 [pairs]."""
        asked = self._pairs(*self._uids(pre, post))
        pair, count = np.unique(np.stack(self._pairs(self.pre, self.post)), axis=1, return_counts=True)
        known = {(a, b): n for a, b, n in zip(*pair.tolist(), count.tolist(), strict=True)}
        return np.array([known.get(one, 0) for one in zip(*(side.tolist() for side in asked), strict=True)], np.int64)

    def _pairs(self, pre: np.ndarray, post: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The two cells in an order that does not depend on who is called pre, unless current knows a direction."""
        return (pre, post) if self.rectifying else (np.minimum(pre, post), np.maximum(pre, post))

    # ---- editing ----------------------------------------------------------------------------------------------------

    def insert(self, pre: ArrayLike, post: ArrayLike, *, conductance: object = None) -> int:
        """Make junctions between pairs of uids; return how many.

        Parameters
        ----------
        pre, post : int or array of int
            Uids; pairs, or one against many.
        conductance : number, array or distribution, optional
            nS; default: what was given to `join`.

        Raises
        ------
        WiringError
            A pair that is joined already (unless parallel=True), a neuron with itself, an unknown uid.
        """
        label, net = f"{self.name}.insert", self.network
        i, j = self._uids(pre, post)
        if not self.parallel and (self.multiplicity(i, j) > 0).any():
            k = int(np.flatnonzero(self.multiplicity(i, j))[0])
            raise WiringError(
                f"{label}: {i[k]} - {j[k]} is joined already; net.join(..., parallel=True) allows parallel ones"
            )
        check_pairs(label, self._pairs(i, j), self.parallel)
        value = self.default_conductance if conductance is None else conductance
        key = ("gap junction", self.name, net.step, self.births)
        numbers = conductances(net, f"{label}(conductance)", value, i, j, key)
        ranks.agree(label, i, j, numbers)
        net.engine.gaps.add(self.number, i, j, numbers, self.rectifying, net.engine)
        net.engine.refresh()
        self.births += 1
        warn_if_stiff(net, label)
        return int(i.size)

    def _uids(self, pre: ArrayLike, post: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of uids as this object keeps them: pre on the first side, post on the second."""
        self._check_alive()
        one, other = (_whole_uids(f"{self.name}({side})", u) for side, u in (("pre", pre), ("post", post)))
        if one.size != other.size and 1 not in (one.size, other.size):
            raise WiringError(f"{self.name}: {one.size} and {other.size} uids; give pairs, or one against many")
        one, other = (side.copy() for side in np.broadcast_arrays(one, other))
        sides = uids_of(self.sources), uids_of(self.targets)
        given = np.isin(one, sides[0]) & np.isin(other, sides[1])
        turned = np.isin(other, sides[0]) & np.isin(one, sides[1])
        if self.rectifying:
            turned[:] = False
        if not (given | turned).all():
            k = int(np.flatnonzero(~(given | turned))[0])
            raise WiringError(
                f"{self.name}: {one[k]} - {other[k]} is no pair of living neurons of {label_of(self.sources)} and {label_of(self.targets)}"
            )
        swap = turned & (~given | (one > other))
        return np.where(swap, other, one), np.where(swap, one, other)

    def remove(
        self, which: ArrayLike | None = None, *, pre: ArrayLike | None = None, post: ArrayLike | None = None
    ) -> int:
        """Remove junctions; return how many.

        Parameters
        ----------
        which : bool mask or array of int, optional
            Junctions by their number in the order of `pre`, `post`, `conductance`.
        pre, post : int or array of int, optional
            Both: all junctions between these pairs of uids, in either order unless they rectify.  One of them: all junctions
            of these neurons.  Nothing: all.
        """
        mine = self._mine()
        hit = np.ones(len(self), np.bool_)
        if which is not None:
            hit[:] = False
            hit[_numbers(self.name, which, hit.size)] = True
        elif pre is not None and post is not None:
            asked = set(zip(*(side.tolist() for side in self._pairs(*self._uids(pre, post))), strict=True))
            own = zip(*(side.tolist() for side in self._pairs(self.pre, self.post)), strict=True)
            hit = np.array([pair in asked for pair in own], np.bool_)
            if not hit.any():
                raise WiringError(f"{self.name}.remove: no junction between these pairs of uids")
        elif pre is not None or post is not None:
            uid = _whole_uids(f"{self.name}.remove", pre if pre is not None else post)
            hit = np.isin(self.pre, uid) | np.isin(self.post, uid)
        ranks.agree(f"{self.name}.remove", hit)
        gaps = self.network.engine.gaps
        gone = np.zeros(len(gaps), np.bool_)
        gone[mine] = hit
        gaps.remove(gone, self.network.engine)
        self.network.engine.refresh()
        return int(hit.sum())

    # ---- other forms ------------------------------------------------------------------------------------------------

    def to_scipy(self) -> scipy.sparse.csr_array:
        """Conductances as a sparse matrix [first side, second side] (places, not uids); parallel junctions are summed.

        Symmetric where a population is joined to itself; with `rectifying` only (pre, post) is filled.
        """
        import scipy.sparse

        rows, columns = uids_of(self.sources), uids_of(self.targets)
        pre, post, value = self.pre, self.post, self.conductance
        if not self.rectifying:
            both = np.isin(post, rows) & np.isin(pre, columns)
            pre, post = np.concatenate([pre, post[both]]), np.concatenate([post, pre[both]])
            value = np.concatenate([value, value[both]])
        places = [places_in(own, uid) for own, uid in ((rows, pre), (columns, post))]
        return scipy.sparse.coo_array((value, tuple(places)), (rows.size, columns.size)).tocsr()

    def to_networkx(self) -> networkx.MultiGraph:
        """Nodes are uids with `population`, edges have `conductance` (nS); directed if the junctions rectify."""
        import networkx

        graph = networkx.MultiDiGraph() if self.rectifying else networkx.MultiGraph()
        for population in united(self.sources, self.targets):
            graph.add_nodes_from(population.uid.tolist(), population=population.name, region=population.region)
        each = zip(self.pre.tolist(), self.post.tolist(), self.conductance.tolist(), strict=True)
        graph.add_edges_from((i, j, {"conductance": g}) for i, j, g in each)
        return graph

    def to_pandas(self) -> pandas.DataFrame:
        """Columns pre, post (uids), conductance (nS)."""
        import pandas

        return pandas.DataFrame({"pre": self.pre, "post": self.post, "conductance": self.conductance})

    def card(self) -> dict[str, str]:
        """What repr and notebooks show."""
        g = self.conductance
        low, high = (g.min(), g.max()) if g.size else (0.0, 0.0)
        return {
            "between": label_of(self.sources), "and": label_of(self.targets), "gap junctions": f"{g.size:,}",
            "conductance": f"{low:g} nS" if low == high else f"{low:g} ... {high:g} nS",
            "current": "from pre to post only" if self.rectifying else "both ways",
        }  # fmt: skip

    def _repr_html_(self) -> str:
        return html_card(f"gap junctions {self.name}", self.card() if self.alive else {"state": "removed"})

    def __repr__(self) -> str:
        if not self.alive:
            return f"GapJunctions({self.name!r}, removed)"
        return f"GapJunctions({self.name!r}: " + ", ".join(f"{k} {v}" for k, v in self.card().items()) + ")"


def check_pairs(label: str, pair: tuple[np.ndarray, np.ndarray], parallel: bool) -> None:
    """Refuse a neuron with itself, and a pair twice unless that is allowed."""
    i, j = pair
    if (i == j).any():
        raise WiringError(f"{label}: neuron {i[i == j][0]} would be joined to itself, where no current can flow")
    again = nth_among_parallels(i, j) > 0
    if again.any() and not parallel:
        k = int(np.flatnonzero(again)[0])
        raise WiringError(
            f"{label}: the pair {i[k]} - {j[k]} comes more than once ({int(again.sum())} of {i.size} junctions repeat an earlier one); "
            f"parallel=True counts each of them"
        )


def conductances(
    net: Network, label: str, value: Any, pre: np.ndarray, post: np.ndarray, key: tuple[object, ...]
) -> np.ndarray:
    """Conductances of junctions between uids (nS), none negative; a draw does not depend on who is called pre."""
    pair = np.minimum(pre, post), np.maximum(pre, post)
    nth = nth_among_parallels(*pair) if hasattr(value, "draw") else 0
    numbers = np.broadcast_to(values.edge_weights(net, label, value, UNIT, *pair, key, nth=nth), pre.shape)
    bad = (numbers < 0) | ~np.isfinite(numbers)
    if bad.any():
        drawn = (
            "; a distribution that stays positive is ns.uniform(0.5, 1.5) or ns.lognormal(...)"
            if hasattr(value, "draw")
            else ""
        )
        raise ParameterError(f"{label}: a conductance must not be negative (nS), got {numbers[bad][0]:g}{drawn}")
    return numbers


def warn_if_stiff(net: Network, label: str) -> None:
    """Say where the junctions of a neuron pass on so much in a step that the explicit scheme is not to be trusted."""
    gaps = net.engine.gaps
    total, worst, where = gaps.total(), 0.0, -1
    for population in net.populations.values():
        uid = population.uid
        capacitance = population._values("c_m")
        mine = np.isin(gaps.uid, uid)
        if capacitance is None or not mine.any():
            continue
        share = total[mine] * net.dt / capacitance[np.searchsorted(uid, gaps.uid[mine])]
        if share.max() > worst:
            worst, where = float(share.max()), int(gaps.uid[mine][np.argmax(share)])
    if worst > MOST_SHARE:
        warnings.warn(
            f"{label}: the gap junctions of neuron {where} sum to {worst:.2g} of its capacitance in one step (sum of g x dt / c_m); above "
            f"{MOST_SHARE:g} voltages overshoot, since the current is held through the step: take ns.Network(dt={net.dt * MOST_SHARE / worst / 2:.1g}) "
            f"or smaller conductances",
            NeurosimWarning,
            stacklevel=4,
        )


def places_in(own: np.ndarray, uid: np.ndarray) -> np.ndarray:
    """Place of each uid in `own` (any order), -1 where it is not."""
    if own.size == 0:
        return np.full(uid.size, -1, np.int64)
    order = np.argsort(own, kind="stable")
    place = order[np.minimum(np.searchsorted(own, uid, sorter=order), own.size - 1)]
    return np.where(own[place] == uid, place, -1)


def uids_of(populations: list[Population]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int64), *[p.uid for p in populations]])


def united(one: list[Population], other: list[Population]) -> list[Population]:
    return list({id(p): p for p in (*one, *other)}.values())


def label_of(populations: list[Population]) -> str:
    return "+".join(p.name for p in populations)


def _whole_uids(label: str, uid: ArrayLike | None) -> np.ndarray:
    asked = np.atleast_1d(np.asarray(uid))
    if asked.size and not np.issubdtype(asked.dtype, np.integer):
        raise WiringError(f"{label}: uids are whole numbers, got {uid!r}")
    return asked.astype(np.int64)


def _numbers(label: str, which: ArrayLike, n: int) -> np.ndarray:
    """A mask or numbers of junctions, as an index."""
    given = np.asarray(which)
    if given.dtype == np.bool_ and given.shape != (n,):
        raise ParameterError(f"{label}: the mask has {given.size} entries, there are {n} junctions")
    if given.dtype != np.bool_:
        if given.size and not np.issubdtype(given.dtype, np.integer):
            raise ParameterError(f"{label}: junctions are chosen by a bool mask or by numbers, got {which!r}")
        given = np.atleast_1d(given).astype(np.int64)
        if ((given < -n) | (given >= n)).any():
            raise ParameterError(
                f"{label}: junctions are numbered 0 ... {n - 1}, got {given[np.argmax(np.abs(given))]}"
            )
    return given
