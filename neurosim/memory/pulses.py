"""Pulses of current that a memory gives to its populations, taken away when they are over.

Knows stimuli only: what the pulses mean is the memory's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.stimuli import Current

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.population import Neurons, Population
    from neurosim.stimulating import StimulusHandle


class Pulses:
    """The pulses of one memory in a network.

    Parameters
    ----------
    net : Network
    adopt : list of Population
        Pulses into these that the network has already, from before it was saved, are pulses of this memory.
    """

    def __init__(self, net: Network, adopt: Sequence[Population] = ()) -> None:
        self.network = net
        self._given: list[StimulusHandle] = [
            handle
            for handle in net.stimuli
            if isinstance(handle.stimulus, Current)
            and np.isfinite(handle.stimulus.stop)
            and all(any(part.population is one for one in adopt) for part in handle.parts)
        ]

    def give(self, part: Neurons, amplitude: float, start: float, stop: float) -> None:
        """A current (pA) into these neurons from `start` to `stop` (ms)."""
        self.end(only_over=True)
        self._given.append(self.network.stimulate(part, Current(amplitude, start=start, stop=stop)))

    def end(self, *, only_over: bool = False) -> None:
        """Take away all pulses, or those that are over."""
        for handle in list(self._given):
            there = handle in self.network.stimuli  # not so after a `restore` to before it
            if not there or not only_over or handle.stimulus.stop <= self.network.now:
                self._given.remove(handle)
                if there:
                    handle.remove()
