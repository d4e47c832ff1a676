"""Gradients of e-prop, run backwards: once through time for each neuron, then one look for each spike and synapse.

The eligibility traces of a synapse are linear in its presynaptic spikes, and everything else in them belongs to the
postsynaptic neuron.  So the gradient of a weight is a sum over the arrivals of its spikes of what one arrival at that
moment is worth to the neuron, and this worth obeys a recursion backwards in time.  Knows arrays only.
"""

from neurosim.kernels.compiled import kernel


@kernel
def readout_credit(error, decay, gain, credit):
    """What a spike that arrives at step t is worth to each readout: credit[t] = gain sum_{s >= t} decay^(s - t) error[s].

    error, credit : float64 [steps, readouts]
    decay, gain : float64 [readouts]
    """
    for k in range(error.shape[1]):
        after = 0.0
        for t in range(error.shape[0] - 1, -1, -1):
            after = error[t, k] + decay[k] * after
            credit[t, k] = gain[k] * after


@kernel
def recurrent_credit(psi, filtered, feedback, regular, decay, gain, beta, rho, threshold_credit, credit):
    """Turn psi into what a spike that arrives at step t is worth to each neuron.

    Forwards, for a synapse of neuron j: z' = decay z + gain x, e = psi (z - beta eps), eps' = rho eps + e, and the gradient
    is sum_t e[t] M[t] with M[t] = sum_k feedback[j, k] filtered[t, k] + regular[j].

    psi : float64 [steps, neurons], overwritten
    filtered : float64 [steps, readouts]
        `readout_credit`: the low-pass of the eligibility trace, applied to the error instead.
    feedback : float64 [neurons, readouts]
    regular, decay, gain, beta, rho : float64 [neurons]
    threshold_credit, credit : float64 [neurons]
        Zeros; scratch.
    """
    for t in range(psi.shape[0] - 1, -1, -1):
        for j in range(psi.shape[1]):
            worth = regular[j] + threshold_credit[j]  # dE/de[t], through this step and through eps[t + 1]
            for k in range(feedback.shape[1]):
                worth += feedback[j, k] * filtered[t, k]
            worth *= psi[t, j]  # dE/dz[t] through e[t]
            threshold_credit[j] = rho[j] * threshold_credit[j] - beta[j] * worth
            credit[j] = worth + decay[j] * credit[j]
            psi[t, j] = gain[j] * credit[j]


@kernel
def gather(first, post, delay, source, step, earliest, credit, gradient):
    """Add to the gradient of each synapse what the arrivals of its spikes are worth.

    first : int64 [sources + 1]
        Synapses of source i are first[i] ... first[i + 1] - 1.
    post, delay : int64 [synapses]
        Column of `credit` (-1: none), and steps from the spike to its arrival.
    source, step : int64 [spikes]
    earliest : int
        Arrivals before this step are not heard.
    credit : float64 [steps, neurons]
    gradient : float64 [synapses]
    """
    for s in range(source.size):
        for e in range(first[source[s]], first[source[s] + 1]):
            arrival = step[s] + delay[e]
            if arrival >= earliest and arrival < credit.shape[0] and post[e] >= 0:
                gradient[e] += credit[arrival, post[e]]
