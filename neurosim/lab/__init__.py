"""The laboratory: experiments on plasticity rules, each one call, one result, one figure.

Every experiment runs in an ordinary network, with many separate synapses at once; where a formula is known it is drawn
behind what was measured.  Knows rules as `net.connect(plasticity=...)` takes them.
"""

from neurosim.lab.competition import Competition, competition
from neurosim.lab.pairs import Pairing, Window, pairing, window
from neurosim.lab.poisson import Drift, poisson_drift
from neurosim.lab.protocol import Protocol, protocol
from neurosim.lab.report import Report, report
from neurosim.lab.triplets import Triplets, triplets
from neurosim.neurons.puppet import Puppet

__all__ = [
    "Competition", "Drift", "Pairing", "Protocol", "Puppet", "Report", "Triplets", "Window", "competition", "pairing",
    "poisson_drift", "protocol", "report", "triplets", "window",
]  # fmt: skip
