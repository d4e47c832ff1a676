"""What a recall attends to: which cells of a cue count, which memories may answer, how sharply, and for how long.

A description; it knows no network and no store.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from neurosim.checks import check_number, check_positive, names_checked, settle
from neurosim.errors import ParameterError


@names_checked
@dataclass(frozen=True, kw_only=True)
class Attention:
    """Where a recall looks.

    In a network of spikes attention is a matter of who is driven and who is held back: the cue cells of other regions stay
    silent; index cells of memories outside the mask are inhibited by their gate cells; and the inhibition that ends the race
    comes at once (sharp: the best alone) or late (soft: near ones answer with it, and their values blend), as the inverse
    temperature beta does in softmax attention.

    Parameters
    ----------
    region : str or sequence of str, optional
        Regions whose cue cells count; default all.
    since, until : float, optional
        ms of the simulation: only memories stored (or last strengthened) in between.
    tags : hashable or sequence of hashables, optional
        Only memories with all of these tags.
    gain : float
        1: supports that differ by one synapse are told apart; g < 1: those within 1 / g synapses of each other answer together.
    budget : float, optional
        ms that the race may last: a memory that would need longer is not found in time (status "timeout").
    blend : bool
        Whether the pattern recalled is that of all that answer together, not of the best alone.

    References
    ----------
    Ramsauer et al. (2020) arXiv:2008.02217; Bricken & Pehlevan (2021) arXiv:2111.05498.

    Examples
    --------
    >>> Attention(region="vision", gain=0.5).regions
    ('vision',)
    """

    region: str | Sequence[str] | None = None
    since: float | None = None
    until: float | None = None
    tags: Hashable | Sequence[Hashable] | None = None
    gain: float = 1.0
    budget: float | None = None
    blend: bool = False

    def __post_init__(self) -> None:
        settle(self, "gain", check_positive, "")
        if self.gain > 1.0:
            raise ParameterError(
                f"Attention.gain: must be in (0, 1], got {self.gain!r}; 1 is sharpest: supports are whole numbers of synapses"
            )
        if self.budget is not None:
            settle(self, "budget", check_positive, "ms")
        for name in ("since", "until"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, check_number(f"Attention.{name}", getattr(self, name)))
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ParameterError(f"Attention.until: {self.until:g} ms is before since = {self.since:g} ms")

    @property
    def regions(self) -> tuple[str, ...] | None:
        """Names of the regions that count; None for all."""
        if self.region is None:
            return None
        return (self.region,) if isinstance(self.region, str) else tuple(self.region)

    @property
    def wanted(self) -> tuple[Hashable, ...]:
        """Tags that a memory must have."""
        if self.tags is None:
            return ()
        return tuple(self.tags) if isinstance(self.tags, list | tuple | set | frozenset) else (self.tags,)
