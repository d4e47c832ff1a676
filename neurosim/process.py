"""The protocol of everything slow: growth, pruning, callbacks, recorders of weights.  The engine knows no process by name."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from neurosim.network import Network


class Process(Protocol):
    """Something that is called at every multiple of `every` ms, between two steps.

    A process may also have
    `start(net)`, called once when it is added;
    `stop(net)`, called when it is removed;
    `nbytes`, what it holds, for `net.estimate`;
    `observe(net, stamp, uid)`, called just before `advance` with all spikes since the last call (int64 arrays: end of the step
    in which a neuron fired, and its uid), in one piece, so that sums do not depend on how a run was cut;
    `arrays() -> dict[str, ndarray]` and `set_arrays(arrays)`, what `save` keeps of it.
    """

    every: float

    def advance(self, net: "Network") -> None:
        """Do the work of one call; `net.step` and `net.now` say when."""
        ...
