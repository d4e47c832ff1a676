"""A user's function, called at intervals."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from neurosim.checks import check_positive
from neurosim.errors import ParameterError

if TYPE_CHECKING:
    from neurosim.network import Network


class Callback:
    """Calls ``function(net)`` every `every` ms, between two steps; it may read, edit and record, but not run.

    Parameters
    ----------
    function : callable
        For random choices use ``net.rng("name")``: it depends on seed, name and step only.
    every : float
        ms.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> times = []
    >>> _ = net.add(ns.Callback(lambda net: times.append(net.now), every=10.0))
    >>> net.run(30.0)
    >>> times
    [10.0, 20.0, 30.0]
    """

    def __init__(self, function: Callable[["Network"], object], every: float) -> None:
        if not callable(function):
            raise ParameterError(
                f"Callback(function): must be callable, got {function!r}; for example Callback(lambda net: print(net.now), every=100.0)"
            )
        self.function = function
        self.every = check_positive("Callback.every", every, "ms")

    def advance(self, net: "Network") -> None:
        """Call the function."""
        self.function(net)

    def describe(self) -> dict[str, object]:
        """What `save` keeps; the function is named, not saved."""
        return {"every": self.every, "function": self.function}

    def __repr__(self) -> str:
        return f"Callback({getattr(self.function, '__qualname__', self.function)!s}, every={self.every:g})"
