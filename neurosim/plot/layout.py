"""Where to put neurons on paper: general layouts, and a bilateral one for the worm.

Knows arrays and names only; networkx is imported inside.
"""

from collections.abc import Sequence

import numpy as np

from neurosim.errors import ParameterError

_MANY = 400  # neurons above which networkx takes more than a second or two
_BANDS = {"sensory": 0, "inter": 1, "motor": 2}  # from top to bottom; any other class below
_SPACING = 0.105  # least distance of two neurons where there is room for it; the head is 2.3 wide and 2 high
_WIDE = 1.15  # half width of the head


def spring_layout(n: int, pre: np.ndarray, post: np.ndarray, *, seed: int, how: str) -> np.ndarray:
    """Positions (n, 2) by networkx: "spring" or "kamada_kawai"; the same seed gives the same picture."""
    import networkx as nx

    net = nx.Graph()
    net.add_nodes_from(range(n))
    net.add_edges_from(zip(pre.tolist(), post.tolist(), strict=True))
    if n == 1:
        return np.zeros((1, 2))
    if how == "kamada_kawai" and nx.is_connected(net):
        start = nx.circular_layout(net)
        found = nx.kamada_kawai_layout(net, pos=start)
    elif n > _MANY:
        return _forces(n, pre, post, seed)
    else:
        found = nx.spring_layout(net, seed=seed, k=1.6 / np.sqrt(n), iterations=60)
    return np.array([found[k] for k in range(n)])


def _forces(n: int, pre: np.ndarray, post: np.ndarray, seed: int) -> np.ndarray:
    """Fruchterman & Reingold (1991) with all pairs at once: ends pull, everything pushes, steps shrink."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(-0.5, 0.5, (n, 2)).astype(np.float32)
    ideal = np.float32(1.6 / np.sqrt(n))
    for sweep in range(60):
        dx, dy = (at[:, None, k] - at[None, :, k] for k in (0, 1))
        push = ideal**2 / np.maximum(dx * dx + dy * dy, np.float32(1e-6))
        move = np.stack((np.einsum("ij,ij->i", push, dx), np.einsum("ij,ij->i", push, dy)), axis=1)
        way = at[post] - at[pre]
        pull = way * (np.hypot(way[:, 0], way[:, 1]) / ideal)[:, None]
        for k in (0, 1):
            move[:, k] += np.bincount(pre, pull[:, k], minlength=n) - np.bincount(post, pull[:, k], minlength=n)
        length = np.maximum(np.hypot(move[:, 0], move[:, 1]), 1e-9)
        at += (move / length[:, None] * np.minimum(length, 0.1 * (1.0 - sweep / 60.0))[:, None]).astype(np.float32)
    at -= at.mean(axis=0)
    return np.asarray(at, np.float64)


def worm_layout(names: Sequence[str], classes: Sequence[str], matrix: object, seed: int = 1) -> np.ndarray:
    """Place the neurons of a bilateral animal: sensory on top, then inter, then motor; left and right mirrored.

    Names that differ only in a last L or R are partners and mirror each other across the vertical middle line;
    neurons without a partner lie on it.  Within its class a neuron is drawn towards those it is connected with,
    and higher the earlier it comes in the flow from sensors to muscles.  No two neurons overlap.

    Parameters
    ----------
    names : sequence of str
        One per neuron.
    classes : sequence of str
        "sensory", "inter", "motor"; anything else goes below.
    matrix : array, shape (neurons, neurons)
        Contacts from row to column.
    seed : int
        Of the small shifts that break ties.

    Returns
    -------
    array, float64, shape (neurons, 2)
        x in about [-1.2, 1.2], y in about [-1, 1].

    Raises
    ------
    ParameterError
        If the numbers of names, classes and rows differ.

    References
    ----------
    Carmel, Harel & Koren (2004), IEEE Trans. Visual. Comput. Graphics 10:46: the height of a node in a directed flow.
    Varshney et al. (2011), PLoS Comput. Biol. 7:e1001066 draw the worm with it.

    Examples
    --------
    >>> from neurosim import plot
    >>> contacts = [[0, 1, 2], [0, 0, 1], [0, 0, 0]]
    >>> at = plot.worm_layout(["ASEL", "ASER", "AVL"], ["sensory", "sensory", "motor"], contacts)
    >>> bool(at[0, 0] == -at[1, 0] and at[2, 0] == 0.0 and at[0, 1] > at[2, 1])
    True
    """
    n = len(names)
    contacts = np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix, np.float64)
    if n == 0 or len(classes) != n or contacts.shape != (n, n):
        raise ParameterError(
            "plot.worm_layout: needs at least one name, and as many classes, rows and columns as names; "
            f"got {n} names, {len(classes)} classes and a matrix of shape {contacts.shape}"
        )
    if len(set(names)) != n:
        raise ParameterError("plot.worm_layout(names): must all differ")
    rng = np.random.default_rng(seed)
    partner = _partners(names)
    both = 0.5 * (contacts + contacts[np.ix_(partner, partner)])
    tie = np.log1p(both + both.T)
    height = _flow(both)

    # One unit per pair (its right half) or single neuron; the rest follows by the mirror.
    unit = np.flatnonzero(np.arange(n) <= partner)
    single = partner[unit] == unit
    band = np.array([_BANDS.get(classes[k], 3) for k in unit])
    same, crossed = tie[np.ix_(unit, unit)], tie[np.ix_(unit, partner[unit])]
    x, y = _start(height[unit], band, single, tie.sum(axis=1)[unit], rng)
    x, y = _attract(x, y, same, crossed, single)
    x, y = _push_apart(x, y, single, band, n)

    at = np.empty((n, 2))
    side = np.where([names[k].endswith("L") for k in unit], -1.0, 1.0)
    at[unit] = np.stack((side * x, y), axis=1)
    at[partner[unit]] = np.stack((-side * x, y), axis=1)
    at[unit[single]] = np.stack((np.zeros(int(single.sum())), y[single]), axis=1)
    at[:, 1] -= 0.5 * (at[:, 1].max() + at[:, 1].min())
    return at


def _partners(names: Sequence[str]) -> np.ndarray:
    """Place of the neuron on the other side, or its own."""
    index = {name: k for k, name in enumerate(names)}
    other = {"L": "R", "R": "L"}
    return np.array([index.get(name[:-1] + other.get(name[-1:], "."), k) for k, name in enumerate(names)])


def _flow(contacts: np.ndarray) -> np.ndarray:
    """Height of each neuron such that signals run downward: L z = sum of signed ties, in units of one synapse."""
    total = contacts + contacts.T
    drive = (total * np.sign(contacts - contacts.T)).sum(axis=1)
    laplace = np.diag(total.sum(axis=1)) - total
    height: np.ndarray = np.linalg.lstsq(laplace, drive, rcond=1e-8)[0]
    return height


def _start(
    height: np.ndarray, band: np.ndarray, single: np.ndarray, strength: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Bands as high as they need to be, flow within; hubs about half way out."""
    x, y = np.zeros(height.size), np.zeros(height.size)
    area = np.array([(band == k).sum() - 0.5 * (single & (band == k)).sum() for k in range(4)])
    share = area / area.sum()
    top = 1.0 - 2.0 * np.concatenate(([0.0], np.cumsum(share)))[:4]
    for k in range(4):
        here = np.flatnonzero(band == k)
        if not here.size:
            continue
        rank = np.argsort(np.argsort(-height[here], kind="stable"))
        y[here] = top[k] - 2.0 * share[k] * (rank + 0.5) / here.size
        pairs = here[~single[here]]
        rank = np.argsort(np.argsort(-strength[pairs], kind="stable"))
        off = np.abs(rank - 0.2 * pairs.size)  # hubs neither crowd the middle nor lie outside
        rank = np.argsort(np.argsort(off, kind="stable"))
        x[pairs] = _half_width(y[pairs]) * (0.08 + 0.9 * (rank + 0.5) / max(pairs.size, 1))
    return x + np.where(single, 0.0, 0.01 * rng.standard_normal(x.size)), y + 0.01 * rng.standard_normal(y.size)


def _half_width(y: np.ndarray) -> np.ndarray:
    """Half width of the head outline at height y."""
    half: np.ndarray = _WIDE * np.clip(1.0 - np.abs(y) ** 2.5, 0.02, 1.0) ** 0.4
    return half


def _attract(
    x: np.ndarray, y: np.ndarray, same: np.ndarray, crossed: np.ndarray, single: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Pull each unit sideways towards what it is tied to, without leaving its place in the spread of all."""
    home = x.copy()
    same = same / np.maximum(same.sum(axis=1) + crossed.sum(axis=1), 1e-9)[:, None]
    crossed = crossed / np.maximum(same.sum(axis=1) + crossed.sum(axis=1), 1e-9)[:, None]
    for _ in range(60):
        goal = same @ x - 0.15 * crossed @ x
        x = np.where(single, 0.0, 0.55 * home + 0.45 * np.clip(goal, 0.0, None))
    order = np.argsort(np.argsort(x[~single], kind="stable"))
    spread = np.sort(home[~single])
    x[~single] = 0.5 * x[~single] + 0.5 * spread[order]
    return x, y


def _push_apart(
    x: np.ndarray, y: np.ndarray, single: np.ndarray, band: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Fill the head evenly, then move units until all of them, and their mirror images, are far enough apart."""
    low, high = np.empty(x.size), np.empty(x.size)
    for k in np.unique(band):
        low[band == k], high[band == k] = y[band == k].min() - 0.02, y[band == k].max() + 0.02
    even = np.sqrt(0.87 * 4.0 * _WIDE / n)  # side of the square that each neuron has to itself
    least = min(_SPACING, 0.75 * even)
    for _ in range(500):
        x, y = _relaxed(x, y, single, 1.0 * even)
        y = np.clip(y, np.maximum(low, -0.99), np.minimum(high, 0.99))
        x = np.minimum(x, np.maximum(_half_width(y), 0.5 * even))
    for sweep in range(3000):
        far = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :])
        np.fill_diagonal(far, np.inf)
        if far.min() >= least and x[~single].min(initial=np.inf) >= 0.5 * least:
            break
        x, y = _relaxed(x, y, single, 1.05 * least)
        if sweep > 200:  # crowded: let the head grow a little
            x, y = 1.0005 * x, 1.0005 * y
    return x, y


def _relaxed(x: np.ndarray, y: np.ndarray, single: np.ndarray, gap: float) -> tuple[np.ndarray, np.ndarray]:
    """One sweep: units closer than `gap` move apart; single neurons stay on the middle line."""
    dx, dy = x[:, None] - x[None, :], y[:, None] - y[None, :]
    place = np.arange(x.size)
    dy = dy + 1e-6 * np.sign(place[:, None] - place[None, :])  # ties in place have a direction too
    far = np.maximum(np.hypot(dx, dy), 1e-9)
    away = 0.3 * np.clip(gap - far, 0.0, None) / far
    x = np.where(single, 0.0, np.maximum(x + (away * dx).sum(axis=1), 0.5 * gap))
    return x, y + (away * dy).sum(axis=1)
