"""Edges that a user lists: pairs, arrays, sparse matrices, graphs and tables, as columns (pre, post, weight, delay)."""

import difflib
from collections.abc import Hashable

import numpy as np

from neurosim.checks import did_you_mean
from neurosim.errors import WiringError

FORMS = (
    "a tuple of arrays (pre, post[, weight[, delay]]), an integer array [n, 2], a scipy sparse matrix,"
    " a networkx DiGraph, a pandas DataFrame with columns pre and post"
)


def is_edges(given: object) -> bool:
    """Whether `from_edges` is the one to read or refuse it."""
    forms = (("is_directed", "edges"), ("iloc", "columns"), ("tocoo", "shape"))
    return isinstance(given, tuple | list | np.ndarray) or any(
        hasattr(given, a) and hasattr(given, b) for a, b in forms
    )


def short(given: object) -> str:
    """A value for an error text, on one short line."""
    if isinstance(given, np.ndarray):
        return f"an array of shape {given.shape} and dtype {given.dtype}"
    text = " ".join(repr(given).split())
    return f"{type(given).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def places_of(side: str, labels: object, place: dict[Hashable, int] | None) -> np.ndarray:
    """int64 places, from places or labels."""
    if place is not None:
        given = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)  # type: ignore[call-overload]
        unknown = next((label for label in given if label not in place), None)
        if unknown is not None:
            guess = did_you_mean(str(unknown), map(str, place))
            raise WiringError(f"from_edges: {side} {unknown!r} is not among the {len(place)} nodes.{guess}")
        return np.fromiter((place[label] for label in given), np.int64, len(given))
    array = np.asarray(labels)
    if array.ndim != 1:
        raise WiringError(f"from_edges: {side} must have one axis, got shape {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise WiringError(
            f"from_edges: {side} must hold whole numbers (places 0, 1, ... within the population), got"
            f" {array[0].item()!r}; where neurons have labels, give the order of labels: from_edges(edges, nodes=[...])"
        )
    return array.astype(np.int64)


def edge_values(name: str, values: object, n: int) -> np.ndarray | None:
    """Weights or delays (ms): float64, finite, one for each edge (a single number counts for all)."""
    if values is None:
        return None
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError):
        raise WiringError(f"from_edges: {name} must hold numbers, got {short(values)}") from None
    if array.ndim == 0:
        array = np.full(n, float(array))
    if array.shape != (n,):
        raise WiringError(f"from_edges: {name} needs one number for each of {n} edges, got shape {array.shape}")
    wrong = ~np.isfinite(array)
    must = "be finite numbers"
    if name == "delay" and not wrong.any():
        wrong, must = array <= 0.0, "be positive (ms)"
    if wrong.any():
        e = int(np.flatnonzero(wrong)[0])
        raise WiringError(
            f"from_edges: {name} must {must}, got {array[e]} at edge {e} ({int(wrong.sum())} of {n} are wrong)"
        )
    return array


def pair_columns(edges: list[object] | np.ndarray, labelled: bool) -> tuple[object, object]:
    """Columns of an array [n, 2] or of a list of pairs."""
    if len(edges) == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if labelled and isinstance(edges, list):
        if any(not isinstance(edge, tuple | list) or len(edge) != 2 for edge in edges):
            raise WiringError(f"from_edges: a list must hold pairs (pre, post), got {short(edges)}; allowed: {FORMS}")
        return [edge[0] for edge in edges], [edge[1] for edge in edges]  # type: ignore[index]
    try:
        array = np.asarray(edges)
    except ValueError:
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2 or (array.dtype.kind not in "iu" and not labelled):
        square = array.ndim == 2 and array.shape[0] == array.shape[1]
        hint = "; for a matrix of weights: from_edges(scipy.sparse.coo_array(matrix))" if square else ""
        if array.ndim == 2 and array.shape[1] in (3, 4) and not square:
            hint = f"; for weights give columns: from_edges(({', '.join(f'e[:, {c}]' for c in range(array.shape[1]))}))"
            hint = hint.replace("e[:, 0], e[:, 1]", "e[:, 0].astype(int), e[:, 1].astype(int)")
        raise WiringError(f"from_edges: cannot read edges from {short(array)}{hint}; allowed: {FORMS}")
    return array[:, 0], array[:, 1]


def graph_columns(graph: object) -> tuple[object, object, object, object]:
    """Columns of a networkx graph; weight and delay if the edges have them."""
    if not graph.is_directed():  # type: ignore[attr-defined]
        raise WiringError(
            "from_edges: a networkx Graph has no directions; for synapses both ways write"
            " from_edges(graph.to_directed())"
        )
    listed = list(graph.edges(data=True))  # type: ignore[attr-defined]
    pre, post = [edge[0] for edge in listed], [edge[1] for edge in listed]
    found: list[object] = []
    for name in ("weight", "delay"):
        having = [name in attributes for _, _, attributes in listed]
        if any(having) and not all(having):
            u, v, _ = listed[having.index(False)]
            raise WiringError(
                f"from_edges: {having.count(False)} of {len(listed)} edges have no {name}, the first is {u!r} -> {v!r};"
                f" give it to all, or to none"
            )
        found.append([attributes[name] for _, _, attributes in listed] if listed and all(having) else None)
    return pre, post, found[0], found[1]


def frame_columns(frame: object) -> tuple[object, object, object, object]:
    """Columns of a pandas DataFrame."""
    names = [str(name) for name in frame.columns]  # type: ignore[attr-defined]
    for wanted in ("pre", "post"):
        if wanted not in names:
            renamed = {"source": "pre", "target": "post"}
            hint = '; frame.rename(columns={"source": "pre", "target": "post"})' if renamed.keys() <= set(names) else ""
            raise WiringError(f"from_edges: the DataFrame has no column {wanted!r}, only {', '.join(names)}{hint}")
    for name in names:
        meant = difflib.get_close_matches(name.lower(), ["weight", "delay"], n=1, cutoff=0.8)
        if meant and meant[0] not in names:
            raise WiringError(
                f"from_edges: DataFrame column {name!r} has no meaning; did you mean {meant[0]!r}?"
                f' frame.rename(columns={{"{name}": "{meant[0]}"}})'
            )

    def column(name: str) -> object:
        return frame[name].to_numpy() if name in names else None  # type: ignore[index]

    return column("pre"), column("post"), column("weight"), column("delay")
