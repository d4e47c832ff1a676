"""A graph that changes, in numbers: how long synapses live, who has how many, how the whole is knit, at many times.

Knows lifetimes of synapses only: each function takes a network with a history, a history, or its lifetimes.  scipy and
networkx are imported inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count
from neurosim.errors import ParameterError
from neurosim.lifetimes import Lifetimes, PastGraph

TRIADS = (
    "003", "012", "102", "021D", "021U", "021C", "111D", "111U", "030T", "030C", "201", "120D", "120U", "120C", "210", "300",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SurvivalCurve:
    """Share of synapses still alive at each age, by Kaplan & Meier.

    Attributes
    ----------
    label : str
    n, died : int
        Synapses, and those that died; the rest was alive when last seen.
    age : float64 [deaths + 1]
        ms, ascending from 0; the curve is constant in between.
    survival, low, high : float64 [deaths + 1]
        Share alive from that age on, and bounds of its 95 % confidence interval (Greenwood's variance, log-log scale).
    at_risk, deaths : int64 [deaths + 1]
        Synapses that reached that age, and deaths at it.
    longest : float
        Oldest age seen (ms), dead or alive.
    censored : float64 [alive]
        Ages at which those alive were last seen (ms), ascending.
    """

    label: str
    n: int
    died: int
    age: np.ndarray
    survival: np.ndarray
    low: np.ndarray
    high: np.ndarray
    at_risk: np.ndarray
    deaths: np.ndarray
    longest: float
    censored: np.ndarray

    def at(self, age: ArrayLike) -> np.ndarray:
        """Share alive at each age (ms); nan beyond the oldest one seen."""
        age = np.asarray(age, np.float64)
        share = self.survival[np.searchsorted(self.age, age, side="right") - 1]
        return np.where((age < 0) | (age > self.longest), np.nan, share)

    @property
    def median(self) -> float:
        """Age (ms) at which half have died; inf if fewer have."""
        below = np.flatnonzero(self.survival <= 0.5 + 1e-12)
        return float(self.age[below[0]]) if below.size else float("inf")


@dataclass(frozen=True, eq=False)
class DegreesOverTime:
    """Synapses per neuron at some times.

    Attributes
    ----------
    t : float64 [times]
        ms.
    neurons : list of int64 [neurons]
        Uids alive at each time.
    inward, outward : list of int64 [neurons]
        Synapses onto and from each of them, parallel ones counted.
    """

    t: np.ndarray
    neurons: list[np.ndarray]
    inward: list[np.ndarray]
    outward: list[np.ndarray]


@dataclass(frozen=True, eq=False)
class GraphStatistics:
    """How the graph is knit at some times; autapses are left out, parallel synapses are one connection.

    Attributes
    ----------
    t : float64 [times]
        ms.
    neurons, synapses, connections : int64 [times]
        Connections are connected ordered pairs.
    density : float64 [times]
        Connections per ordered pair of neurons.
    reciprocity : float64 [times]
        Share of connections whose reverse exists; by chance it is the density.
    transitivity : float64 [times]
        Share of paths of two, directions aside, that are closed to a triangle; by chance about twice the density.
    feedforward, cycles : float64 [times]
        Triangles i -> j -> k with i -> k, and with k -> i, per number expected in a random graph of that density.
    modularity, modularity_shuffled : float64 [times]
        Of the communities that Louvain's method finds, directions aside, weighted by synapses; and the same after the
        targets have been shuffled among the synapses, which is what chance gives.
    communities : int64 [times]
    triads : int64 [times, 16] or None
        Triad census in the order of `TRIADS`; None where there were more neurons than `census_up_to`.
    """

    t: np.ndarray
    neurons: np.ndarray
    synapses: np.ndarray
    connections: np.ndarray
    density: np.ndarray
    reciprocity: np.ndarray
    transitivity: np.ndarray
    feedforward: np.ndarray
    cycles: np.ndarray
    modularity: np.ndarray
    modularity_shuffled: np.ndarray
    communities: np.ndarray
    triads: np.ndarray | None


@dataclass(frozen=True, eq=False)
class RegionMatrices:
    """Synapses from each region to each, at some times; populations without a region go by their names.

    Attributes
    ----------
    t : float64 [times]
        ms.
    labels : list of str
    matrix : int64 [times, sources, targets]
    sizes : int64 [times, regions]
        Neurons of each region.
    """

    t: np.ndarray
    labels: list[str]
    matrix: np.ndarray
    sizes: np.ndarray


@dataclass(frozen=True, eq=False)
class Turnover:
    """What comes and goes between looks at a graph.

    Attributes
    ----------
    t : float64 [looks]
        ms.
    count : int64 [looks]
        Synapses there were.
    gained, lost : int64 [looks - 1]
        Synapses seen for the first time, and seen no more, from one look to the next; what came and went in between is
        in neither, as under a microscope.
    born, died : int64 [looks - 1]
        All births (the wiring that `connect` made in between too) and deaths in between.
    ratio : float64 [looks - 1]
        (gained + lost) / (count before + count after).
    rate : float64 [looks - 1]
        (born + died) / 2 per synapse and second, of the mean count.
    """

    t: np.ndarray
    count: np.ndarray
    gained: np.ndarray
    lost: np.ndarray
    born: np.ndarray
    died: np.ndarray
    ratio: np.ndarray
    rate: np.ndarray


def lifetimes_of(name: str, source: Any, projection: str | None = None) -> Lifetimes:
    """The lifetimes in a network, a history or themselves."""
    source = getattr(source, "history", source)
    if isinstance(source, Lifetimes):
        if projection is not None:
            raise ParameterError(f"{name}(projection=): choose with net.history.lifetimes({projection!r})")
        return source
    if not hasattr(source, "lifetimes"):
        raise ParameterError(f"{name}: needs a network, net.history or net.history.lifetimes(), got {source!r}")
    lived: Lifetimes = source.lifetimes(projection)
    return lived


def looks(name: str, lived: Lifetimes, times: ArrayLike | int | None, default: int) -> np.ndarray:
    """Times (ms) at which to look: given, or so many from the first birth (or the last reset) until now."""
    if times is None or np.ndim(times) == 0:
        n = default if times is None else check_count(name, times, least=1)
        known = lived.birth[np.isfinite(lived.birth)]
        start, stop = float(known.min()) if known.size else 0.0, lived.until * lived.dt
        start = max(start, lived.began * lived.dt)
        return np.linspace(min(start, stop), stop, n) if n > 1 else np.array([stop])
    t = np.asarray(times, np.float64)
    if t.ndim != 1 or not t.size or not np.isfinite(t).all() or (np.diff(t) <= 0).any():
        raise ParameterError(f"{name}: must be ascending times (ms) or a number of them, got {times!r}")
    return t


# ---- how long synapses live ------------------------------------------------------------------------------------------


def kaplan_meier(duration: ArrayLike, died: ArrayLike, label: str = "") -> SurvivalCurve:
    r"""Share of synapses that live to each age, from complete and from censored lifetimes.

    .. math:: S(t) = \prod_{t_i \le t} (1 - d_i / n_i)

    with d deaths at age t_i among the n that reached it.

    Parameters
    ----------
    duration : array
        ms, at least 0.
    died : bool array
        False: alive when last seen.
    label : str

    Returns
    -------
    SurvivalCurve

    References
    ----------
    Kaplan & Meier (1958), J. Am. Stat. Assoc. 53:457.  Greenwood (1926), Rep. Public Health Med. Subjects 33:1.

    Examples
    --------
    >>> curve = kaplan_meier([1.0, 2.0, 2.0, 3.0], [True, True, False, True])
    >>> curve.age.tolist(), curve.survival.tolist()
    ([0.0, 1.0, 2.0, 3.0], [1.0, 0.75, 0.5, 0.0])
    """
    duration, died = np.asarray(duration, np.float64), np.asarray(died, np.bool_)
    if duration.ndim != 1 or duration.shape != died.shape or not (duration >= 0).all() or np.isinf(duration).any():
        raise ParameterError(
            f"kaplan_meier: needs one finite duration (ms, at least 0) and one bool per synapse, got shapes {duration.shape} and {died.shape}"
        )
    age, deaths = np.unique(duration[died], return_counts=True)
    ordered = np.sort(duration)
    at_risk = duration.size - np.searchsorted(ordered, age, side="left")
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.cumprod(1.0 - deaths / at_risk)
        spread = np.sqrt(np.cumsum(deaths / (at_risk * (at_risk - deaths.astype(np.float64))))) / np.abs(
            np.log(survival)
        )
        low, high = (survival ** np.exp(sign * 1.959964 * spread) for sign in (1.0, -1.0))
    certain = survival <= 0.0
    low, high = np.where(certain, 0.0, low), np.where(certain, np.append(1.0, high)[:-1], high)
    one = np.ones(1)
    return SurvivalCurve(
        label, int(duration.size), int(died.sum()), np.append(0.0, age), np.append(one, survival), np.append(one, low),
        np.append(one, high), np.append(duration.size, at_risk), np.append(0, deaths),
        float(ordered[-1]) if ordered.size else 0.0, np.sort(duration[~died]),
    )  # fmt: skip


def survival(source: Any, cohorts: int | Sequence[float] = 4, *, projection: str | None = None) -> list[SurvivalCurve]:
    """Survival curves of the synapses by when they were born.

    Parameters
    ----------
    source : Network, History or Lifetimes
    cohorts : int, or sequence of float
        Number of spans of birth times of equal length, or their bounds (ms).
    projection : str, optional

    Returns
    -------
    list of SurvivalCurve
        First the wiring that `connect` made, if there is any, then each span with births; those born in (start, stop].
    """
    lived = lifetimes_of("survival", source, projection)
    birth, duration, died, initial = lived.birth, lived.duration, ~lived.alive, lived.initial
    known = np.isfinite(birth)
    curves = []
    if (initial & known).any():
        chosen = initial & known
        curves.append(kaplan_meier(duration[chosen], died[chosen], "made by connect"))
    born = known & ~initial
    if np.ndim(cohorts) == 0:
        n = check_count("survival(cohorts)", cohorts, least=1)
        if not born.any():
            return curves
        first, last = float(birth[born].min()), float(birth[born].max())
        bounds = np.linspace(first, last, n + 1) if last > first else np.array([first, last])
        bounds[0] -= 0.5 * lived.dt
    else:
        bounds = np.asarray(cohorts, np.float64)
        if bounds.ndim != 1 or bounds.size < 2 or not (np.diff(bounds) > 0).all():
            raise ParameterError(f"survival(cohorts): must be a number or ascending bounds (ms), got {cohorts!r}")
    for start, stop in zip(bounds[:-1], bounds[1:], strict=True):
        chosen = born & (birth > start) & (birth <= stop + 1e-9)
        if chosen.any():
            curves.append(kaplan_meier(duration[chosen], died[chosen], _span(max(start, 0.0), stop)))
    return curves


def _span(start: float, stop: float) -> str:
    size, unit = next(
        (s, u) for s, u in ((3.6e6, "h"), (6e4, "min"), (1e3, "s"), (1.0, "ms")) if stop >= s or u == "ms"
    )
    return f"born {round(start / size, 2):g}–{round(stop / size, 2):g} {unit}"


def turnover(source: Any, times: ArrayLike | int | None = None, *, projection: str | None = None) -> Turnover:
    """Synapses gained and lost between looks, as the turnover ratio of imaging studies and as a rate.

    Parameters
    ----------
    source : Network, History or Lifetimes
    times : array of float, or int, optional
        Looks (ms), or their number (11 from the start until now).
    projection : str, optional
    """
    lived = lifetimes_of("turnover", source, projection)
    t = looks("turnover(times)", lived, times, 11)
    birth, death = lived.birth, lived.death
    first, last = (np.searchsorted(t + 1e-6 * lived.dt, one, side="left") for one in (birth, death))
    seen = last > first  # at looks first ... last - 1
    n = t.size
    count = np.cumsum(np.bincount(first[seen], minlength=n + 1) - np.bincount(last[seen], minlength=n + 1))[:n]
    gained, lost = (np.bincount(one[seen], minlength=n + 1)[1:n] for one in (first, last))
    born, died = (np.bincount(one, minlength=n + 1)[1:n] for one in (first, last))
    both, seconds = count[1:] + count[:-1], 0.001 * np.diff(t)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Turnover(t, count, gained, lost, born, died, (gained + lost) / both, (born + died) / both / seconds)


# ---- the graph at many times -----------------------------------------------------------------------------------------


def degrees_over_time(
    source: Any, times: ArrayLike | int | None = None, *, projection: str | None = None
) -> DegreesOverTime:
    """Synapses onto and from every neuron, at some times (ms; by default 5 from the start until now)."""
    lived = lifetimes_of("degrees_over_time", source, projection)
    t = looks("degrees_over_time(times)", lived, times, 5)
    graphs = [lived.at(one) for one in t]
    inward, outward = (
        [np.bincount(_places(g, getattr(g, end)), minlength=g.neurons.size) for g in graphs] for end in ("post", "pre")
    )
    return DegreesOverTime(t, [g.neurons for g in graphs], inward, outward)


def region_matrices(
    source: Any, times: ArrayLike | int | None = None, *, level: int | None = None, projection: str | None = None
) -> RegionMatrices:
    """Synapses between regions at some times (ms; by default 51 from the start until now).

    `level`: how many labels of "cortex/vision/v1" count; all by default.
    """
    lived = lifetimes_of("region_matrices", source, projection)
    t = looks("region_matrices(times)", lived, times, 51)
    m = lived.members
    names = region_labels(m.population, m.region, level)
    labels = sorted(set(names.tolist()))
    of = np.array([labels.index(one) for one in names.tolist()], np.int64)
    n = len(labels)
    matrix, sizes = np.zeros((t.size, n, n), np.int64), np.zeros((t.size, n), np.int64)
    for k, one in enumerate(t):
        g = lived.at(one)
        pre, post = (of[np.searchsorted(m.uid, end)] for end in (g.pre, g.post))
        matrix[k] = np.bincount(pre * n + post, minlength=n * n).reshape(n, n)
        sizes[k] = np.bincount(of[np.searchsorted(m.uid, g.neurons)], minlength=n)
    return RegionMatrices(t, labels, matrix, sizes)


def region_labels(population: np.ndarray, region: np.ndarray, level: int | None = None) -> np.ndarray:
    """Region of each neuron, cut to `level` labels, or its population where there is none."""
    level = None if level is None else check_count("level", level, least=1)
    pairs = zip(population.tolist(), region.tolist(), strict=True)
    return np.array(["/".join(r.split("/")[:level]) if r else p for p, r in pairs], object)


def graph_statistics(
    source: Any,
    times: ArrayLike | int | None = None,
    *,
    projection: str | None = None,
    seed: int = 1,
    census_up_to: int = 200,
) -> GraphStatistics:
    """Reciprocity, triangles, communities and triads of the graph at some times.

    Parameters
    ----------
    source : Network, History or Lifetimes
    times : array of float, or int, optional
        ms, or their number (11 from the start until now).
    projection : str, optional
    seed : int
        Of Louvain's method and of the shuffling.
    census_up_to : int
        Neurons up to which networkx counts the triads.

    References
    ----------
    Blondel et al. (2008), J. Stat. Mech. P10008 (Louvain).  Holland & Leinhardt (1970), Am. J. Sociol. 76:492 (triads).
    """
    lived = lifetimes_of("graph_statistics", source, projection)
    t = looks("graph_statistics(times)", lived, times, 11)
    graphs = [lived.at(one) for one in t]
    rows = [knit(g, seed) for g in graphs]
    triads = None
    if max(g.neurons.size for g in graphs) <= census_up_to:
        triads = np.array([_census(g) for g in graphs], np.int64)
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return GraphStatistics(t, **columns, triads=triads)


def knit(graph: PastGraph, seed: int = 1) -> dict[str, float]:
    """The numbers of `GraphStatistics` of one graph, by name, without the triads."""
    from scipy.sparse import coo_array

    n = graph.neurons.size
    pre, post = _places(graph, graph.pre), _places(graph, graph.post)
    code = np.unique((pre * n + post)[pre != post])
    a = coo_array((np.ones(code.size), (code // max(n, 1), code % max(n, 1))), shape=(n, n)).tocsr()
    m, pairs = code.size, n * (n - 1)
    density = m / pairs if pairs else np.nan
    either = (a + a.T).sign()
    degree = np.asarray(either.sum(axis=0)).ravel()
    paths, twos = a @ a, float((degree * (degree - 1)).sum())
    expected = pairs * (n - 2) * density**3 if m else 0.0
    forward, around = float(paths.multiply(a).sum()), float(paths.multiply(a.T).sum())
    found, communities = _modularity(pre, post, n, seed)
    shuffled = np.random.default_rng(seed).permutation(post)
    return {
        "neurons": n, "synapses": len(graph), "connections": m, "density": density,
        "reciprocity": float(a.multiply(a.T).sum()) / m if m else np.nan,
        "transitivity": float((either @ either).multiply(either).sum()) / twos if twos else np.nan,
        "feedforward": forward / expected if expected else np.nan,
        "cycles": around / expected if expected else np.nan,
        "modularity": found, "modularity_shuffled": _modularity(pre, shuffled, n, seed)[0], "communities": communities,
    }  # fmt: skip


def _modularity(pre: np.ndarray, post: np.ndarray, n: int, seed: int) -> tuple[float, int]:
    """Modularity and number of the communities that Louvain's method finds."""
    import networkx

    low, high = np.minimum(pre, post), np.maximum(pre, post)
    code, count = np.unique((low * n + high)[low != high], return_counts=True)
    if not code.size:
        return np.nan, n
    graph: networkx.Graph[int] = networkx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_weighted_edges_from(zip((code // n).tolist(), (code % n).tolist(), count.tolist(), strict=True))
    groups = networkx.community.louvain_communities(graph, seed=seed)
    return float(networkx.community.modularity(graph, groups)), len(groups)


def _census(graph: PastGraph) -> list[int]:
    import networkx

    found = networkx.DiGraph(networkx.create_empty_copy(graph.to_networkx()))
    apart = graph.pre != graph.post
    found.add_edges_from(zip(graph.pre[apart].tolist(), graph.post[apart].tolist(), strict=True))
    if found.number_of_nodes() < 3:
        return [0] * len(TRIADS)
    census = networkx.triadic_census(found)
    return [int(census[name]) for name in TRIADS]


def _places(graph: PastGraph, uid: np.ndarray) -> np.ndarray:
    """Places of ends among the neurons."""
    return np.searchsorted(graph.neurons, uid)
