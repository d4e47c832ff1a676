"""neurosim: living networks of spiking neurons that grow, prune and rewire while they run.

Names are looked up when they are first used, so that importing neurosim costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "neurosim.network": ["Network", "load"],
    "neurosim.history": ["History"],
    "neurosim.neurons.lif": ["LIF", "LIFExp", "LIFAlpha"],
    "neurosim.neurons.conductance": ["LIFCond", "AdEx"],
    "neurosim.neurons.izhikevich": ["Izhikevich"],
    "neurosim.neurons.escape": ["EscapeLIF"],
    "neurosim.neurons.custom": ["neuron_model", "State"],
    "neurosim.neurons.channels": ["HodgkinHuxley", "WangBuzsaki"],
    "neurosim.neurons.clopath": ["AdExClopath"],
    "neurosim.neurons.gif": ["GIF"],
    "neurosim.neurons.modulator": ["Modulator"],
    "neurosim.neurons.nonlinear": ["EIF", "QIF"],
    "neurosim.neurons.rate": ["RateNeuron", "SigmoidRateNeuron"],
    "neurosim.neurons.shapes": ["LIFCondAlpha", "LIFCondBeta", "LIFNMDA"],
    "neurosim.neurons.eprop": ["EPropLIF", "EPropALIF", "EPropReadout"],
    "neurosim.neurons.sources": ["PoissonSource", "SpikeSource", "Parrot"],
    "neurosim.plasticity.mechanism": ["Trace", "Variable"],
    "neurosim.equations.model": ["Equations"],
    "neurosim.equations.synapses": ["SynapseEquations"],
    "neurosim.plasticity.pair": ["PairSTDP"],
    "neurosim.plasticity.power_law": ["PowerLawSTDP"],
    "neurosim.plasticity.rule": ["PlasticityRule"],
    "neurosim.plasticity.benna_fusi": ["BennaFusi"],
    "neurosim.plasticity.cascade": ["Cascade"],
    "neurosim.plasticity.clopath": ["ClopathSTDP"],
    "neurosim.plasticity.deger": ["DegerSTDP"],
    "neurosim.plasticity.dopamine": ["DopamineSTDP"],
    "neurosim.plasticity.nearest": ["NearestSTDP"],
    "neurosim.plasticity.reward": ["RewardSTDP"],
    "neurosim.plasticity.facilitation": ["Facilitation"],
    "neurosim.plasticity.short_term": ["ShortTerm"],
    "neurosim.plasticity.triplet": ["TripletSTDP"],
    "neurosim.plasticity.vogels": ["VogelsSTDP"],
    "neurosim.stimuli": ["PoissonInput", "PatternInput", "Current", "SineCurrent", "WhiteNoise", "OrnsteinUhlenbeck", "SpontaneousRate"],
    "neurosim.wiring": [
        "one_to_one", "all_to_all", "random", "fixed_indegree", "fixed_outdegree", "fixed_total", "distance", "small_world",
        "from_edges", "condition",
    ],
    "neurosim.distributions": ["normal", "lognormal", "uniform", "delay_by_distance"],
    "neurosim.structural.homeostatic": ["HomeostaticGrowth"],
    "neurosim.structural.curves": ["LinearGrowth", "GaussianGrowth", "SigmoidGrowth"],
    "neurosim.structural.deep_r": ["DeepR"],
    "neurosim.structural.prune": ["Prune"],
    "neurosim.structural.rewire": ["Rewire"],
    "neurosim.structural.sampling": ["SynapticSampling"],
    "neurosim.structural.spines": ["SizeFluctuation", "LinearNoise", "Kesten", "LogOU"],
    "neurosim.structural.contacts": ["MultiContact"],
    "neurosim.structural.callback": ["Callback"],
    "neurosim.structural.neurogenesis": ["Neurogenesis", "Apoptosis"],
    "neurosim.structural.ageing": ["Ageing"],
    "neurosim.structural.budget": ["RegionBudget"],
    "neurosim.learning.scaling": ["SynapticScaling"],
    "neurosim.learning.normalise": ["Normalise"],
    "neurosim.learning.intrinsic": ["IntrinsicPlasticity"],
    "neurosim.learning.rates": ["Hebb", "Oja", "BCM"],
    "neurosim.learning.tagging": ["TaggingCapture"],
    "neurosim.learning.eprop": ["EProp"],
    "neurosim.learning.optimizers": ["Adam", "GradientDescent"],
    "neurosim.recordings": ["read_recording"],
    "neurosim.runs": ["keep_run", "read_run"],
    "neurosim.sweeps": ["sweep"],
    "neurosim.errors": ["NeurosimError", "ParameterError", "WiringError", "RunError", "SaveError", "NeurosimWarning"],
}  # fmt: skip
_HOME = {name: module for module, names in _WHERE.items() for name in names}
_MODULES = ["plot", "positions", "datasets", "analysis", "structural", "lab", "memory", "report"]

__all__ = sorted([*_HOME, *_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
    elif name in _MODULES:
        value = import_module(f"neurosim.{name}")
    else:
        import difflib

        close = difflib.get_close_matches(name, __all__, n=1)
        raise AttributeError(f"neurosim has no {name!r}." + (f" Did you mean {close[0]!r}?" if close else ""))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


if TYPE_CHECKING:
    from neurosim import analysis, datasets, lab, memory, plot, positions, report, structural
    from neurosim.distributions import delay_by_distance, lognormal, normal, uniform
    from neurosim.equations.model import Equations
    from neurosim.equations.synapses import SynapseEquations
    from neurosim.errors import NeurosimError, NeurosimWarning, ParameterError, RunError, SaveError, WiringError
    from neurosim.history import History
    from neurosim.learning.eprop import EProp
    from neurosim.learning.intrinsic import IntrinsicPlasticity
    from neurosim.learning.normalise import Normalise
    from neurosim.learning.optimizers import Adam, GradientDescent
    from neurosim.learning.rates import BCM, Hebb, Oja
    from neurosim.learning.scaling import SynapticScaling
    from neurosim.learning.tagging import TaggingCapture
    from neurosim.network import Network, load
    from neurosim.neurons.channels import HodgkinHuxley, WangBuzsaki
    from neurosim.neurons.clopath import AdExClopath
    from neurosim.neurons.conductance import AdEx, LIFCond
    from neurosim.neurons.custom import State, neuron_model
    from neurosim.neurons.eprop import EPropALIF, EPropLIF, EPropReadout
    from neurosim.neurons.escape import EscapeLIF
    from neurosim.neurons.gif import GIF
    from neurosim.neurons.izhikevich import Izhikevich
    from neurosim.neurons.lif import LIF, LIFAlpha, LIFExp
    from neurosim.neurons.modulator import Modulator
    from neurosim.neurons.nonlinear import EIF, QIF
    from neurosim.neurons.rate import RateNeuron, SigmoidRateNeuron
    from neurosim.neurons.shapes import LIFNMDA, LIFCondAlpha, LIFCondBeta
    from neurosim.neurons.sources import Parrot, PoissonSource, SpikeSource
    from neurosim.plasticity.benna_fusi import BennaFusi
    from neurosim.plasticity.cascade import Cascade
    from neurosim.plasticity.clopath import ClopathSTDP
    from neurosim.plasticity.deger import DegerSTDP
    from neurosim.plasticity.dopamine import DopamineSTDP
    from neurosim.plasticity.facilitation import Facilitation
    from neurosim.plasticity.mechanism import Trace, Variable
    from neurosim.plasticity.nearest import NearestSTDP
    from neurosim.plasticity.pair import PairSTDP
    from neurosim.plasticity.power_law import PowerLawSTDP
    from neurosim.plasticity.reward import RewardSTDP
    from neurosim.plasticity.rule import PlasticityRule
    from neurosim.plasticity.short_term import ShortTerm
    from neurosim.plasticity.triplet import TripletSTDP
    from neurosim.plasticity.vogels import VogelsSTDP
    from neurosim.recordings import read_recording
    from neurosim.runs import keep_run, read_run
    from neurosim.stimuli import (
        Current,
        OrnsteinUhlenbeck,
        PatternInput,
        PoissonInput,
        SineCurrent,
        SpontaneousRate,
        WhiteNoise,
    )  # fmt: skip
    from neurosim.structural.ageing import Ageing
    from neurosim.structural.budget import RegionBudget
    from neurosim.structural.callback import Callback
    from neurosim.structural.contacts import MultiContact
    from neurosim.structural.curves import GaussianGrowth, LinearGrowth, SigmoidGrowth
    from neurosim.structural.deep_r import DeepR
    from neurosim.structural.homeostatic import HomeostaticGrowth
    from neurosim.structural.neurogenesis import Apoptosis, Neurogenesis
    from neurosim.structural.prune import Prune
    from neurosim.structural.rewire import Rewire
    from neurosim.structural.sampling import SynapticSampling
    from neurosim.structural.spines import Kesten, LinearNoise, LogOU, SizeFluctuation
    from neurosim.sweeps import sweep
    from neurosim.wiring import (
        all_to_all,
        condition,
        distance,
        fixed_indegree,
        fixed_outdegree,
        fixed_total,
        from_edges,
        one_to_one,
        random,
        small_world,
    )  # fmt: skip
