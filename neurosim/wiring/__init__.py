"""Rules that say which source is joined to which target: random, by degree, by distance, small world, or as listed.

A rule knows sizes, uids and positions, no Network.  Draws are keyed by the uid of the target (of the source for
out-degrees, of the pair for probabilities of pairs, of the connection for totals), so the edges of one target do not
depend on which other targets there are.
"""

import difflib
from collections.abc import Callable, Hashable, Iterable, Sequence

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_positive, check_probability, did_you_mean
from neurosim.errors import ParameterError, WiringError
from neurosim.wiring.listed import (
    FORMS,
    edge_values,
    frame_columns,
    graph_columns,
    is_edges,
    pair_columns,
    places_of,
    short,
)
from neurosim.wiring.parallels import nth_among_parallels
from neurosim.wiring.rules import (
    AllToAll,
    Condition,
    Distance,
    DistanceFunction,
    Edges,
    FixedIndegree,
    FixedOutdegree,
    FixedTotal,
    FromEdges,
    OneToOne,
    PairFunction,
    Random,
    Rule,
    SmallWorld,
)

__all__ = [
    "AllToAll",
    "Condition",
    "Distance",
    "DistanceFunction",
    "Edges",
    "FixedIndegree",
    "FixedOutdegree",
    "FixedTotal",
    "FromEdges",
    "OneToOne",
    "PairFunction",
    "Random",
    "Rule",
    "SmallWorld",
    "all_to_all",
    "as_rule",
    "condition",
    "distance",
    "fixed_indegree",
    "fixed_outdegree",
    "fixed_total",
    "from_edges",
    "nth_among_parallels",
    "one_to_one",
    "random",
    "small_world",
]


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
        pre, post, weight, delay = graph_columns(edges)
    elif hasattr(edges, "iloc") and hasattr(edges, "columns"):
        pre, post, weight, delay = frame_columns(edges)
    elif hasattr(edges, "tocoo"):
        matrix = edges.tocoo()
        shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        pre, post, weight = matrix.row, matrix.col, None if matrix.dtype == bool else matrix.data
    elif isinstance(edges, tuple) and 2 <= len(edges) <= 4:
        pre, post, weight, delay = (*edges, None, None)[:4]
    elif isinstance(edges, list | np.ndarray):
        pre, post = pair_columns(edges, labelled=place is not None)
    else:
        raise WiringError(f"from_edges: cannot read edges from {short(edges)}; allowed: {FORMS}")
    pre, post = places_of("pre", pre, place), places_of("post", post, place)
    if pre.size != post.size:
        raise WiringError(f"from_edges: pre has {pre.size} entries and post {post.size}; they must be equally many")
    return FromEdges(pre, post, edge_values("weight", weight, pre.size), edge_values("delay", delay, pre.size), shape)


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
    if is_edges(given):
        return from_edges(given)
    if callable(given):
        return Condition(given)
    raise WiringError(f"connect(rule): cannot use {short(given)}; allowed: {_ALLOWED}")


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


_ALLOWED = f"{', '.join(_EXAMPLES.values())}, a function of (i, j), {FORMS}"
