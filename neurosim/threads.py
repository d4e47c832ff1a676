"""How many threads advance a network: what the user asks for, or what pays.  Knows the network's size, not its parts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from neurosim import ranks
from neurosim.errors import ParameterError

if TYPE_CHECKING:
    from neurosim.network import Network

#: Work of a chunk (ns) from which threads pay: two meetings cost about 2,000 ns, more on a busy machine.
LEAST_WORK = 20_000.0
NEURON_NS, EVENT_NS, LIKELY_RATE = 3.0, 1.0, 10.0  # ns a neuron and step, ns an event; Hz
FEW_NEURONS = 2000  # below, one thread always
MANY_NEURONS = 4000  # from here on a network is divided before it is wired
MOST = 255
GROWN = 0.2  # change of size from which the parts are weighed again
UNEVEN = 1.25  # work of the busiest thread over the mean from which parts are cut anew
MOST_MOVED = 50_000_000  # synapses; more are not moved for balance


def available() -> int:
    """Cores that this process may use: NEUROSIM_THREADS, or the system's number, no more than NUMBA_NUM_THREADS.

    joblib and other pools set the last one in their workers, so that together they do not ask for more than there is.
    """
    asked = os.environ.get("NEUROSIM_THREADS")
    if asked is not None:
        return check("NEUROSIM_THREADS", int(asked) if asked.strip().isdigit() else asked)
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    count = max(1, ranks.same(ranks.cores() // ranks.here()))
    return min(count, int(limit)) if limit.isdigit() and int(limit) > 0 else count


def check(label: str, threads: object) -> int:
    """A number of threads, or an error."""
    if isinstance(threads, bool) or not hasattr(threads, "__index__") or not 1 <= threads.__index__() <= MOST:
        raise ParameterError(
            f"{label}: a whole number of threads from 1 to {MOST}, got {threads!r}; for example net.run(100.0, threads=2)"
        )
    return threads.__index__()


def choose(net: Network, asked: int | None) -> int:
    """Threads of a run: those asked for, else the network's own number, else as many as pay."""
    if asked is not None:
        return check("run(threads)", asked)
    if net.threads is not None:
        return net.threads
    if os.environ.get("NEUROSIM_THREADS") is not None:
        return available()
    from neurosim.kernels.compiled import JIT

    engine = net.engine
    events = net.n_synapses * LIKELY_RATE * 1e-3 * net.dt * EVENT_NS
    pays = net.n_neurons >= FEW_NEURONS and engine.chunk * (NEURON_NS * net.n_neurons + events) > LEAST_WORK
    return available() if JIT and pays else 1


def prepare(net: Network) -> None:
    """Before the first synapses are made: divide a large network, which is cheap as long as it is not wired."""
    if net.n_synapses:
        return
    if net.threads is not None:
        divide(net, net.threads, anew=net.threads > 1)
    elif net.n_neurons >= MANY_NEURONS or os.environ.get("NEUROSIM_THREADS") is not None:
        divide(net, choose(net, None) if net.n_neurons < MANY_NEURONS else available(), anew=True)


def divide(net: Network, threads: int, *, anew: bool = False) -> None:
    """Give every thread its part of the network; `anew`, or if the parts have become uneven: also if it has one."""
    if threads > 1 and not anew and net.engine.shards == threads and net.n_neurons >= FEW_NEURONS:
        size, seen = net.n_synapses + net.n_neurons, net._weighed
        if abs(size - seen) > GROWN * seen:  # else the parts are as even as when they were weighed last
            net._weighed = size
            anew = net.n_synapses <= MOST_MOVED and net.engine.imbalance() > UNEVEN
    if net.engine.divide(threads, anew=anew):
        for projection in net.projections.values():
            projection.version += 1  # edges selected before lie elsewhere now
