"""Runs a benchmark network in Brian2.

    python -m benchmarks.peer_brian2 MODEL [--threads N] [--time MS] [--seed S]

C++ standalone, double precision: plain C++ on one thread, OpenMP on more.  The clocks are read inside the generated
program, around the timed part.  STDP sees a presynaptic spike when it arrives (the delay is axonal).  A delta neuron
is held at its reset potential while it is refractory, and synapses act before the threshold, as in NEST and neurosim.
"""

import shutil
import tempfile
import time
from pathlib import Path

import brian2
import numpy as np
from brian2 import Hz, ms

from benchmarks import describe, measure
from benchmarks.description import DT, Network, draw_synapses, kick_trains, start_potentials

# written into main.cpp: wall clock, CPU time, largest memory in KB, first line of /proc/stat
MARK = r"""{
    struct timespec w, c; struct rusage memory; char line[512] = "";
    FILE* stat = fopen("/proc/stat", "r"); if (!fgets(line, 512, stat)) line[0] = 0; fclose(stat);
    clock_gettime(CLOCK_MONOTONIC, &w); clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &c); getrusage(RUSAGE_SELF, &memory);
    FILE* marks = fopen("MARKS", "a");
    fprintf(marks, "%.6f;%.6f;", w.tv_sec + 1e-9 * w.tv_nsec, c.tv_sec + 1e-9 * c.tv_nsec);
    fprintf(marks, "%ld;%s", memory.ru_maxrss, line);
    fclose(marks);
}"""


def equations(network: Network) -> tuple[str, str, str]:
    """(equations, method, variable that input of either sign is added to, "" for one of each)."""
    p = network.parameters
    if network.neuron == "delta":
        return f"dv/dt = ({p['e_l']} - v)/({p['tau_m']}*ms) : 1 (unless refractory)", "exact", "v"
    exc = f"dg_exc/dt = -g_exc/({p['tau_exc']}*ms) : 1"
    inh = f"dg_inh/dt = -g_inh/({p['tau_inh']}*ms) : 1"
    if network.neuron == "cond":
        currents = f"g_exc*({p['e_exc']} - v) + g_inh*({p['e_inh']} - v)"
        membrane = f"dv/dt = ({p['g_l']}*({p['e_l']} - v) + {currents})/({p['c_m']}*ms) : 1 (unless refractory)"
        return "\n".join((membrane, exc, inh)), "exponential_euler", ""
    one = p["tau_exc"] == p["tau_inh"]  # one current for both signs
    current = "g_exc" if one else "g_exc + g_inh"
    membrane = f"dv/dt = ({p['e_l']} - v)/({p['tau_m']}*ms) + ({current} + i_e)/({p['c_m']}*ms) : 1 (unless refractory)"
    lines = [membrane, exc, "i_e : 1 (constant)"] + ([] if one else [inh])
    return "\n".join(lines), "exact", "g_exc" if one else ""


def build(network: Network, seed: int) -> tuple[brian2.Network, brian2.SpikeMonitor]:
    """Make the network and the monitor of all its spikes."""
    if network.growth:
        raise SystemExit("Brian2 cannot remove synapses")
    rng = np.random.default_rng(seed)
    text, method, shared = equations(network)
    reset = f"v = {network.parameters['v_reset']}"
    if network.stdp:
        text += f"\ndpre_trace/dt = -pre_trace/({network.stdp['tau_plus']}*ms) : 1"
        text += f"\ndpost_trace/dt = -post_trace/({network.stdp['tau_minus']}*ms) : 1"
        reset += "; post_trace += 1"
    neurons = brian2.NeuronGroup(
        network.size,
        text,
        threshold=f"v > {network.parameters['v_th']}",
        reset=reset,
        refractory=network.parameters["t_ref"] * ms,
        method=method,
    )
    neurons.v = np.concatenate([start_potentials(p, rng) for p in network.populations])
    held = network.neuron == "delta"
    if held:  # "(unless refractory)" stops the equation, not what synapses add
        neurons.run_regularly(
            f"v = v*int(not_refractory) + {network.parameters['v_reset']}*(1 - int(not_refractory))", when="end"
        )
    if "i_e" in text:
        neurons.i_e = np.repeat([p.i_e for p in network.populations], [p.size for p in network.populations])
    first = network.first()
    objects = []
    for p in network.populations:
        if p.poisson_rate:
            part = neurons[first[p.name] : first[p.name] + p.size]
            variable = shared or "g_exc"
            objects.append(
                brian2.PoissonInput(part, variable, 1000, p.poisson_rate / 1000 * Hz, network.poisson_weight)
            )
    for key, source, target, weight, delay in merged_synapses(network, rng):
        inhibitory, plastic = key
        variable = shared or ("g_inh" if inhibitory else "g_exc")
        sign = -1.0 if network.neuron == "cond" and inhibitory else 1.0
        delay = delay - DT if held else delay  # synapses before thresholds see a spike one step later
        objects += make_synapses(neurons, network, variable, source, target, sign * weight, delay, plastic)
    if network.kick:
        neuron, t = kick_trains(network.kick, rng)
        trains = brian2.SpikeGeneratorGroup(network.kick.size, neuron, t * ms)
        kick = brian2.Synapses(trains, neurons, on_pre=f"g_exc_post += {network.kick.weight}")
        kick.connect(i=np.arange(network.kick.size), j=np.arange(network.kick.size) + first[network.kick.target])
        objects += [trains, kick]
    monitor = brian2.SpikeMonitor(neurons)
    simulation = brian2.Network(neurons, monitor, *objects)
    if held:
        simulation.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    return simulation, monitor


def merged_synapses(network: Network, rng: np.random.Generator):
    """All synapses of one sign and kind together, by source and target: fewer objects run faster."""
    first = network.first()
    size = {p.name: p.size for p in network.populations}
    groups: dict[tuple[bool, bool], list] = {}
    for p in network.projections:
        source, target, weight, steps = draw_synapses(p, size[p.source], size[p.target], rng)
        part = (source + first[p.source], target + first[p.target], weight, steps)
        groups.setdefault((p.weight < 0, p.plastic), []).append(part)
    for key, parts in groups.items():
        source, target, weight, steps = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.lexsort((target, source))
        delay = steps[order] * DT
        yield key, source[order], target[order], weight[order], delay[0] if np.ptp(delay) == 0.0 else delay


def make_synapses(neurons, network: Network, variable: str, source, target, weight, delay, plastic: bool) -> list:
    """One object of synapses, and for STDP a second one that carries the presynaptic traces."""
    on_pre, on_post = f"{variable}_post += w", None
    if plastic and network.stdp["rule"] == "additive":
        low = f"w = clip(w - {network.stdp['a_minus']}*post_trace_post, 0, {network.stdp['w_max']})"
        on_pre = f"{low}; {on_pre}"
        on_post = f"w = clip(w + {network.stdp['a_plus']}*pre_trace_pre, 0, {network.stdp['w_max']})"
    elif plastic:
        rate, mu, alpha = (network.stdp[k] for k in ("rate", "mu", "alpha"))
        on_pre = f"w = clip(w - {rate * alpha}*w*post_trace_post, 0, 1e9); {on_pre}"
        on_post = f"w += {rate}*w**{mu}*pre_trace_pre"
    synapses = brian2.Synapses(neurons, neurons, "w : 1", on_pre=on_pre, on_post=on_post)
    synapses.connect(i=source, j=target)
    synapses.w = weight
    synapses.pre.delay = delay * ms
    if not plastic:
        return [synapses]
    traces = brian2.Synapses(neurons, neurons, on_pre="pre_trace_post += 1")  # each onto itself, when its spikes arrive
    senders = np.unique(source)
    traces.connect(i=senders, j=senders)
    traces.delay = delay * ms
    return [synapses, traces]


def main() -> None:
    """Generate, compile, run, report."""
    asked = measure.arguments("Brian2")
    begin = time.monotonic()
    network = describe(asked.model)
    duration = asked.time or network.time
    folder = tempfile.mkdtemp(prefix="brian2_")
    brian2.set_device("cpp_standalone", build_on_run=False, directory=folder)
    brian2.prefs.devices.cpp_standalone.openmp_threads = 0 if asked.threads == 1 else asked.threads
    brian2.prefs.devices.cpp_standalone.extra_make_args_unix = ["-j2"]
    brian2.prefs.codegen.cpp.headers += ["<cstdio>", "<time.h>", "<sys/resource.h>"]
    brian2.seed(asked.seed)
    brian2.defaultclock.dt = DT * ms
    try:
        simulation, monitor = build(network, asked.seed)
        marks = Path(folder) / "marks"
        simulation.run(network.warm_up * ms)
        brian2.device.insert_code("main", MARK.replace("MARKS", str(marks)))
        simulation.run(duration * ms)
        brian2.device.insert_code("main", MARK.replace("MARKS", str(marks)))
        brian2.device.build(directory=folder, compile=True, run=True, with_output=False)
        (start, _), (stop, memory) = (read_mark(line) for line in marks.read_text().splitlines())
        stamp, neuron = np.asarray(monitor.t / ms) + DT, np.asarray(monitor.i)  # Brian2 stamps the start of a step
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    first = network.first()
    measure.report(
        network,
        [stamp[(neuron >= first[p.name]) & (neuron < first[p.name] + p.size)] for p in network.populations],
        peer=f"brian2 {brian2.__version__}",
        threads=asked.threads,
        dtype="float64",
        duration=duration,
        begin=begin,
        start=start,
        stop=stop,
        peak_rss_mb=memory,
        note="axonal delay" if network.stdp else "",
    )


def read_mark(line: str) -> tuple[measure.Instant, float]:
    """The moment, and the largest memory until then (MB)."""
    wall, cpu, memory, stat = line.split(";")
    return measure.Instant(float(wall), float(cpu), measure.machine_time(stat)), int(memory) / 1024.0


if __name__ == "__main__":
    main()
