"""neurosim: living networks of spiking neurons that grow, prune and rewire while they run.

Names are looked up when they are first used, so that importing neurosim costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "neurosim.network": ["Network", "load"],
    "neurosim.neurons.lif": ["LIF", "LIFExp", "LIFAlpha"],
    "neurosim.neurons.conductance": ["LIFCond", "AdEx"],
    "neurosim.neurons.izhikevich": ["Izhikevich"],
    "neurosim.neurons.escape": ["EscapeLIF"],
    "neurosim.neurons.sources": ["PoissonSource", "SpikeSource", "Parrot"],
    "neurosim.plasticity.pair": ["PairSTDP"],
    "neurosim.stimuli": ["PoissonInput", "PatternInput", "Current", "SineCurrent", "WhiteNoise", "OrnsteinUhlenbeck", "SpontaneousRate"],
    "neurosim.wiring": [
        "one_to_one", "all_to_all", "random", "fixed_indegree", "fixed_outdegree", "fixed_total", "distance", "small_world",
        "from_edges", "condition",
    ],
    "neurosim.distributions": ["normal", "lognormal", "uniform"],
    "neurosim.structural.homeostatic": ["HomeostaticGrowth", "LinearGrowth"],
    "neurosim.structural.prune": ["Prune"],
    "neurosim.structural.rewire": ["Rewire"],
    "neurosim.structural.callback": ["Callback"],
    "neurosim.errors": ["NeurosimError", "ParameterError", "WiringError", "RunError", "SaveError", "NeurosimWarning"],
}  # fmt: skip
_HOME = {name: module for module, names in _WHERE.items() for name in names}
_MODULES = ["plot", "datasets", "analysis", "structural"]

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
    from neurosim import analysis, datasets, plot, structural
    from neurosim.distributions import lognormal, normal, uniform
    from neurosim.errors import NeurosimError, NeurosimWarning, ParameterError, RunError, SaveError, WiringError
    from neurosim.network import Network, load
    from neurosim.neurons.conductance import AdEx, LIFCond
    from neurosim.neurons.escape import EscapeLIF
    from neurosim.neurons.izhikevich import Izhikevich
    from neurosim.neurons.lif import LIF, LIFAlpha, LIFExp
    from neurosim.neurons.sources import Parrot, PoissonSource, SpikeSource
    from neurosim.plasticity.pair import PairSTDP
    from neurosim.stimuli import (
        Current,
        OrnsteinUhlenbeck,
        PatternInput,
        PoissonInput,
        SineCurrent,
        SpontaneousRate,
        WhiteNoise,
    )  # fmt: skip
    from neurosim.structural.callback import Callback
    from neurosim.structural.homeostatic import HomeostaticGrowth, LinearGrowth
    from neurosim.structural.prune import Prune
    from neurosim.structural.rewire import Rewire
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
