"""Plastic events a second of the lazy pair rule on one core: Poisson trains through push and deliver, no neurons.

    python benchmarks/stdp_events.py [rate in Hz ...]

An event is one synapse visited by one presynaptic spike, with all postsynaptic spikes since the last visit replayed.
Processor time is counted, so a busy machine is unkind only to the caches.  Targets, rows of 1000 synapses: additive
float32, one delay 150 M/s, a delay per synapse 90 M/s; power law float32, one delay 55 M/s.
"""

import sys
import time

import numba
import numpy as np

from neurosim.engine.lazy_pool import LazyPool
from neurosim.plasticity.pair import PairSTDP
from neurosim.plasticity.power_law import PowerLawSTDP

DT = 0.1  # ms


def chunk_of(kernels):
    """A compiled loop over the steps of a chunk, as a driver has it."""
    push, deliver, room_needed = kernels.push, kernels.deliver, kernels.room_needed

    @numba.njit(nogil=True)
    def chunk(now, n_steps, spikes, bounds, ring, pool, room):
        if room_needed(now, n_steps, spikes, bounds, room):
            return False
        for s in range(n_steps):
            push(now + s, spikes, bounds[s], bounds[s + 1], pool)
            deliver(now + s, 0, ring, pool)
        return True

    return chunk


def grown_pool(rule, *, uniform, dtype, neurons, degree, delays, seed=1):
    """A pool with `degree` random targets per source; delays drawn from delays[0] ... delays[1] steps."""
    rng = np.random.default_rng(seed)
    pool = LazyPool(rule.functions, uniform=uniform, dt=DT, dtype=dtype)
    back = delays[0] if uniform else 0
    _, row0 = pool.add_projection(rule, n_sources=neurons, pre_lo=0, n_targets=neurons, post_lo=0, column0=0, back=back)
    n = neurons * degree
    column = np.sort(rng.integers(0, neurons, (neurons, degree)), axis=1).reshape(-1)
    delay = rng.integers(delays[0], delays[1] + 1, n)
    weight = rng.uniform(rule.w_min, rule.w_max, n).astype(dtype)
    pool.build(row0, neurons, np.repeat(np.arange(neurons), degree), column, delay, weight)
    return pool


def measure(rule, rate, *, uniform, dtype, delays, neurons=10_000, degree=1_000, duration=300.0, warm=100.0):
    """(M events/s, s, sweeps) after a warm-up."""
    pool = grown_pool(rule, uniform=uniform, dtype=dtype, neurons=neurons, degree=degree, delays=delays)
    ring = np.zeros((1 << int(delays[1]).bit_length(), neurons))
    chunk = chunk_of(pool.kernels)
    rng = np.random.default_rng(2)
    step, n, spent, events = 0, delays[0], 0.0, 0
    arguments = pool.driver_arguments(), pool.room_arguments()
    while step < round((warm + duration) / DT):
        counts = rng.binomial(neurons, rate * DT * 1e-3, n)
        parts = [np.sort(rng.choice(neurons, c, replace=False)) for c in counts]
        spikes, bounds = np.concatenate(parts).astype(np.int64), np.concatenate([[0], np.cumsum(counts)])
        begin = time.process_time()
        while not chunk(step, n, spikes, bounds, ring, *arguments):
            pool.make_room()
            arguments = pool.driver_arguments(), pool.room_arguments()
        if step >= warm / DT:
            spent += time.process_time() - begin
            events += spikes.size * degree
        step += n
    return events / spent / 1e6, spent, pool.sweeps, pool.weight.mean()


def main(rates):
    """Print a table."""
    additive, bounded = (
        PairSTDP(a_plus=1e-3, a_minus=1.05e-3),
        PairSTDP(a_plus=1e-3, a_minus=1.05e-3, mu_plus=1, mu_minus=1),
    )
    guetig = PairSTDP(a_plus=1e-3, a_minus=1.05e-3, mu_plus=0.4, mu_minus=0.4)
    power = PowerLawSTDP(lam=1e-3, alpha=1.05, w_max=1.0)
    ways = [
        ("additive float32, one delay", additive, True, "float32", (15, 15), 1.0),
        ("additive float32, any delay", additive, False, "float32", (1, 15), 1.0),
        ("additive float64, one delay", additive, True, "float64", (15, 15), 1.0),
        ("additive float64, any delay", additive, False, "float64", (1, 15), 1.0),
        ("mu = 1 float32, one delay", bounded, True, "float32", (15, 15), 0.5),
        ("mu = 1 float64, one delay", bounded, True, "float64", (15, 15), 0.5),
        ("mu = 0.4 float32, one delay", guetig, True, "float32", (15, 15), 0.3),
        ("mu = 0.4 float64, one delay", guetig, True, "float64", (15, 15), 0.3),
        ("power law float32, one delay", power, True, "float32", (15, 15), 0.3),
        ("power law float32, any delay", power, False, "float32", (1, 15), 0.3),
        ("power law float64, one delay", power, True, "float64", (15, 15), 0.3),
    ]
    for i, rate in enumerate(rates):
        for name, rule, uniform, dtype, delays, share in ways if i == 0 else ways[:2]:
            speed, spent, sweeps, mean = measure(
                rule, rate, uniform=uniform, dtype=dtype, delays=delays, duration=max(100.0, 8000.0 * share / rate)
            )
            print(
                f"{name:29s} {rate:5.1f} Hz: {speed:6.1f} M events/s ({spent:.2f} s, sweeps {sweeps}, mean weight {mean:.4f})",
                flush=True,
            )


if __name__ == "__main__":
    main([float(x) for x in sys.argv[1:]] or [37.0, 15.0])
