"""Making projections: everything that `Network.connect` checks, draws and chooses."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import inserting, piecemeal, ranks, sharing, threads, values
from neurosim import procedural as making
from neurosim.checks import check_probability, did_you_mean
from neurosim.edges import Edges
from neurosim.engine.coded_pool import STORES, CodedPool, bounds_of
from neurosim.engine.pools import PlasticPool, RulePool, StaticPool, Wire
from neurosim.errors import NeurosimWarning, ParameterError, RunError, WiringError
from neurosim.filling import PART, PART_BYTES, Planned, fill
from neurosim.kernels.events import EventPlan
from neurosim.kernels.rng import stream_key
from neurosim.plasticity.mechanism import as_parts
from neurosim.plasticity.rule import as_plasticity
from neurosim.population import Neurons, parts_of
from neurosim.projection import Projection, unit_of_weights
from neurosim.wiring import (
    AllToAll,
    Condition,
    Distance,
    FixedIndegree,
    FixedOutdegree,
    FixedTotal,
    FromEdges,
    OneToOne,
    Random,
    Rule,
    SmallWorld,
    as_rule,
)

if TYPE_CHECKING:
    from neurosim.network import Network

DTYPES = {"float64": 8, "float32": 4}
#: Plastic weights of few bits lie on a grid of so many intervals between w_min and w_max, rounded at random.
LEVELS = {"int8": 255, "4bit": 15, "2bit": 3, "1bit": 1}
#: Bits of the 32 of a synapse that delays may take.
MOST_DELAY_BITS = 20
#: Bytes an edge, measured: of the check of listed edges, and besides of plastic ones, which are stored all at once.
LISTED, PLASTIC = 45, 45


class ProjectionGroup(Sequence[Projection]):
    """Several projections made by one `connect`: a region or a list was source or target."""

    def __init__(self, name: str, projections: list[Projection]) -> None:
        self.name = name
        self.projections = projections

    def __getitem__(self, which: Any) -> Any:
        return self.projections[which]

    def __iter__(self) -> Iterator[Projection]:
        return iter(self.projections)

    def __len__(self) -> int:
        return len(self.projections)

    @property
    def n_edges(self) -> int:
        """Synapses of all projections."""
        return sum(len(p) for p in self.projections if p.alive)

    def remove_edges(self, **options: Any) -> int:
        """Remove synapses from all projections; see `Projection.remove`."""
        return sum(p.remove(**options) for p in self.projections if p.alive)

    def __repr__(self) -> str:
        return f"ProjectionGroup({self.name!r}: {len(self)} projections, {self.n_edges:,} synapses)"


def expected_edges(rule: Rule, n_pre: int, n_post: int) -> float:
    """About how many edges a rule will make."""
    match rule:
        case Random():
            return rule.p * n_pre * n_post
        case FixedIndegree():
            return float(rule.k) * n_post
        case FixedOutdegree():
            return float(rule.k) * n_pre
        case FixedTotal():
            return float(rule.n)
        case OneToOne():
            return float(n_pre)
        case SmallWorld():
            return float(rule.k) * n_pre
        case FromEdges():
            return float(rule.pre.size)
        case AllToAll():
            return float(n_pre) * n_post
        case Distance() if rule.radius is not None:
            return min(float(n_pre) * n_post, 100.0 * n_post)
        case _:
            return float(n_pre) * n_post * 0.1


def available_memory() -> float:
    """Bytes that are free now, as far as the system tells, and that this process may still take."""
    return min(_free_memory(), _left_of_limit())


def _left_of_limit() -> float:
    """Bytes of memory of its own that the limit of the process leaves (RLIMIT_DATA; files mapped do not count)."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
        if limit == resource.RLIM_INFINITY:
            return float("inf")
        with open("/proc/self/status") as file:
            held = next(float(line.split()[1]) * 1024 for line in file if line.startswith("VmData"))
        return max(0.0, limit - held)
    except (ImportError, OSError, StopIteration):
        return float("inf")


def _free_memory() -> float:
    try:
        with open("/proc/meminfo") as file:
            for line in file:
                if line.startswith("MemAvailable"):
                    return float(line.split()[1]) * 1024
    except OSError:
        pass
    return float("inf")


def name_for(net: Network, name: str | None, source: Neurons, target: Neurons, single: bool) -> str:
    """Name of a new projection: the one given, with the pair where there are several, or one that is free."""
    pair = f"{source.population.name}->{target.population.name}"
    label = (name if single else f"{name}:{pair}") if name else pair
    if name and label in net.projections:
        raise ParameterError(
            f"connect(name={name!r}): there is one already; take another name, or net.disconnect(net.projections[{label!r}]) first"
        )
    k = 2
    while label in net.projections:
        label, k = f"{pair}#{k}", k + 1
    return label


def connect(
    net: Network, pre: Neurons, post: Neurons, rule: object, *, weight: object, delay: object, axonal_delay: object,
    receptor: str | None, plasticity: Any, dtype: str, autapses: bool, parallel: bool, release: float, name: str,
    modulator: Any = None, w_min: float | None = None, w_max: float | None = None, procedural: bool = False,
) -> Projection:  # fmt: skip
    """One projection between two populations or views; see `Network.connect`."""
    label = f"connect({pre.label} -> {post.label})"
    source, target = pre.population, post.population
    receptors = target.model.physics.receptors
    if not receptors:
        hint = target.model.physics.hints.get("receptors") or "connect to neurons, or swap source and target"
        raise WiringError(f"{label}: {type(target.model).__name__} takes no input; {hint}")
    if receptor is not None and receptor not in receptors:
        raise WiringError(
            f"{label}: {type(target.model).__name__} has no receptor {receptor!r}; known: {', '.join(receptors)}.{did_you_mean(receptor, receptors)}"
        )
    if procedural:
        allowed = {
            "plasticity": (plasticity, None), "dtype": (dtype, "float64"), "release": (release, 1.0), "modulator": (modulator, None),
            "w_min": (w_min, None), "w_max": (w_max, None),
        }  # fmt: skip
        making.refuse_options(label, allowed)
    plasticity = None if plasticity is None else as_plasticity(label, plasticity)
    for one in as_parts(plasticity):
        if receptor is None and hasattr(one, "receptor_of"):
            receptor = one.receptor_of(label, target.model)
    if receptor is None and len(receptors) > 1 and set(receptors.values()) != {1, -1}:
        raise WiringError(
            f"{label}: {type(target.model).__name__} has several receptors that take any weight ({', '.join(receptors)}); name one: "
            f"net.connect(..., receptor={next(iter(receptors))!r})"
        )
    if procedural:
        return making.connect(
            net, label, pre, post, as_rule(rule), weight=weight, delay=delay, axonal_delay=axonal_delay, receptor=receptor,
            autapses=autapses, parallel=parallel, name=name, free=available_memory(),
        )  # fmt: skip
    dtype = weight_type(label, dtype, plasticity)
    check_probability(f"{label}.release", release)
    level = _modulator(label, net, plasticity, modulator)
    if plasticity is not None and release < 1:
        raise ParameterError(
            f"{label}: release below 1 works with static synapses only; leave out release or plasticity"
        )
    drawn = as_rule(rule)
    _check_bounds(label, dtype, plasticity, w_min, w_max)
    by_portions = piecemeal.possible(net, drawn, weight, delay)
    _foresee(net, label, drawn, len(pre), len(post), dtype, plasticity is not None, parallel, by_portions)
    axonal = 0 if axonal_delay is None else values.duration(net, f"{label}.axonal_delay", axonal_delay)
    common: dict[str, Any] = {
        "unit": unit_of_weights(target.model, plasticity), "least": 0 if axonal else 1, "name": name, "parallel": parallel,
    }  # fmt: skip
    whole = False
    if by_portions:
        delay = (0.0 if axonal else net.default_delay) if delay is None else delay
        ranks.agree(label, name, weight, delay, dtype, autapses, parallel, release, level, drawn)
        planned: Planned = piecemeal.Pieces(
            net, label, drawn, pre, post, expected=expected_edges(drawn, len(pre), len(post)), autapses=autapses, weight=weight,
            delay=delay, **common,
        )  # fmt: skip
    else:
        key = int(stream_key(net.seed, "wiring", name))
        edges, whole = sharing.draw(net, drawn, key, pre, post, autapses, parallel, positions, (weight, delay))
        told = sharing.listed(drawn, edges, whole)
        ranks.agree(label, name, weight, delay, dtype, autapses, parallel, release, level, *told)
        if sharing.none(edges):
            warnings.warn(f"{label}: the rule {drawn!r} made no synapse", NeurosimWarning, stacklevel=3)
        if delay is None and edges.delay is None:
            delay = 0.0 if axonal else net.default_delay
        if not isinstance(drawn, FromEdges):
            weight, delay = (_in_edge_order(value, edges, pre, post) for value in (weight, delay))
        planned = Planned(net, label, edges, pre, post, weight=weight, delay=delay, **common)
        del edges
    several = planned.steps is None
    given = planned.weights, planned.steps
    if whole:
        planned.keep(net.engine.home[target.number][1])
    weights: Any = planned.weights
    steps: Any = planned.steps
    if plasticity is not None:  # its pool depends on all of them
        weights, steps = planned.whole()
    if ranks.SIZE > 1:  # this rank has its own edges only, and what follows depends on all
        weights = given[0] if given[0] is not None or weights is None else sharing.extremes(weights)
        steps = steps if given[1] is None else given[1]
    folded = axonal if plasticity is None or plasticity.sees == "spikes" else 0
    steps, axonal = None if steps is None else steps + folded, axonal - folded
    bounds = (0.0, 0.0)
    if plasticity is None and dtype in STORES:
        bounds = bounds_of(label, dtype, planned.weight, np.zeros(0) if weights is None else weights, w_min, w_max)
    threads.prepare(net)
    projection = _make(
        net,
        label,
        source,
        target,
        steps,
        several,
        axonal,
        receptor,
        plasticity,
        dtype,
        autapses,
        parallel,
        release,
        name,
        level,
        weights,
        bounds,
    )
    drawn_weight = planned.weights is None
    projection.default_weight = weight if drawn_weight else float(np.mean(weights)) if np.size(weights) else 1.0
    projection.default_delay = delay if several else _typical(net, steps)
    projection.folded = folded
    try:
        if ranks.SIZE > 1:
            sharing.fill(projection, planned, folded)
        elif plasticity is None or by_portions:
            fill(projection, planned, folded)
        else:
            i, j = planned.places(slice(None))
            del planned
            inserting.put(projection, i, j, weights, steps, None)
        if by_portions and not len(projection):
            warnings.warn(f"{label}: the rule {drawn!r} made no synapse", NeurosimWarning, stacklevel=3)
    except BaseException:
        net.engine.remove_wire(projection.pool, projection.wire)
        raise
    return projection


def _in_edge_order(value: Any, edges: Any, pre: Neurons, post: Neurons) -> Any:
    """An array of one number per edge, given in the order of a projection (pre uid, post uid), in that of the drawn edges."""
    if not isinstance(value, np.ndarray | list | tuple) or not np.ndim(value) or len(value) != len(edges):
        return value
    order = np.argsort(np.lexsort((post.uid[edges.post], pre.uid[edges.pre])))
    return (
        value[order] if isinstance(value, np.ndarray) else [value[k] for k in order]
    )  # Brian2 quantities stay what they are


def weight_type(label: str, dtype: Any, plasticity: Any = None) -> str:
    """Name of the type of the stored weights."""
    few = str(dtype) if isinstance(dtype, str | np.dtype) else {np.int8: "int8", np.float16: "float16"}.get(dtype, "")
    if few in STORES and plasticity is None:
        return few
    if few in LEVELS:
        if not np.isfinite([plasticity.w_min, plasticity.w_max]).all():
            raise ParameterError(
                f"{label}: dtype={few!r} is a grid between the bounds of a rule, so it needs plasticity with finite bounds, for example "
                f"plasticity=ns.PairSTDP(w_min=0.0, w_max=1.0); or take dtype='float32'"
            )
        return few
    if few in STORES:
        raise ParameterError(
            f"{label}: dtype={few!r} is for static synapses; with plasticity take one of {', '.join((*DTYPES, *LEVELS))}, "
            f"for example dtype='float32'"
        )
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in DTYPES:
        raise ParameterError(
            f"{label}: dtype must be one of {', '.join((*DTYPES, *STORES))}, got {dtype!r}; for example dtype='float32'"
        )
    return name


def _check_bounds(label: str, dtype: str, plasticity: Any, w_min: float | None, w_max: float | None) -> None:
    """Bounds of weights belong to a grid of few bits, or to a rule."""
    if w_min is None and w_max is None:
        return
    if plasticity is not None:
        kind = type(as_parts(plasticity)[0]).__name__
        raise ParameterError(
            f"{label}: w_min and w_max of plastic synapses are those of the rule: plasticity=ns.{kind}(w_min=..., w_max=...)"
        )
    if dtype in DTYPES:
        raise ParameterError(
            f"{label}: w_min and w_max are for dtype 'int8', '4bit', '2bit' and '1bit', got dtype={dtype!r}; leave them out"
        )


def _typical(net: Network, steps: np.ndarray) -> int:
    """The delay (steps) of synapses that are made later without one of their own."""
    return int(np.round(np.mean(steps))) if np.size(steps) else round(net.default_delay / net.dt)


def positions(neurons: Neurons) -> np.ndarray | None:
    """Positions of a population's or view's neurons, or None."""
    where = neurons.population.positions
    return None if where is None else where[neurons.index]


def _make(
    net: Network, label: str, source: Any, target: Any, steps: Any, several: bool, axonal: int, receptor: str | None, plasticity: Any,
    dtype: str, autapses: bool, parallel: bool, release: float, name: str, level: tuple[int, int], weights: np.ndarray,
    bounds: tuple[float, float],
) -> Projection:  # fmt: skip
    """An empty projection in the pool of its kind."""
    number = net._next("projection")
    wire = Wire(
        number,
        source.number,
        target.number,
        0,
        0,
        axonal=axonal,
        release=release,
        rule=plasticity,
        modulator=level[0],
        modulator_index=level[1],
        low=bounds[0],
        high=bounds[1],
    )
    if plasticity is None:
        pool: Any = next(
            (
                p
                for p in net.engine.pools
                if isinstance(p, StaticPool) and p.released == (release < 1) and p.store == dtype
            ),
            None,
        )
        if pool is None:
            made = {"store": dtype} if dtype in STORES else {"dtype": dtype}
            pool = (CodedPool if dtype in STORES else StaticPool)(**made, released=release < 1)
    else:
        pool = _plastic_pool(net, label, wire, steps, several, target, receptor, dtype, weights)
        receptor = list(target.model.physics.receptors)[wire.receptor]
    net.engine.add_wire(pool, wire)
    return Projection(
        net, name, source, target, pool, wire, plasticity=plasticity, autapses=autapses, parallel=parallel, receptor=receptor
    )  # fmt: skip


def _plastic_pool(
    net: Network, label: str, wire: Wire, steps: np.ndarray, several: bool, target: Any, receptor: str | None, dtype: str,
    weights: np.ndarray,
) -> Any:  # fmt: skip
    """The pool of a plastic projection, an old one if it fits; says in the wire where its delays lie."""
    rule, axonal = wire.rule, wire.axonal
    same = np.ndim(steps) == 0 or (not several and np.size(steps) > 0 and bool(np.min(steps) == np.max(steps)))
    late_events = any(one.mechanism.post_event is not None for one in as_parts(rule)) and rule.sees != "spikes"
    uniform = rule.sees == "spikes" or (same and not late_events)
    if axonal and not (same and uniform):
        raise ParameterError(
            f"{label}: with axonal_delay all plastic synapses share one dendritic rest; give one delay, or leave out axonal_delay"
            if not late_events
            else f"{label}: {type(rule).__name__} takes events from the target's state; leave out axonal_delay, or take sees='spikes'"
        )
    wire.back = 0 if rule.sees == "spikes" or not uniform else int(np.max(steps))
    wire.receptor = _plastic_receptor(label, target, receptor, rule, weights)
    late = axonal > 0 and wire.back == 0 and rule.sees != "spikes"
    fast = getattr(rule, "functions", None)
    if fast is not None and dtype in DTYPES:
        return next(
            (p for p in net.engine.pools if isinstance(p, PlasticPool) and p.functions == fast and p.uniform == uniform
             and p.weight.dtype == dtype and p.late == late), None,
        ) or PlasticPool(rule, uniform=uniform, dt=net.dt, dtype=dtype, step=net.step)  # fmt: skip
    parts = tuple(one.mechanism for one in as_parts(rule))
    plan = EventPlan(parts, uniform, dtype if dtype in DTYPES else "float32", LEVELS.get(dtype, 0))
    _check_reads(label, target, plan)
    return next(
        (p for p in net.engine.pools if isinstance(p, RulePool) and p.plan == plan and p.late == late), None
    ) or RulePool(plan, dt=net.dt, step=net.step)


def _check_reads(label: str, target: Any, plan: EventPlan) -> None:
    """A rule that looks at the target needs its state variables."""
    known = list(target.model.physics.state)
    for name in (*plan.reads, *plan.watches):
        if name not in known:
            raise ParameterError(
                f"{label}: the rule reads the state variable {name!r} of the target, which {type(target.model).__name__} does not have; "
                f"known: {', '.join(known) or 'none'}.{did_you_mean(name, known)}"
            )


def _modulator(label: str, net: Network, plasticity: Any, modulator: Any) -> tuple[int, int]:
    """(number of its population, index) of the neuron whose level is the third factor; (-1, 0) if there is none."""
    wants = plasticity is not None and any(one.mechanism.third_factor for one in as_parts(plasticity))
    if not wants:
        if modulator is not None:
            raise ParameterError(
                f"{label}: modulator= is for rules with a third factor, such as ns.DopamineSTDP(); leave it out"
            )
        return -1, 0
    line = "for example dopamine = net.add_population('dopamine', ns.Modulator(tau=200.0), 1) and net.connect(..., modulator=dopamine)"
    if modulator is None:
        raise ParameterError(f"{label}: the rule has a third factor and needs modulator=; {line}")
    if not isinstance(modulator, Neurons):
        raise ParameterError(f"{label}: modulator must be a population of one ns.Modulator, got {modulator!r}; {line}")
    kind = type(modulator.population.model).__name__
    if kind != "Modulator" or len(modulator) != 1 or modulator.population.network is not net:
        raise ParameterError(
            f"{label}: modulator must be one neuron of the model Modulator in this network, got {len(modulator)} of {kind}; {line}"
        )
    return modulator.population.number, int(modulator.index[0])


def _plastic_receptor(label: str, target: Any, receptor: str | None, rule: Any, weights: np.ndarray) -> int:
    """Number of the one receptor of a plastic projection: given, the only one, or that of the sign of the bounds."""
    receptors = target.model.physics.receptors
    names = list(receptors)
    if receptor is not None:
        return names.index(receptor)
    if len(names) == 1:
        return 0
    signs = np.sign(np.asarray(weights))
    if rule.w_min >= 0 or (np.isinf(rule.w_min) and np.size(signs) and np.all(signs >= 0)):
        return next(k for k, s in enumerate(receptors.values()) if s > 0)
    if rule.w_max <= 0 or (np.isinf(rule.w_max) and np.size(signs) and np.all(signs <= 0)):
        return next(k for k, s in enumerate(receptors.values()) if s < 0)
    raise ParameterError(
        f"{label}: bounds [{rule.w_min:g}, {rule.w_max:g}] allow both signs, which are different receptors here ({', '.join(names)}); "
        f"give bounds of one sign, or receptor={names[0]!r}"
    )


def widen_delays(net: Network, projection: Projection, steps: int) -> None:
    """Give delays more of the 32 bits of a synapse; what does not fit is refused."""
    bits = max(steps.bit_length(), 8)
    columns = int(net.engine.uid_of_column.size)
    slots = 1 << (steps + 64).bit_length()
    room = 8.0 * slots * columns
    if bits > MOST_DELAY_BITS or columns >= 1 << (32 - bits) or room > available_memory() / 2:
        bits = min(MOST_DELAY_BITS, 32 - columns.bit_length())
        most = ((1 << bits) - 1) * net.dt
        raise ParameterError(
            f"{projection.name}: a delay of {steps * net.dt:g} ms is too long; at most {most:g} ms fit beside {columns:,} receptors "
            f"at dt = {net.dt:g} ms, and {room / 1e9:.2g} GB would hold what is on its way. Take a shorter delay, fewer neurons or a longer dt"
        )
    projection.pool.remap(np.arange(columns), 32 - bits)
    projection.pool.edited()
    net.engine.refresh()


def building_bytes(rule: Rule, edges: float, n_pre: int, n_post: int, *, parallel: bool, stored: float) -> float:
    """Bytes at most in use while static synapses are made, with the `stored` that stay: while edges are drawn, or stored.

    Places take 8 bytes an edge; some rules keep them twice for a moment, or a table of the pairs there are.
    """
    match rule:
        case FixedTotal() if not parallel:
            wanted = min(edges, max(0.0, n_pre * n_post - edges))
            drawing = max(8 * edges + 8.0 * (1 << int(max(1, 2 * wanted - 1)).bit_length()), 16 * edges)
        case FixedTotal() | FixedOutdegree():
            drawing = 16 * edges
        case AllToAll():
            drawing = 25 * edges
        case Condition() | Distance():
            drawing = 24 * edges
        case FromEdges():
            drawing = LISTED * edges
        case _:
            drawing = 8 * edges
    return max(drawing, 8 * edges + stored + PART_BYTES * min(edges, PART))


def foreseen(net: Network, pre: Any, post: Any, rule: object, dtype: Any, parallel: bool) -> tuple[float, float, float]:
    """(synapses, bytes when built, bytes while they are built) of a connection."""
    if pre is None or post is None or rule is None:
        raise ParameterError(
            "net.estimate: needs pre, post and a rule, such as net.estimate(exc, exc, ns.random(0.1)), or nothing"
        )
    width = _width(weight_type("net.estimate", dtype))
    drawn, edges, built, peak = as_rule(rule), 0.0, 0.0, 0.0
    for source in parts_of(pre, net, "estimate(pre)"):
        for target in parts_of(post, net, "estimate(post)"):
            n_pre, n_post = len(source), len(target)
            some = expected_edges(drawn, n_pre, n_post)
            stored = some * (4 + width) * 1.1
            peak = max(peak, built + building_bytes(drawn, some, n_pre, n_post, parallel=parallel, stored=stored))
            edges, built = edges + some, built + stored
    return edges, built, peak


def _width(dtype: str, plastic: bool = False) -> float:
    """Bytes of a weight; those of plastic synapses are numbers of 4 bytes at least."""
    if dtype in DTYPES:
        return float(DTYPES[dtype])
    return 4.0 if plastic else STORES[dtype] / 8


def _foresee(
    net: Network, label: str, rule: Rule, n_pre: int, n_post: int, dtype: str, plastic: bool, parallel: bool, by_portions: bool
) -> None:  # fmt: skip
    """Refuse what would not fit into memory or on the disk, before anything is made."""
    edges, store = expected_edges(rule, n_pre, n_post) / ranks.SIZE, net.engine.store
    stored = edges * (4 + _width(dtype, plastic)) * 1.1
    on_disk = ranks.least(store.free / ranks.here()) if store is not None else 0.0
    if store is not None and stored > on_disk:
        raise RunError(
            f"{label}: {rule!r} would make about {edges:.3g} synapses, which need {stored / 1e9:.3g} GB on disk; "
            f"{str(store.path)!r} has {on_disk / 1e9:.3g} GB left. Name a folder on a larger disk: ns.Network(store=...)"
        )
    if by_portions:
        return
    stored = stored if store is None else 0.0
    need = building_bytes(rule, edges, n_pre, n_post, parallel=parallel, stored=stored) + PLASTIC * edges * plastic
    free = available_memory()
    if ranks.SIZE > 1:  # those on one machine share its memory
        free = ranks.least(min(free, _free_memory() / ranks.here()))
    if need > free:
        raise RunError(
            f"{label}: {rule!r} would make about {edges:.3g} synapses, which need {need / 1e9:.3g} GB while they are built; "
            f"{free / 1e9:.3g} GB are free. Take fewer, for example ns.fixed_indegree(100), or keep them on disk: ns.Network(store='folder'); "
            f"net.estimate(...) tells before"
        )


__all__ = ["Edges", "ProjectionGroup", "available_memory", "connect", "expected_edges", "positions"]
