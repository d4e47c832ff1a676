"""The synapses between regions of a live network and a content layer: open while the memory looks or speaks, shut else.

Knows populations, one layer and the projections between them, one to one; no store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import wiring
from neurosim.checks import check_positive
from neurosim.errors import ParameterError
from neurosim.memory.layer import Layer, Timetable

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.population import Population
    from neurosim.projection import Projection

#: Most spikes of one neuron that count while a region is looked at.
MOST_SPIKES = 100.0


class Senses:
    """Ears and mouth of a content layer.

    Parameters
    ----------
    net : Network
    content : Layer
    sources : dict of region to Population
    slices : dict of region to slice
        Places of each region in the content.
    drives : dict of region to float
        Weight of the synapses back to the neurons of a region, in the unit of their model.
    name : str
        Prefix of the projections ".from.<region>" and ".to.<region>"; those that are there already, as after a load, are used.

    Attributes
    ----------
    inputs, outputs : dict of region to Projection
        Their weights are 0 while they are shut.
    drives : dict of region to float
    """

    def __init__(
        self, net: Network, content: Layer, sources: Mapping[str, Population], slices: Mapping[str, slice], drives: Mapping[str, float], *,
        name: str,
    ) -> None:  # fmt: skip
        self.net, self.content, self.name, self.drives = net, content, name, dict(drives)
        self.inputs, self.outputs = {}, {}
        for region, population in sources.items():
            part = content.cells[slices[region]]
            self.inputs[region] = self._wire(population, part, "support", f"{name}.from.{region}")
            if region in self.drives:
                self.outputs[region] = self._wire(part, population, None, f"{name}.to.{region}")

    def _wire(self, pre: Any, post: Any, receptor: str | None, name: str) -> Projection:
        """One to one, shut."""
        if name in self.net.projections:
            return self.net.projections[name]
        made: Projection = self.net.connect(pre, post, wiring.one_to_one(), weight=0.0, receptor=receptor, name=name)
        return made

    def listen(self, window: float) -> np.ndarray:
        """Run for `window` ms with open ears, then let the cells race that heard most; their places, int64 [cells]."""
        if not self.inputs:
            raise ParameterError(f"{self.name}.capture: no region is a population, so there is nothing to listen to")
        steps = max(1, round(check_positive(f"{self.name}.capture(window)", window, "ms") / self.net.dt))
        content = self.content
        content.tune(ceiling=MOST_SPIKES, theta=1.0, least=1.0)
        race = content.race_steps(1.0)
        for p in self.inputs.values():
            p.weight = 1.0
        table = Timetable(self.net)
        table.flush(content, 0)
        table.go(content, steps)
        try:
            spikes = table.run(steps + race)
        finally:
            for p in self.inputs.values():
                p.weight = 0.0
        return spikes[content].winners(np.array([steps]), race, content.n, self.net.dt)[0]

    def speak(self, places: np.ndarray) -> None:
        """Let these content cells fire once, and the neurons of the regions that they drive."""
        if not self.outputs:
            raise ParameterError(
                f"{self.name}.reinstate: no region has a drive; System(net, regions, drive=20.0) in the unit of its neurons' synapses"
            )
        for region, p in self.outputs.items():
            p.weight = self.drives[region]
        late = max(int(p.default_delay) for p in self.outputs.values())
        table = Timetable(self.net)
        table.cue(self.content, np.array([0]), places[None])
        try:
            table.run(late + 2)
        finally:
            for p in self.outputs.values():
                p.weight = 0.0
