"""What can go wrong with memories, by kind; each kind is a neurosim error with a built-in parent.

Knows nothing of networks: names and texts only.
"""

from neurosim.errors import NeurosimError, SaveError


class CapacityFull(NeurosimError, RuntimeError):
    """Storing this would fill the store beyond its limit, where recall collapses; nothing has been stored.

    Attributes
    ----------
    fill, max_fill : float
        Share of the potential synapses that would exist, and its limit.
    """

    def __init__(self, text: str, *, fill: float = float("nan"), max_fill: float = float("nan")) -> None:
        super().__init__(text)
        self.fill, self.max_fill = fill, max_fill


class NotCalibrated(NeurosimError, RuntimeError):
    """An answer "I do not know" was asked for, and there is no threshold with a known rate of false alarms for it."""


class IncompatibleSnapshot(SaveError):
    """A saved memory that does not fit the network or the memory that shall take it."""
