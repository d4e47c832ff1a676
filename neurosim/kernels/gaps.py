"""The current through gap junctions, from the voltages at the beginning of a step.

Knows arrays only: a compact list of coupled neurons, and for each the rows of its junctions.
"""

from neurosim.kernels.compiled import kernel


@kernel
def couple(step, volts, first, place, v, start, partner, conductance, way, column, mine, ring):
    """Add g (v_partner - v) of every junction to the current columns of `step`: what flows into each coupled neuron.

    `volts[b]` are the voltages of block b (mV, by place), and `place[first[b]:first[b + 1]]` its coupled neurons.  The
    junctions of neuron i are start[i] ... start[i + 1] - 1, summed in that order before they meet the ring.  `way` is 0 for
    a junction that conducts both ways, 1 where current may only come in, -1 where it may only go out.  Only the neurons
    `mine` get their current; `v` is scratch.
    """
    for b in range(len(volts)):
        block = volts[b]
        for i in range(first[b], first[b + 1]):
            v[i] = block[place[i]]
    slot = ring[step & (ring.shape[0] - 1)]
    for i in mine:
        own = v[i]
        total = 0.0
        for k in range(start[i], start[i + 1]):
            apart = v[partner[k]] - own
            if way[k] > 0:
                apart = max(apart, 0.0)
            elif way[k] < 0:
                apart = min(apart, 0.0)
            total += conductance[k] * apart
        slot[column[i]] += total
