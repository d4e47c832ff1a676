"""Processes that change the graph while the network runs: growth, pruning, rewiring, and what users write.

Each is a composition of period, candidates, score, decision and initial value; they ask projections in arrays and know no
engine.
"""

from neurosim.structural import schedules
from neurosim.structural.ageing import Ageing
from neurosim.structural.budget import RegionBudget
from neurosim.structural.callback import Callback
from neurosim.structural.contacts import MultiContact
from neurosim.structural.curves import GaussianGrowth, LinearGrowth, SigmoidGrowth
from neurosim.structural.deep_r import DeepR
from neurosim.structural.elements import Elements
from neurosim.structural.homeostatic import HomeostaticGrowth
from neurosim.structural.neurogenesis import Apoptosis, Neurogenesis
from neurosim.structural.partners import by_distance, by_score
from neurosim.structural.prune import Prune
from neurosim.structural.rewire import Rewire
from neurosim.structural.sampling import SynapticSampling
from neurosim.structural.spines import Kesten, LinearNoise, LogOU, SizeFluctuation
from neurosim.structural.triggers import novelty, saturation

__all__ = [
    "Ageing",
    "Apoptosis",
    "Callback",
    "DeepR",
    "Elements",
    "GaussianGrowth",
    "HomeostaticGrowth",
    "Kesten",
    "LinearGrowth",
    "LinearNoise",
    "LogOU",
    "MultiContact",
    "Neurogenesis",
    "Prune",
    "RegionBudget",
    "Rewire",
    "SigmoidGrowth",
    "SizeFluctuation",
    "SynapticSampling",
    "by_distance",
    "by_score",
    "novelty",
    "saturation",
    "schedules",
]
