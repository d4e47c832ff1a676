"""Making gap junctions: everything that `Network.join` checks, draws and chooses, and what a save keeps of them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import ranks, values
from neurosim.checks import check_count
from neurosim.connecting import available_memory, expected_edges, positions
from neurosim.errors import NeurosimWarning, ParameterError, RunError, WiringError
from neurosim.junctions import UNIT, GapJunctions, check_pairs, conductances, label_of, places_in, united, warn_if_stiff
from neurosim.kernels.rng import stream_key
from neurosim.population import Neurons, Population, parts_of
from neurosim.wiring import (
    Condition,
    FixedIndegree,
    FixedOutdegree,
    FixedTotal,
    FromEdges,
    OneToOne,
    Rule,
    SmallWorld,
    as_rule,
)

if TYPE_CHECKING:
    from neurosim.network import Network


# ---- making them -----------------------------------------------------------------------------------------------------


def join(
    net: Network, pre: Any, post: Any, wiring: Any, *, conductance: Any, rectifying: bool, parallel: bool, name: str | None
) -> GapJunctions:  # fmt: skip
    """See `Network.join`."""
    sides = [parts_of(side, net, f"join({what})") for side, what in ((pre, "pre"), (post, "post"))]
    label = f"join({' - '.join('+'.join(part.label for part in side) for side in sides)})"
    for part in (*sides[0], *sides[1]):
        _check_model(label, part.population)
    uids = [np.concatenate([part.uid for part in side]) for side in sides]
    for side, uid in zip(sides, uids, strict=True):
        if np.unique(uid).size != uid.size:
            names = ", ".join(part.label for part in side)
            raise WiringError(f"{label}: {names} name a neuron twice; give each neuron once on a side")
    sources, targets = (list({id(p.population): p.population for p in side}.values()) for side in sides)
    name = _name(net, name, sources, targets)
    rule = _as_rule(label, wiring)
    i, j, listed = _draw(net, label, rule, sides, uids, rectifying=rectifying, parallel=parallel, name=name)
    if listed is not None and conductance is not None:
        raise WiringError(
            f"{label}: the edges bring their own conductances; leave out conductance=, or scale them before"
        )
    if listed is None and np.ndim(conductance) and isinstance(rule, FromEdges):
        listed = values.edge_weights(net, f"{label}.conductance", conductance, UNIT, i, j, ())
    if isinstance(rule, FromEdges | OneToOne) and not rectifying:
        i, j, listed = _one_per_pair(label, i, j, listed, uids)
    check_pairs(label, (i, j) if rectifying else (np.minimum(i, j), np.maximum(i, j)), parallel)
    order = np.lexsort((j, i))
    i, j = i[order], j[order]
    value = listed[order] if listed is not None else 1.0 if conductance is None else conductance
    numbers = conductances(net, f"{label}.conductance", value, i, j, ("conductance", name))
    ranks.agree(label, name, i, j, numbers, conductance, rectifying, parallel)
    if i.size == 0:
        warnings.warn(f"{label}: {rule!r} made no gap junction", NeurosimWarning, stacklevel=3)
    return _make(net, name, sources, targets, (i, j, numbers), conductance, rectifying=rectifying, parallel=parallel)


def _make(
    net: Network, name: str, sources: list[Population], targets: list[Population], found: tuple[np.ndarray, ...], conductance: Any, *,
    rectifying: bool, parallel: bool,
) -> GapJunctions:  # fmt: skip
    """The object and its junctions in the engine; everything has been checked."""
    for population in united(sources, targets):
        net.engine.want_current(population.number)
    made = GapJunctions(
        net, name, net._next("gap junctions"), sources, targets, rectifying=rectifying, parallel=parallel
    )
    i, j, numbers = found
    drawn = hasattr(conductance, "draw")
    made.default_conductance = conductance if drawn else float(np.mean(numbers)) if numbers.size else 1.0
    net.gap_junctions[name] = made
    net.engine.gaps.add(made.number, i, j, numbers, rectifying, net.engine)
    net.engine.refresh()
    warn_if_stiff(net, name)
    return made


def separate(net: Network, junctions: GapJunctions) -> int:
    """Take all junctions of one `join` away; return how many there were."""
    junctions._check_alive()
    if junctions.network is not net:
        raise WiringError(f"disconnect: {junctions.name!r} belongs to another network")
    n = junctions.remove()
    junctions.alive = False
    del net.gap_junctions[junctions.name]
    return n


def forget(net: Network, population: Population) -> None:
    """A population has been removed: what it was joined to lives on, without the junctions to it."""
    for junctions in list(net.gap_junctions.values()):
        for side in (junctions.sources, junctions.targets):
            side[:] = [p for p in side if p is not population]
        if not junctions.sources or not junctions.targets:
            separate(net, junctions)


def _name(net: Network, name: str | None, sources: list[Population], targets: list[Population]) -> str:
    if name is not None:
        if not isinstance(name, str) or not name:
            raise ParameterError(f"join(name): needs a text, got {name!r}")
        if name in net.gap_junctions:
            raise ParameterError(
                f"join(name={name!r}): there is one already; take another name, or net.disconnect(net.gap_junctions[{name!r}]) first"
            )
        return name
    pair, k = f"{label_of(sources)}--{label_of(targets)}", 2
    label = pair
    while label in net.gap_junctions:
        label, k = f"{pair}#{k}", k + 1
    return label


def _check_model(label: str, population: Population) -> None:
    """Refuse neurons without a voltage, or that take no current."""
    physics, kind = population.model.physics, type(population.model).__name__
    if "v" not in physics.state:
        held = ", ".join(physics.state) or "none"
        raise WiringError(
            f"{label}: {kind} has no membrane potential v (its variables: {held}), so no current can flow into {population.name!r}; "
            f"join neurons such as ns.LIF(), or use net.connect(...)"
        )
    if not physics.takes_current:
        raise WiringError(
            f"{label}: {kind} takes no current, so {population.name!r} cannot be joined; join neurons such as ns.LIF()"
        )


# ---- wiring ----------------------------------------------------------------------------------------------------------


def _as_rule(label: str, wiring: Any) -> Rule:
    """The rule meant; an undirected graph is read in both directions."""
    if hasattr(wiring, "is_directed") and hasattr(wiring, "edges") and not wiring.is_directed():
        wiring = wiring.to_directed()
    rule = as_rule(wiring)
    if isinstance(rule, FromEdges) and rule.delay is not None:
        raise WiringError(
            f"{label}: gap junctions have no delay; leave the delays out: ns.from_edges((pre, post, conductance))"
        )
    return rule


def _draw(
    net: Network, label: str, rule: Rule, sides: list[list[Neurons]], uids: list[np.ndarray], *, rectifying: bool, parallel: bool, name: str,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:  # fmt: skip
    """Uids of the pairs that a rule joins, and the conductances that it lists; every unordered pair is decided once."""
    n = [uid.size for uid in uids]
    need = expected_edges(rule, n[0], n[1]) * 80.0
    if need > available_memory():
        raise RunError(f"{label}: {rule!r} would need {need / 1e9:.3g} GB while it is drawn; take fewer junctions")
    common = np.intersect1d(uids[0], uids[1])
    both_ways = bool(common.size) and not rectifying
    if both_ways and isinstance(rule, FixedIndegree | FixedOutdegree | SmallWorld):
        raise WiringError(
            f"{label}: {rule!r} counts directions, and a gap junction has none. Take ns.fixed_total(n) or ns.random(p), or an undirected "
            f"graph such as networkx.random_regular_graph({getattr(rule, 'k', 4)}, {n[0]}); or join two different populations"
        )
    key = int(stream_key(net.seed, "gap junctions", name))
    if both_ways and isinstance(rule, FixedTotal):
        i, j = _total(label, key, check_count(f"{label}.n", rule.n), uids, common, parallel)
        return i, j, None
    if both_ways and isinstance(rule, Condition):
        rule = _asked_both_ways(rule, uids)
    listed = isinstance(rule, FromEdges | OneToOne)
    where = [_positions(side) for side in sides]
    edges = rule.draw(
        key, n[0], n[1], uids[0], uids[1], bool(common.size), listed, listed or parallel, where[0], where[1]
    )
    i, j = uids[0][edges.pre], uids[1][edges.post]
    if (i == j).any():
        uid = int(i[i == j][0])
        raise WiringError(
            f"{label}: neuron {uid} would be joined to itself, where no current can flow; leave such pairs out "
            f"({int((i == j).sum())} of {i.size}), in a matrix by matrix.setdiag(0) and matrix.eliminate_zeros()"
        )
    if both_ways and not listed:
        once = _named_once(i, j, common)
        i, j = i[once], j[once]
    return i, j, edges.weight


def _named_once(i: np.ndarray, j: np.ndarray, common: np.ndarray) -> np.ndarray:
    """Of the two orders in which a pair can be named, if both neurons stand on both sides, the one with the smaller uid first."""
    return ~(np.isin(i, common) & np.isin(j, common)) | (i < j)


def _asked_both_ways(rule: Condition, uids: list[np.ndarray]) -> Condition:
    """A pair is joined if the function says so for either order of its neurons; of two probabilities the larger counts."""
    there, here = places_in(uids[0], uids[1]), places_in(uids[1], uids[0])

    @wraps(rule.function)
    def either(i: np.ndarray, j: np.ndarray) -> np.ndarray:
        one = np.broadcast_to(np.asarray(rule.function(i, j)), i.shape)
        turned = (here[i] >= 0) & (there[j] >= 0)
        other = np.zeros(i.size, one.dtype)
        if turned.any():
            other[turned] = rule.function(there[j[turned]], here[i[turned]])
        return np.maximum(one, other)

    return Condition(either)


def _total(
    label: str, key: int, n: int, uids: list[np.ndarray], common: np.ndarray, parallel: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Exactly n pairs, drawn uniformly: different ones, or with replacement."""
    rng = np.random.Generator(np.random.Philox(key))
    pairs = uids[0].size * uids[1].size
    most = pairs - common.size - common.size * (common.size - 1) // 2
    if n > most and not parallel or n > 0 == most:
        raise WiringError(f"{label}: fixed_total({n}) asks for more junctions than there are pairs, {most}")

    def fine(draw: np.ndarray) -> np.ndarray:
        i, j = uids[0][draw // uids[1].size], uids[1][draw % uids[1].size]
        return draw[(i != j) & _named_once(i, j, common)]

    if 4 * n > most and not parallel:  # draws would mostly hit what is taken: list what there is
        taken = rng.choice(fine(np.arange(pairs)), n, replace=False)
    else:
        taken = np.zeros(0, np.int64)
        while taken.size < n:
            taken = np.concatenate([taken, fine(rng.integers(0, pairs, 2 * (n - taken.size) + 16))])
            if not parallel:
                taken = taken[np.sort(np.unique(taken, return_index=True)[1])]
        taken = taken[:n]
    return uids[0][taken // uids[1].size], uids[1][taken % uids[1].size]


def _disagree(
    label: str, some: np.ndarray, low: np.ndarray, high: np.ndarray, turned: np.ndarray, g: np.ndarray | None
) -> None:
    """Refuse a pair whose two directions differ."""
    a, b = int(low[some][0]), int(high[some][0])
    forth, back = (
        f"{int(way.sum())} times" if g is None else ", ".join(f"{x:g}" for x in g[way]) + " nS"
        for way in (some & ~turned, some & turned)
    )
    raise WiringError(
        f"{label}: the pair {a} - {b} is listed in both directions, and they disagree: {forth} from {a} to {b}, {back} from {b} to {a}. "
        f"A junction has one conductance: take the mean of both, (matrix + matrix.T) / 2, or one direction, scipy.sparse.triu(matrix); "
        f"rectifying=True keeps both, each for one direction"
    )


def _one_per_pair(
    label: str, i: np.ndarray, j: np.ndarray, g: np.ndarray | None, uids: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Pairs that are listed in both directions become one junction; two directions that disagree are refused."""
    turned = i > j
    low, high = np.minimum(i, j), np.maximum(i, j)
    value = np.zeros(i.size) if g is None else g
    pair = np.unique(np.stack([low, high]), axis=1, return_inverse=True)[1].ravel()
    count = [np.bincount(pair[way], minlength=i.size) for way in (~turned, turned)]
    both = (count[0] > 0) & (count[1] > 0)
    wrong = both & (count[0] != count[1])
    if not wrong.any():  # the two directions side by side: from pair to pair, and within one by conductance
        up, down = (np.flatnonzero(way & both[pair]) for way in (~turned, turned))
        up, down = (way[np.lexsort((value[way], pair[way]))] for way in (up, down))
        wrong[pair[up[value[up] != value[down]]]] = True
    if wrong.any():
        _disagree(label, pair == np.argmax(wrong), low, high, turned, g)
    keep = ~(turned & both[pair])
    inside = turned & np.isin(i, uids[1]) & np.isin(j, uids[0])  # both neurons on both sides: the smaller uid first
    i, j = np.where(inside, low, i)[keep], np.where(inside, high, j)[keep]
    return i, j, None if g is None else g[keep]


def _positions(side: list[Neurons]) -> np.ndarray | None:
    """Positions of all neurons of a side, if all have them, in as many dimensions."""
    where = [positions(part) for part in side]
    known = [w for w in where if w is not None]
    return np.concatenate(known) if len(known) == len(where) and len({w.shape[1] for w in known}) == 1 else None


# ---- saving ----------------------------------------------------------------------------------------------------------


def describe(junctions: GapJunctions, encode: Any) -> dict[str, Any]:
    """What `save` keeps of one object; the junctions themselves are arrays of the engine."""
    return {
        "name": junctions.name, "number": junctions.number, "sources": [p.name for p in junctions.sources],
        "targets": [p.name for p in junctions.targets], "rectifying": junctions.rectifying, "parallel": junctions.parallel,
        "default": encode(junctions.default_conductance), "births": junctions.births,
    }  # fmt: skip


def restore(net: Network, entries: list[dict[str, Any]], known: Mapping[str, GapJunctions], decode: Any) -> None:
    """The objects again; those that are `known` are used again."""
    for junctions in net.gap_junctions.values():
        junctions.alive = False
    net.gap_junctions = {}
    for e in entries:
        sides = [[net.populations[name] for name in e[side]] for side in ("sources", "targets")]
        j = known.get(e["name"])
        if j is None:
            j = GapJunctions(net, e["name"], 0, *sides, rectifying=e["rectifying"], parallel=e["parallel"])
        j.number, (j.sources, j.targets) = e["number"], sides
        j.default_conductance, j.births, j.alive = decode(e["default"]), e["births"], True
        net.gap_junctions[j.name] = j
