"""The protocol of everything slow: growth, pruning, callbacks, recorders of weights.  The engine knows no process by name."""

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from neurosim.network import Network


def joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """(stamps, uids) of spikes that were handed out in parts, int64; one part is given as it is."""
    if len(parts) == 1:
        return parts[0]
    nobody = np.zeros(0, np.int64)
    stamp, uid = (np.concatenate([nobody, *[part[k] for part in parts]]) for k in (0, 1))
    return stamp, uid


class Process(Protocol):
    """Something that is called at every multiple of `every` ms, between two steps.

    A process may also have
    `start(net)`, called once when it is added;
    `stop(net)`, called when it is removed;
    `nbytes`, what it holds, for `net.estimate`;
    `observe(net, stamp, uid)`, called just before `advance` with all spikes since the last call (int64 arrays: end of the step
    in which a neuron fired, and its uid), in one piece, so that sums do not depend on how a run was cut; others are given the
    same arrays, which are not to be written to;
    `arrays() -> dict[str, ndarray]` and `set_arrays(arrays)`, what `save` keeps of it.
    """

    every: float

    def advance(self, net: "Network") -> None:
        """Do the work of one call; `net.step` and `net.now` say when."""
        ...
