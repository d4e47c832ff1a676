"""Finding the parts of a memory in a network that has them already, for example after `ns.load`.

Knows names of populations and recorders; no memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neurosim.errors import WiringError
from neurosim.recording import SpikeRecorder

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.population import Population


def found(net: Network, kind: str, name: str, sizes: dict[str, int]) -> list[Population]:
    """Populations ``<name>.<part>`` of these sizes; refused if one is missing or of another size.

    Parameters
    ----------
    net : Network
    kind, name : str
        Class and name of the memory, for the message.
    sizes : dict
        Neurons of each part.
    """
    for part, n in sizes.items():
        full = f"{name}.{part}"
        if full not in net.populations or len(net.populations[full]) != n:
            raise WiringError(
                f"{kind}.attach(name={name!r}): the network has no population {full!r} of {n} neurons; "
                f"known: {', '.join(f'{one!r} of {len(p)}' for one, p in net.populations.items()) or 'none'}. "
                f"Give the parameters that it was made with, or make one: {kind}(net, name={name!r})"
            )
    return [net.populations[f"{name}.{part}"] for part in sizes]


def listened(net: Network, population: Population, last: float) -> SpikeRecorder:
    """The recorder of the last `last` ms of spikes of a population that a memory has made, or a new one."""
    for one in net.recorders:
        if isinstance(one, SpikeRecorder) and one.label == population.label and one.ring:
            return one
    made: SpikeRecorder = net.record(population, "spikes", ring=last)
    return made
