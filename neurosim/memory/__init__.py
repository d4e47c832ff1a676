"""Memory systems that live in the synapses of a network: working, episodic and long-term memory.

What carries content is in populations and projections of the live network, which `net.run` runs and which can be recorded,
lesioned and saved like any other; Python keeps labels, times and counters.  `strength`, `retention`, `reference` and
`block_codes` are closed forms in NumPy: how strong a memory should be, how to fit what is measured, what to compare with.
"""

from neurosim.memory import reference, retention
from neurosim.memory.associative import AssociativeStore, Calibration, Freed, Recall
from neurosim.memory.attention import Attention
from neurosim.memory.block_codes import BlockCode, Recognition, Vocabulary, bundle
from neurosim.memory.bump import Bump, BumpMemory
from neurosim.memory.class_parameters import Classes
from neurosim.memory.classes import ClassMemory
from neurosim.memory.consolidation import Consolidation, SleepReport
from neurosim.memory.context import FreeRecall, LagCrp, TemporalContext, lag_crp
from neurosim.memory.engram import Engram, Item, Remembered
from neurosim.memory.episodic import EpisodicMemory
from neurosim.memory.fact_answers import Answer, Told
from neurosim.memory.fact_rules import Rule
from neurosim.memory.facts import Facts
from neurosim.memory.fading import FadingSynapses
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot, NotCalibrated
from neurosim.memory.forgetting import Forgetting, Forgotten
from neurosim.memory.graded import BennaFusiMemory, TaggingMemory, slow_store
from neurosim.memory.hippocampus import Hippocampus
from neurosim.memory.indexed import IndexStore, Recollection
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys
from neurosim.memory.longterm import LongTermMemory
from neurosim.memory.separation import Separation, jaccard, overlap
from neurosim.memory.sequences import Prediction, Replay, SequenceMemory
from neurosim.memory.silent import Silent, SilentMemory
from neurosim.memory.slots import SlotMemory, Slots
from neurosim.memory.strength import ActR, Exponential, Fsrs, PowerLaw, recall_after_gap, usefulness
from neurosim.memory.studying import StudiedList
from neurosim.memory.symbols import CleanUp, SymbolLayer
from neurosim.memory.system import System
from neurosim.memory.turnover import StructuralConsolidation, effectual_connectivity
from neurosim.memory.working import WorkingMemory
from neurosim.plasticity.facilitation import Facilitation

load = System.load

__all__ = [
    "ActR", "Answer", "AssociativeStore", "Attention", "BennaFusiMemory", "BlockCode", "Bump", "BumpMemory", "Calibration",
    "CapacityFull", "ClassMemory", "Classes", "CleanUp", "Consolidation", "Engram", "EpisodicMemory", "Exponential", "Facilitation", "Facts", "FadingSynapses",
    "Forgetting", "Forgotten", "FreeRecall", "Freed", "Fsrs", "Hippocampus", "IncompatibleSnapshot", "IndexStore", "Item", "LagCrp",
    "Layer", "LongTermMemory", "NotCalibrated", "PowerLaw", "Prediction", "Recall", "Recognition", "Recollection", "Remembered",
    "Replay", "Rule", "Separation", "SequenceMemory", "Silent", "SilentMemory", "SleepReport", "SlotMemory", "Slots",
    "StructuralConsolidation", "StudiedList", "SymbolLayer", "System", "TaggingMemory", "TemporalContext", "Timetable", "Told",
    "Vocabulary", "Volleys", "WorkingMemory", "bundle", "effectual_connectivity", "jaccard", "lag_crp", "load", "overlap",
    "recall_after_gap", "reference", "retention", "slow_store", "usefulness", "volleys",
]  # fmt: skip
