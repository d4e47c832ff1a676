"""Processes that change the graph while the network runs: growth, pruning, rewiring, and what users write.

Each is a composition of period, candidates, score, decision and initial value; they ask projections in arrays and know no
engine.
"""

from neurosim.structural.callback import Callback
from neurosim.structural.homeostatic import HomeostaticGrowth, LinearGrowth
from neurosim.structural.partners import by_distance, by_score
from neurosim.structural.prune import Prune
from neurosim.structural.rewire import Rewire

__all__ = ["Callback", "HomeostaticGrowth", "LinearGrowth", "Prune", "Rewire", "by_distance", "by_score"]
