"""The hippocampal route: dentate separation, one-shot storage in CA3, completion of a cue by CA3's recurrent synapses.

Knows layers, two associative stores and separation; no index cells, no labels.  It turns a pattern of the content into a
sparse code of CA3, and a part of the pattern into the code of the whole.

Marr (1971) Phil. Trans. R. Soc. B 262:23; Treves & Rolls (1994) Hippocampus 4:374.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurosim.memory.associative import AssociativeStore, Freed, Patterns
from neurosim.memory.failures import CapacityFull
from neurosim.memory.layer import Layer, Volleys
from neurosim.memory.separation import Separation

if TYPE_CHECKING:
    from neurosim.network import Network


#: How finely the race that mossy synapses hold tells supports apart.
FINE = 0.1


@dataclass(frozen=True)
class Completion:
    """What CA3 made of cues.

    Attributes
    ----------
    codes : Volleys
        Cells of CA3 that won the last race.
    familiarity : float64 [cues]
        Support of the cell that completed the quorum in the first race; -inf where too few fired.
    accepted : bool [cues]
    theta, false_alarm_rate : float
        nan where nothing was rejected.
    """

    codes: Volleys
    familiarity: np.ndarray
    accepted: np.ndarray
    theta: float
    false_alarm_rate: float


class Hippocampus:
    """Content -> dentate gyrus -> CA3 when storing; content -> CA3 and CA3 -> CA3 when recalling.

    When it stores, the dentate race makes similar patterns less similar, mossy synapses bring the granule cells' code to CA3,
    and one volley joins content to CA3 and CA3 to itself.  When it recalls, the dentate is silent: the cue speaks to CA3 by the
    synapses it left there, and races along the recurrent ones complete the code.

    Parameters
    ----------
    net : Network
    content : Layer
    granule, ca3 : int, optional
        Cells; by default five times the content, and 2048.
    k : int
        Active cells of a code in CA3.
    fan_in, mossy : float
        Share of the content that a granule cell hears, and of the granule cells that a CA3 cell hears.
    max_fill : float
        Of both stores.
    name : str
        Prefix of the populations ".dg", ".ca3".

    Attributes
    ----------
    ca3 : Layer
    dentate, mossy : Separation
    cued, recurrent : AssociativeStore
        Content to CA3, and within CA3.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory import Hippocampus, Layer
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> area = Hippocampus(net, Layer(net, "content", 100, 10), ca3=200, k=10)
    >>> code = area.store([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
    >>> whole = area.complete([[0, 1, 2, 3, 4]]).codes
    >>> bool((whole[0] == code.codes[0]).all())
    True
    """

    def __init__(
        self, net: Network, content: Layer, *, granule: int | None = None, ca3: int = 2048, k: int = 22, fan_in: float = 0.04,
        mossy: float = 0.02, max_fill: float = 0.4, name: str = "hippocampus",
    ) -> None:  # fmt: skip
        self.net, self.content, self.name = net, content, name
        self.dentate = Separation(net, content, granule, fan_in=fan_in, name=f"{name}.dg")
        self.mossy = Separation(net, self.dentate.target, ca3, k, fan_in=mossy, rise=FINE, name=f"{name}.ca3")
        self.ca3 = self.mossy.target
        self.cued = AssociativeStore(net, content, self.ca3, max_fill=max_fill, name=f"{name}.cued")
        self.recurrent = AssociativeStore(net, self.ca3, max_fill=max_fill, name=f"{name}.recurrent")

    @classmethod
    def attach(
        cls,
        net: Network,
        content: Layer,
        arrays: Mapping[str, np.ndarray],
        *,
        max_fill: float = 0.4,
        name: str = "hippocampus",
    ) -> Hippocampus:
        """The hippocampus of this name in a network that was loaded, with what `arrays` gave when it was saved."""
        area = cls.__new__(cls)
        area.net, area.content, area.name = net, content, name
        area.dentate = Separation.attach(net, content, f"{name}.dg")
        area.mossy = Separation.attach(net, area.dentate.target, f"{name}.ca3")
        area.ca3 = area.mossy.target
        for part, target in (("cued", area.ca3), ("recurrent", None)):
            source = content if target else area.ca3
            wires = net.projections[f"{name}.{part}"]
            store = AssociativeStore(net, source, target, max_fill=max_fill, projection=wires)
            store.set_arrays({k.removeprefix(f"{part}/"): a for k, a in arrays.items() if k.startswith(f"{part}/")})
            setattr(area, part, store)
        return area

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network, as arrays."""
        both = (("cued", self.cued), ("recurrent", self.recurrent))
        return {f"{part}/{key}": a for part, store in both for key, a in store.arrays().items()}

    @property
    def fill(self) -> float:
        """Fill of the fuller of the two stores."""
        return max(self.cued.fill, self.recurrent.fill)

    def encode(self, patterns: Patterns) -> Volleys:
        """Codes that the dentate gyrus and the mossy synapses give to patterns; nothing is stored."""
        granules = self.dentate.separate(patterns)
        self.ca3.cells.rise = FINE  # mossy synapses differ in strength
        codes = self.mossy.separate(granules)
        self.ca3.cells.rise = 1.0  # recurrent ones do not
        return codes

    def store(self, patterns: Patterns) -> Stored:
        """Encode patterns and join them to their codes, once.

        Raises
        ------
        CapacityFull
            If either store would be filled beyond its limit; nothing is stored then.
        """
        codes = self.encode(patterns)
        cued = self.cued.store(patterns, codes)
        try:
            recurrent = self.recurrent.store(codes)
        except CapacityFull:
            self.cued.forget(cued)
            raise
        return Stored(codes, np.stack([cued, recurrent], axis=1))

    def complete(self, cues: Patterns, *, reject: bool = False, races: int = 2) -> Completion:
        """Codes of the whole patterns of which these are parts.

        Parameters
        ----------
        cues : patterns of the content
        reject : bool
            Whether the first race ends at the threshold that `cued.calibrate` found.
        races : int
            Along the recurrent synapses.
        """
        first = self.cued.recall(cues, reject=reject)
        codes = self.recurrent.recall(first.winners, steps=races, clamp=False).winners if races else first.winners
        return Completion(codes, first.familiarity, first.accepted, first.theta, first.false_alarm_rate)

    def forget(self, numbers: np.ndarray) -> Freed:
        """Remove the synapses of what `store` gave these numbers, int64 [patterns, 2], where nothing else needs them."""
        both = [
            store.forget(ids) for store, ids in zip((self.cued, self.recurrent), np.atleast_2d(numbers).T, strict=True)
        ]
        return Freed(*(sum(getattr(f, a) for f in both) for a in ("synapses", "shared", "bytes")))

    def __repr__(self) -> str:
        return f"Hippocampus({self.name!r}: {self.content.n} -> {self.dentate.target.n} -> {self.ca3.n} cells, fill {self.fill:.3f})"


@dataclass(frozen=True)
class Stored:
    """Codes of what was stored, and the numbers by which both stores know it, int64 [patterns, 2]."""

    codes: Volleys
    numbers: np.ndarray
