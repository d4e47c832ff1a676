"""What a synapse is worth: the scores by which rules choose synapses, and the choice of the lowest.

Knows projections by the questions that rules ask them, and neither processes nor the engine.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import did_you_mean
from neurosim.errors import ParameterError

if TYPE_CHECKING:
    from neurosim.network import Network

#: A name, or a function of edges that gives each a number.
Score = str | Callable[[Any], np.ndarray]
#: Names that are no variable of a plasticity rule.
NAMED = ("weight", "usage", "silence", "eligibility", "random")


def check_parts(name: str, projection: Any) -> list[Any]:
    """The projections that a user gave: one, a group, or a list of them."""
    listed = isinstance(projection, list | tuple) or hasattr(projection, "projections")
    parts = [projection] if hasattr(projection, "has_edge") else list(projection) if listed else []
    if not parts or not all(hasattr(p, "has_edge") for p in parts):
        raise ParameterError(
            f"{name}(projection): needs a projection as net.connect gives it, or a list of them, got {projection!r}"
        )
    if len({id(p) for p in parts}) < len(parts):
        raise ParameterError(f"{name}(projection): names a projection twice, got {projection!r}")
    return parts


def check_score(name: str, score: Score, parts: Iterable[Any]) -> Score:
    """A score that every projection has."""
    if callable(score) or score in NAMED[:3] or score == "random":
        return score
    for p in parts:
        if score == "eligibility":
            if eligibility(p) is None:
                raise ParameterError(
                    f"{name}: the plasticity of {p.name!r} keeps no eligibility trace; connect(..., plasticity=ns.RewardSTDP(), modulator=...) does"
                )
        elif score not in p.variables:
            known = [*NAMED, *p.variables]
            raise ParameterError(
                f"{name}: must be a function f(edges) or one of {', '.join(known)} for {p.name!r}, got {score!r}."
                f"{did_you_mean(str(score), known)}"
            )
    return score


class Keys:
    """Keys of the draws of one call of a process: two of a kind that work on one projection draw independently."""

    def __init__(self, net: "Network", process: Any, kind: str) -> None:
        self.net, self.process, self.kind = net, process, kind

    def names(self, projection: Any, what: str = "") -> tuple[object, ...]:
        """The names from which the network makes a key or a generator."""
        before = 0
        for other in self.net.processes:
            if other is self.process:
                break
            before += type(other) is type(self.process) and any(p is projection for p in other.parts)
        return (self.kind, projection.name, *([what] if what else []), *([before] if before else []))

    def __call__(self, projection: Any, what: str = "") -> int:
        return self.net.key(*self.names(projection, what))


def eligibility(projection: Any) -> str | None:
    """Name of the variable that waits for a third factor, if the plasticity of a projection has one."""
    rules = getattr(projection.plasticity, "rules", (projection.plasticity,))
    names = [getattr(getattr(rule, "mechanism", None), "third_factor", None) for rule in rules]
    return next((one for one in names if one in projection.variables), None)


def score_of(name: str, score: Score, projection: Any, edges: Any, key: int, trace: Any = None) -> np.ndarray:
    """The score of each of all edges of a projection, float64 [edges]; `trace` is that of the neurons for usage and silence."""
    if score == "weight":
        return np.abs(edges.weight)
    if score == "random":
        return np.asarray(projection.chance(edges, key))
    if score in ("usage", "silence"):
        own = (projection.source if score == "usage" else projection.target).uid
        place = np.searchsorted(own, edges.pre if score == "usage" else edges.post)
        return np.asarray(trace.rate[np.searchsorted(trace.uid, own)][place])
    if score == "eligibility":
        return np.abs(projection.variable(eligibility(projection)))
    if callable(score):
        return checked(f"{name}(edges)", score(edges), len(edges))
    return np.asarray(projection.variable(score))


def checked(name: str, given: object, n: int) -> np.ndarray:
    """What a user's function of `n` edges gave: one number, or one each, none of them NaN."""
    value = np.asarray(given, np.float64)
    if value.ndim > 1 or value.size not in (1, n) or (value.ndim == 1 and value.size != n):
        raise ParameterError(f"{name}: must give one number for each of {n} edges, got an array of shape {value.shape}")
    if np.isnan(value).any():
        raise ParameterError(
            f"{name}: gave NaN for {int(np.isnan(value).sum())} of {n} edges; np.nan_to_num(...) helps"
        )
    return np.broadcast_to(value, (n,))


def lowest(score: np.ndarray, n: int, chance: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Ascending places of the `n` lowest scores; among equal ones those of lowest `chance(places)`.

    Examples
    --------
    >>> lowest(np.array([3.0, 1.0, 2.0, 2.0]), 2, lambda places: -places)
    array([1, 3])
    """
    if n >= score.size:
        return np.arange(score.size)
    if n <= 0:
        return np.zeros(0, np.int64)
    highest = np.partition(score, n - 1)[n - 1]
    below, equal = np.flatnonzero(score < highest), np.flatnonzero(score == highest)
    room = n - below.size
    if room < equal.size:
        equal = equal[np.argsort(chance(equal), kind="stable")[:room]]
    return np.sort(np.concatenate([below, equal]))


def lowest_share(score: np.ndarray, share: float, group: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Ascending places of the lowest `share` (rounded) of each group; among equal scores those of lowest `chance`.

    Examples
    --------
    >>> lowest_share(np.array([3.0, 1.0, 9.0, 8.0]), 0.5, np.array([0, 0, 7, 7]), np.zeros(4))
    array([1, 3])
    """
    order = np.lexsort((chance, score, group))
    ordered = group[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: order.size])
    size = np.diff(np.append(first, order.size))
    rank = np.arange(order.size) - np.repeat(first, size)
    return np.sort(order[rank < np.repeat(np.floor(share * size + 0.5), size)])
