"""What a class memory is told and what it tells: its parameters, and reports of a day and of a night.

Knows no network.
"""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.checks import check_count, check_not_negative, check_positive, check_probability, names_checked, settle


@names_checked
@dataclass(frozen=True, kw_only=True)
class Classes:
    """Parameters of a `ClassMemory`.

    Parameters
    ----------
    volleys : int
        Volleys of a presentation; a sensor takes part in a share of them that is its rate.
    contrast : float
        An image is scaled so that the squares of its rates sum to contrast^2 (divisive normalisation).
    engrams : int
        Cells that may become engrams.
    vigilance : float
        Share of the support of a perfect match below which an image is novel.
    keep : int
        An engram that has won less often is forgotten in the night.
    mixed, active, inputs : int
        Cells of the expansion, how many of them win, sensors that each hears.
    up, down : float
        Steps of the synapses of the cortex.
    margin : float
        Noise of the name cells in sleep: a right guess has to be right by this much.
    bonus : float
        What an engram's name counts beside the evidence of the cortex, when both answer.
    replays : int
        Of a night.
    """

    volleys: int = 8
    contrast: float = 3.0
    engrams: int = 256
    vigilance: float = 0.92
    keep: int = 3
    mixed: int = 600
    active: int = 90
    inputs: int = 8
    up: float = 0.03
    down: float = 0.025
    margin: float = 10.0
    bonus: float = 5.0
    replays: int = 1500

    def __post_init__(self) -> None:
        for name in ("volleys", "engrams", "keep", "mixed", "active", "inputs", "replays"):
            check_count(f"Classes.{name}", getattr(self, name), least=1)
        settle(self, "contrast", check_positive)
        settle(self, "vigilance", check_probability)
        for name in ("up", "down", "margin", "bonus"):
            settle(self, name, check_not_negative)


@dataclass(frozen=True)
class Day:
    """What a day of learning did: images that were recognised as what they are, that were called something else, that nobody
    answered; the last two each recruited an engram."""

    recognised: int
    mistaken: int
    novel: int

    @property
    def recruited(self) -> int:
        """New engrams."""
        return self.mistaken + self.novel


@dataclass(frozen=True)
class Night:
    """What a night did: replays that began by themselves, share of them that the cortex named as the engram does, engrams
    forgotten, and synapses removed with them."""

    replays: int
    agreed: float
    forgotten: int
    synapses: int
