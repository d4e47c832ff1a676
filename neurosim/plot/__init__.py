"""Pictures of activity and of structure: each function takes what a recorder or a projection holds and returns axes.

Knows arrays, attributes and the history of a graph only: no Network.  matplotlib (and networkx for layouts) are imported inside the functions,
and pyplot never: a user's backend and current figure stay as they were, and everything works without a display.
A figure drawn here shows itself at the end of a notebook cell; elsewhere `ax.figure.savefig("picture.png")`.
"""

from neurosim.plot.brains import development
from neurosim.plot.degrees_over_time import degrees
from neurosim.plot.film import film
from neurosim.plot.graphs import graph
from neurosim.plot.layout import worm_layout
from neurosim.plot.memories import engram, memory, retention, stores
from neurosim.plot.regions import regions
from neurosim.plot.spikes import raster, rates
from neurosim.plot.states import state
from neurosim.plot.statistics import graph_statistics
from neurosim.plot.structure import growth, growth_summary
from neurosim.plot.survival import survival
from neurosim.plot.synapses import degree, weights

__all__ = [
    "degree",
    "degrees",
    "development",
    "engram",
    "film",
    "graph",
    "graph_statistics",
    "growth",
    "growth_summary",
    "memory",
    "raster",
    "rates",
    "regions",
    "retention",
    "state",
    "stores",
    "survival",
    "weights",
    "worm_layout",
]
