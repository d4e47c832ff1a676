"""Memory systems that live in the synapses of a network: working, episodic and long-term memory.

What carries content is in populations and projections of the live network, which `net.run` runs and which can be recorded,
lesioned and saved like any other; Python keeps labels, times and counters.  `strength`, `retention`, `reference` and
`block_codes` are closed forms in NumPy: how strong a memory should be, how to fit what is measured, what to compare with.
"""

from neurosim.memory import reference, retention
from neurosim.memory.associative import AssociativeStore, Calibration, Freed, Recall
from neurosim.memory.block_codes import BlockCode, Recognition, Vocabulary, bundle
from neurosim.memory.bump import Bump, BumpMemory
from neurosim.memory.facilitation import Facilitation
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot, NotCalibrated
from neurosim.memory.indexed import IndexStore, Recollection
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys
from neurosim.memory.separation import Separation, jaccard, overlap
from neurosim.memory.silent import Silent, SilentMemory
from neurosim.memory.slots import SlotMemory, Slots
from neurosim.memory.strength import ActR, Exponential, Fsrs, PowerLaw, recall_after_gap, usefulness
from neurosim.memory.symbols import CleanUp, SymbolLayer
from neurosim.memory.turnover import StructuralConsolidation, effectual_connectivity
from neurosim.memory.working import WorkingMemory

__all__ = [
    "ActR", "AssociativeStore", "BlockCode", "Bump", "BumpMemory", "Calibration", "CapacityFull", "CleanUp",
    "Exponential", "Facilitation", "Freed", "Fsrs", "IncompatibleSnapshot", "IndexStore", "Layer", "NotCalibrated", "PowerLaw",
    "Recall", "Recognition", "Recollection", "Separation", "Silent", "SilentMemory", "SlotMemory", "Slots",
    "StructuralConsolidation", "SymbolLayer", "Timetable", "Vocabulary", "Volleys", "WorkingMemory", "bundle",
    "effectual_connectivity", "jaccard", "overlap", "recall_after_gap", "reference", "retention", "usefulness",
    "volleys",
]  # fmt: skip
