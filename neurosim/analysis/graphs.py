"""What a wiring matrix looks like: degrees, strengths, their inequality, hubs, reciprocity, contacts per connection.

Knows arrays only: a matrix [n, n] with presynaptic neurons as rows and postsynaptic neurons as columns, entries
contacts or weights.
"""

from dataclasses import asdict, dataclass

import numpy as np

from neurosim.checks import check_count
from neurosim.errors import ParameterError


@dataclass(frozen=True)
class GraphSummary:
    """Numbers that describe one wiring matrix; plain Python values, `to_dict()` for JSON.

    Attributes
    ----------
    neurons : int
        Neurons with at least one connection.
    connections, autapses : int
        Connected ordered pairs, autapses included; pairs of a neuron with itself.
    contacts : float
        Sum of all entries (a whole number when the entries are contacts).
    contacts_per_connection : float
        contacts / connections; nan without connections.
    gini_in, gini_out : float
        Gini coefficient of in- and out-strength over *all* rows and columns, silent ones included.
    largest_in, largest_out : float
        Largest in- and out-strength.
    hubs_in, hubs_out : tuple of (name, strength)
        The strongest neurons, falling.
    reciprocity : float
        Share of connections (autapses left out) whose reverse exists.
    """

    neurons: int
    connections: int
    autapses: int
    contacts: float
    contacts_per_connection: float
    gini_in: float
    gini_out: float
    largest_in: float
    largest_out: float
    hubs_in: tuple[tuple[str, float], ...]
    hubs_out: tuple[tuple[str, float], ...]
    reciprocity: float

    def to_dict(self) -> dict[str, object]:
        """Plain dict of numbers, strings and lists."""
        return asdict(self)


def contact_matrix(pre: np.ndarray, post: np.ndarray, n: int, contacts: np.ndarray | None = None) -> np.ndarray:
    """Matrix of contacts from a list of synapses; parallel synapses add up.

    Parameters
    ----------
    pre, post : ndarray of int
        Places 0..n-1 of the partners, one entry per synapse.
    n : int
        Number of neurons.
    contacts : ndarray, optional
        What each entry counts; 1 if left out.

    Returns
    -------
    ndarray [n, n]
        int64, or float64 if `contacts` is.

    Examples
    --------
    >>> contact_matrix([0, 0, 1], [1, 1, 0], 2)
    array([[0, 2],
           [1, 0]])
    """
    n = check_count("contact_matrix.n", n)
    pre, post = np.asarray(pre, np.int64).ravel(), np.asarray(post, np.int64).ravel()
    amount = np.ones(pre.size, np.int64) if contacts is None else np.asarray(contacts).ravel()
    if not pre.size == post.size == amount.size:
        raise ParameterError(
            f"contact_matrix: pre, post and contacts need one entry per synapse, "
            f"got {pre.size}, {post.size} and {amount.size}"
        )
    for name, places in (("pre", pre), ("post", post)):
        if places.size and (places.min() < 0 or places.max() >= n):
            raise ParameterError(
                f"contact_matrix.{name}: places run from 0 to {n - 1}, got {places.min()} to {places.max()}"
            )
    matrix = np.zeros((n, n), np.float64 if np.issubdtype(amount.dtype, np.floating) else np.int64)
    np.add.at(matrix, (pre, post), amount)
    return matrix


def degrees(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In-degree and out-degree of every neuron: connected partners, int64[n] each."""
    connected = square("degrees.matrix", matrix) != 0
    return connected.sum(axis=0), connected.sum(axis=1)


def strengths(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In-strength and out-strength of every neuron: sums of the entries of its column and of its row, [n] each."""
    matrix = square("strengths.matrix", matrix)
    return matrix.sum(axis=0), matrix.sum(axis=1)


def gini(values: np.ndarray) -> float:
    r"""Gini coefficient of non-negative values: 0 when all are equal, near 1 when one has everything.

    .. math:: G = \frac{2 \sum_i i\, x_i}{n \sum_i x_i} - \frac{n + 1}{n}, \qquad x_1 \le x_2 \le \dots \le x_n

    nan for no values or for a sum of zero.

    Examples
    --------
    >>> gini([1, 1, 1, 1]), gini([0, 0, 0, 1])
    (0.0, 0.75)

    References
    ----------
    Kunegis & Preusse (2012), Fairness on the web: alternatives to the power law, WebSci '12, 175-184 (for degrees).
    """
    values = np.sort(np.asarray(values, np.float64).ravel())
    if values.size and not values[0] >= 0:
        raise ParameterError(
            f"gini(values): must not be negative, got {values[0]}; take absolute values of inhibitory weights first"
        )
    total = values.sum()
    if not values.size or total == 0:
        return float("nan")
    n = values.size
    return float(2 * (np.arange(1, n + 1) * values).sum() / (n * total) - (n + 1) / n)


def top_hubs(values: np.ndarray, names: np.ndarray | None = None, count: int = 5) -> tuple[tuple[str, float], ...]:
    """The neurons with the largest values as (name, value), falling; ties keep their order, names default to places."""
    values = np.asarray(values)
    order = np.argsort(-values, kind="stable")[: check_count("top_hubs.count", count)]
    return tuple((str(i if names is None else names[i]), values[i].item()) for i in order)


def reciprocity(matrix: np.ndarray) -> float:
    """Share of connections whose reverse exists too, autapses left out; nan without connections."""
    connected = without_autapses(square("reciprocity.matrix", matrix) != 0)
    total = connected.sum()
    return float((connected & connected.T).sum() / total) if total else float("nan")


def contacts_per_connection(matrix: np.ndarray) -> float:
    """Mean contacts on a connected ordered pair; nan without connections."""
    matrix = square("contacts_per_connection.matrix", matrix)
    connections = np.count_nonzero(matrix)
    return float(matrix.sum() / connections) if connections else float("nan")


def correlation_on_connections(on: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """Pearson correlation of the contacts of two matrices on the connections of a third (`on` > 0, autapses left out).

    nan when one of the two does not vary there.
    """
    chosen = without_autapses(square("correlation_on_connections.on", on) != 0)
    return pearson(np.asarray(one)[chosen], np.asarray(other)[chosen])


def steps_apart(matrix: np.ndarray) -> np.ndarray:
    """Connections on the shortest way between each two neurons, whatever their direction; inf if there is none.

    Parameters
    ----------
    matrix : array [n, n]
        Not 0 where there is a connection.

    Returns
    -------
    float64 [n, n]
    """
    from scipy.sparse.csgraph import shortest_path

    return np.asarray(shortest_path(square("steps_apart", matrix), directed=False, unweighted=True))


def summarise(matrix: np.ndarray, names: np.ndarray | None = None, hubs: int = 5) -> GraphSummary:
    """All numbers of a `GraphSummary` of a matrix of contacts [n, n]; `hubs` says how many of the strongest to list."""
    matrix = square("summarise.matrix", matrix)
    if names is not None and len(names) != matrix.shape[0]:
        raise ParameterError(f"summarise.names: needs {matrix.shape[0]} names, got {len(names)}")
    into, out = strengths(matrix)
    return GraphSummary(
        neurons=int(np.count_nonzero((matrix != 0).any(axis=0) | (matrix != 0).any(axis=1))),
        connections=int(np.count_nonzero(matrix)),
        autapses=int(np.count_nonzero(np.diagonal(matrix))),
        contacts=matrix.sum().item(),
        contacts_per_connection=contacts_per_connection(matrix),
        gini_in=gini(into),
        gini_out=gini(out),
        largest_in=into.max(initial=0).item(),
        largest_out=out.max(initial=0).item(),
        hubs_in=top_hubs(into, names, hubs),
        hubs_out=top_hubs(out, names, hubs),
        reciprocity=reciprocity(matrix),
    )


def square(name: str, matrix: np.ndarray) -> np.ndarray:
    """`matrix` as a square array of numbers."""
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ParameterError(
            f"{name}: must be a square matrix [n, n], rows presynaptic, got an array of shape {matrix.shape}"
        )
    return matrix


def without_autapses(connected: np.ndarray) -> np.ndarray:
    """A copy with an empty diagonal."""
    connected = connected.copy()
    np.fill_diagonal(connected, 0)
    return connected


def pearson(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson correlation of two equally long arrays; nan if one is constant or both are shorter than 2."""
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if one.size < 2:
        return float("nan")
    one, other = one - one.mean(), other - other.mean()
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale > 0 else float("nan")
