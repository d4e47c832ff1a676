"""Connections of several contacts: each pair of neurons has a number of sites where contacts form and vanish.

Asks the projection in arrays; knows no engine, and of plasticity only the weights that it leaves.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_positive, names_checked
from neurosim.distributions import uniform
from neurosim.errors import ParameterError
from neurosim.structural.potential import Pairs, PotentialPairs, check_projection, rates_of

if TYPE_CHECKING:
    from neurosim.network import Network

_EVEN = uniform(0.0, 1.0)


@names_checked
class MultiContact:
    """Each potential pair has `sites` sites; a free one gets a contact at rate `form`, a contact vanishes with hazard `remove`.

    A contact is a synapse of a projection that allows parallel ones.  Every `every` ms each site takes one step of its
    two-state process, with the exact probabilities for that time as long as weights do not change within it::

        P(contact vanishes) = r / (f + r) (1 - exp(-(f + r) T)),   P(free site filled) = f / (f + r0) (1 - exp(-(f + r0) T))

    with f = `form`, r = `remove` of the contact's weight, r0 that of a newborn.  With constant hazards the number of contacts
    of a pair is Binomial(sites, f / (f + r)) in the long run, whatever `every` is.  With a hazard that falls with the weight,
    and weights that grow with the number of contacts, a connection has either none or several, and keeps either for much
    longer than a contact lives (Fauth et al. 2015).

    Parameters
    ----------
    projection : Projection
        Made with ``parallel=True``, unless sites is 1.
    every : float
        ms.
    sites : int
        Potential contacts of a pair.
    form : float
        Contacts that form on a free site (1/s).
    remove : float, or function of weights
        Hazard of a contact (1/s); f(weight) -> rates of a float64 array.
    remove_below : float, optional
        Contacts of |weight| at or below this vanish at once; 0.0 goes with `DegerSTDP`.
    pairs : "all", int, (pre, post) or function
        Potential pairs: all of the two populations; so many, drawn at random beside those that have a contact; two arrays of
        uids; a function f(pre, post) -> bool of uid arrays.  See Notes.
    weight, delay : optional
        Of new contacts; default those given to `connect`.
    in_flight : {"drop", "deliver"}

    Attributes
    ----------
    pre, post : int64 [pairs]
        Uids of the potential pairs.
    count : int64 [pairs]
        Contacts of each now.

    Notes
    -----
    Contacts between other pairs (made by somebody else) vanish with the same hazard and do not form again.  With "all" or a
    function, neurons that come bring their pairs with them; pairs go with their neurons.  If new weights are drawn from a
    distribution, r0 counts as 0: a contact formed within `every` then never vanishes in the same step.

    References
    ----------
    Fauth, Woergoetter & Tetzlaff (2015) PLoS Comput. Biol. 11:e1004031; Deger, Seeholzer & Gerstner (2018) Cereb. Cortex 28:1396.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 20)
    >>> ee = net.connect(pop, pop, ns.random(0.5), weight=1.0, parallel=True)
    >>> contacts = net.add(ns.MultiContact(ee, every=1000.0, sites=4, form=1.0, remove=1.0))
    >>> net.run(10_000.0)
    >>> bool(1.5 < contacts.count.mean() < 2.5), int(contacts.count.max())
    (True, 4)
    """

    def __init__(
        self, projection: Any, every: float = 1000.0, *, sites: int, form: float,
        remove: float | Callable[[np.ndarray], np.ndarray], remove_below: float | None = None, pairs: Pairs = "all",
        weight: Any = None, delay: Any = None, in_flight: str = "drop",
    ) -> None:  # fmt: skip
        check_projection("MultiContact", projection)
        self.projection = projection
        self.every = check_positive("MultiContact.every", every, "ms")
        self.sites = check_count("MultiContact.sites", sites, least=1)
        if self.sites > 1 and not projection.parallel:
            raise ParameterError(
                f"MultiContact: {projection.name!r} allows one synapse a pair; net.connect(..., parallel=True) allows several"
            )
        self.form = check_not_negative("MultiContact.form", form, "1/s")
        self.remove = remove if callable(remove) else check_not_negative("MultiContact.remove", remove, "1/s")
        self.remove_below = (
            None if remove_below is None else check_not_negative("MultiContact.remove_below", remove_below)
        )
        self.pairs = PotentialPairs("MultiContact.pairs", projection, pairs)
        self.weight, self.delay, self.in_flight = weight, delay, in_flight
        self.name = "MultiContact"

    @property
    def pre(self) -> np.ndarray:
        self.pairs.follow()
        return self.pairs.pre

    @property
    def post(self) -> np.ndarray:
        self.pairs.follow()
        return self.pairs.post

    @property
    def count(self) -> np.ndarray:
        self.pairs.follow()
        return self._count(self.projection.edges())

    @property
    def nbytes(self) -> int:
        """What it holds."""
        return self.pairs.nbytes

    def _count(self, edges: Any) -> np.ndarray:
        place = self.pairs.find(edges.pre, edges.post)
        return np.bincount(place[place >= 0], minlength=len(self.pairs))

    def start(self, net: "Network") -> None:
        """Make the table of potential pairs."""
        self.pairs.start(net.key("contacts", self.projection.name, "pairs"))

    def reset(self, net: "Network") -> None:
        """The pairs stay, as the graph does."""

    def advance(self, net: "Network") -> None:
        """One step of every site."""
        p, elapsed = self.projection, self.every * 1e-3
        self.pairs.follow()
        edges = p.edges()
        free = np.maximum(self.sites - self._count(edges), 0)
        vanish = switched(rates_of("MultiContact.remove", self.remove, edges.weight), self.form, elapsed)
        gone = p.chance(edges, net.key("contacts", p.name, "vanish")) < vanish
        if self.remove_below is not None:
            gone |= np.abs(edges.weight) <= self.remove_below
        filled = float(switched(np.array([self.form]), self._newborn_hazard(), elapsed)[0])
        draw = _EVEN.draw(net.key("contacts", p.name, "form"), self.pre, self.post, 0)
        born = binomial(draw, free, filled)
        edges[gone].remove(rule=self.name, in_flight=self.in_flight)
        at = np.repeat(np.arange(born.size), born)
        if at.size:
            p.insert(self.pre[at], self.post[at], weight=self.weight, delay=self.delay, rule=self.name)

    def _newborn_hazard(self) -> float:
        weight = self.projection.default_weight if self.weight is None else self.weight
        if not callable(self.remove):
            return float(self.remove)
        if hasattr(weight, "draw") or np.ndim(weight):
            return 0.0
        return float(rates_of("MultiContact.remove", self.remove, np.array([float(weight)]))[0])

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return self.pairs.arrays()

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.pairs.set_arrays(arrays)

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = ("projection", "every", "sites", "form", "remove", "remove_below", "weight", "delay", "in_flight")
        return {name: getattr(self, name) for name in names} | {"pairs": self.pairs.describe()}

    def __repr__(self) -> str:
        remove = "of weight" if callable(self.remove) else f"{self.remove:g}"
        return (
            f"MultiContact({self.projection.name!r}, {self.sites} sites, form {self.form:g}/s, remove {remove}/s, "
            f"every {self.every:g} ms)"
        )


def switched(away: np.ndarray, back: float, elapsed: float) -> np.ndarray:
    """Probability that a two-state process with rates `away` and `back` (1/s) is in the other state after `elapsed` s."""
    both = away + back
    return away * np.divide(-np.expm1(-both * elapsed), both, out=np.zeros_like(both), where=both > 0)


def binomial(draw: np.ndarray, n: np.ndarray, p: float) -> np.ndarray:
    """Binomial(n[i], p) numbers from uniform draws in [0, 1), by the inverse of the distribution; int64 [draws]."""
    out = np.zeros(n.size, np.int64)
    if p >= 1.0:
        return n.astype(np.int64)
    term = (1.0 - p) ** n
    open_ = np.flatnonzero((draw >= term) & (n > 0))
    n, draw, term = n[open_], draw[open_], term[open_]
    below, k = term.copy(), 0
    while open_.size:
        out[open_] += 1
        term = term * (n - k) / (k + 1) * (p / (1.0 - p))
        below, k = below + term, k + 1
        on = (draw >= below) & (n > k)
        open_, n, draw, term, below = open_[on], n[on], draw[on], term[on], below[on]
    return out
