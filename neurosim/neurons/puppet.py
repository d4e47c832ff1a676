"""A neuron that fires when it is told to, and hears plastic synapses without consequences.

A model knows nothing of populations, wiring or recording.
"""

from dataclasses import dataclass
from typing import ClassVar

from neurosim.checks import names_checked
from neurosim.neurons.physics import Array, Physics, Stage


def _nothing(p: dict[str, Array], dt: float) -> dict[str, Array]:
    return {}


def counted(total, heard):
    return total + heard


def is_told(told):
    return told > 0.0


@names_checked
@dataclass(frozen=True)
class Puppet:
    """Fires in every step in which something arrives at its receptor `told`; what arrives at `heard` is only summed up.

    The postsynaptic neuron of the laboratory: its spikes are given, so a plastic synapse onto `heard` may have any weight
    and still changes nothing but itself; `total` is the sum of all that arrived there.  (NEST does the same with the ports of a `parrot_neuron`.)

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(dt=0.1)
    >>> strings = net.add_population("strings", ns.SpikeSource(index=[0], time=[5.0]), 1)
    >>> puppet = net.add_population("puppet", ns.lab.Puppet(), 1)
    >>> len(net.connect(strings, puppet, ns.one_to_one(), delay=1.0, receptor="told"))
    1
    """

    physics: ClassVar[Physics] = Physics(
        name="puppet", state={"total": (0.0, "")}, receptors={"told": 0, "heard": 0}, coefficients=(), derive=_nothing,
        stages=(Stage(("total",), counted),), fires=is_told, refractory=False, takes_current=False, takes_spontaneous=False, receptor_unit="",
    )  # fmt: skip
