"""Plastic inhibition calms a racing network of 10,000 neurons, and finds the balance channel by channel (Vogels et al. 2011).

The rule strengthens an inhibitory synapse whose two neurons fire together, and weakens it at every presynaptic spike, so that
its target is driven to a rate.  First the recurrent network, with the numbers of Brian2's example after the paper: without
synapses from inhibitory to excitatory neurons it races; they are made after half a second, with weight 0.  Then eight neurons
that hear eight channels, through tuned excitatory and through equal, weak inhibitory synapses (numbers: the paper's
appendix): each inhibitory channel finds the strength of the excitatory one.

What the rule holds is the number of coincidences.  A strong inhibitory synapse keeps its target from firing just afterwards,
so the rate comes out higher: 3.9 Hz for a target of 3 here, with 40 synapses a neuron (in Brian2 too), 3.4 Hz with 80.

    neurosim run inhibitory_balance --set contacts=80 target=5
"""

from pathlib import Path

import numpy as np

import neurosim as ns

RACING = 500.0  # ms without inhibition of excitatory neurons
CHANNELS = 8
CELL = ns.LIFCond(c_m=200.0, g_l=10.0, e_l=-60.0, v_th=-50.0, v_reset=-60.0, e_exc=0.0, e_inh=-80.0, t_ref=5.0)


def main(
    duration: float = 15_000.0, seed: int = 1, out: str | Path = "runs/inhibitory_balance", progress: bool | None = None, *,
    target: float = 3.0, eta: float = 0.3, contacts: int = 40, size: int = 10_000,
) -> list[str]:  # fmt: skip
    """Run both for `duration` (ms), at least a second, and draw them.

    `target` is in Hz, `eta` the change of a weight at one pair (nS; a fiftieth of it for the single neurons), `contacts` the number
    of inhibitory synapses onto an excitatory neuron, `size` that of neurons in the recurrent network.
    """
    Path(out).mkdir(parents=True, exist_ok=True)
    plastic, spikes = recurrent(duration, seed, target, eta, contacts, size, progress)
    race, settled = rate(spikes[0], 0.0, RACING), rate(spikes[0], 0.5 * duration, duration)
    (exc, inh, leak), charges, alone = feedforward(duration, seed, target, 0.02 * eta, progress)
    weights, left = plastic.weight, (exc + inh + leak) / exc
    alike = np.corrcoef(charges[0].ravel(), charges[2].ravel())[0, 1]
    told = f"seed {seed}, neurosim {ns.__version__}"
    draw(Path(out) / "inhibitory_balance.png", spikes, charges, duration, target, told)
    return [
        f"recurrent: {race:.1f} Hz without inhibition, {settled:.2f} Hz at last; target {target:g} Hz ({settled / target - 1:+.0%})",
        f"weights from inhibitory to excitatory neurons: {weights.mean():.2f} +- {weights.std():.2f} nS",
        f"single neurons: {alone:.2f} Hz at last; inhibition of the channels, equal at first, follows excitation with r = {alike:.3f}",
        f"mean currents: {exc.mean():.0f} exc, {inh.mean():.0f} inh, {leak.mean():.0f} pA leak; at most {left.max():.1%} of exc left over",
    ]


def recurrent(duration, seed, target, eta, contacts, size, progress=False):
    """The plastic projection after `duration` (ms), and the spikes of the excitatory and the inhibitory population."""
    net = ns.Network(dt=0.1, seed=seed, default_delay=0.1)
    exc, inh = net.add_population("exc", CELL, 4 * size // 5), net.add_population("inh", CELL, size // 5)
    for part in (exc, inh):
        part.v, part.i_e = ns.uniform(-60.0, -50.0), 200.0  # pA, twice what makes a neuron fire
    net.connect(exc, [exc, inh], ns.random(160 / len(exc)), weight=0.3, dtype="float32")
    net.connect(inh, inh, ns.random(40 / len(inh)), weight=-3.0, dtype="float32")
    spikes = net.record(exc, "spikes"), net.record(inh, "spikes")
    net.run(RACING, progress=progress)
    rule = ns.VogelsSTDP(eta=eta, tau=20.0, target_rate=target, w_min=-100.0)
    plastic = net.connect(inh, exc, ns.random(contacts / len(inh)), weight=0.0, plasticity=rule, dtype="float32")
    net.run(duration - RACING, progress=progress)
    return plastic, spikes


def feedforward(duration, seed, target, eta, progress=False):
    """Eight neurons, each tuned to a channel, over the second half of `duration` (ms).

    Mean excitatory, inhibitory and leak current of each (pA); the charge (pC) that enters one neuron through one channel
    [channels, neurons] when each train fires once: excitatory, inhibitory before, inhibitory after; the rate (Hz).
    """
    net = ns.Network(dt=0.1, seed=seed, default_delay=0.1)
    rng, keep = np.random.default_rng(seed), np.exp(-1 / 50)
    course = np.zeros((round(duration), CHANNELS))  # Hz in each ms: 5, and what is positive of noise with 50 ms
    for k in range(1, len(course)):
        course[k] = keep * course[k - 1] + rng.normal(0.0, 150.0 * np.sqrt(1 - keep**2), CHANNELS)
    cells, trains = net.add_population("cells", CELL, CHANNELS), {}
    for name, n in (("exc", 100), ("inh", 25)):  # trains in a channel
        trains[name] = net.add_population(name, ns.Parrot(), n * CHANNELS)
        for c in range(CHANNELS):
            drive = ns.PoissonInput(rate=1.0, course=5.0 + np.maximum(course[:, c], 0.0), every=1.0)
            net.stimulate(trains[name][c * n : (c + 1) * n], drive)
    far = np.abs(np.arange(CHANNELS)[:, None] - np.arange(CHANNELS))
    tuned = np.repeat(0.3 + 1.1 / (1 + np.minimum(far, CHANNELS - far) ** 4), 100, axis=0)
    weights = 0.14 * (tuned + 0.1 * rng.random(tuned.shape)), np.full((25 * CHANNELS, CHANNELS), -0.035)  # nS
    net.connect(trains["exc"], cells, ns.all_to_all(), weight=weights[0].ravel())
    rule = ns.VogelsSTDP(eta=eta, tau=20.0, target_rate=target, w_min=-10.0)
    plastic = net.connect(trains["inh"], cells, ns.all_to_all(), weight=weights[1].ravel(), plasticity=rule)
    spikes, late = net.record(cells, "spikes"), (0.5 * duration, duration)
    recorders = [net.record(cells, name, every=1.0, window=late) for name in ("v", "g_exc", "g_inh")]
    net.run(duration, progress=progress)
    v, g_exc, g_inh = (recorder.values for recorder in recorders)
    currents = (-g_exc * v).mean(0), (-g_inh * (v + 80.0)).mean(0), -10.0 * (v + 60.0).mean(0)
    parts = (
        (weights[0], -5e-3 * v.mean()),
        (weights[1], -1e-2 * (v.mean() + 80.0)),
        (plastic.weight, -1e-2 * (v.mean() + 80.0)),
    )
    charges = [w.reshape(CHANNELS, -1, CHANNELS).sum(1) * factor for w, factor in parts]
    return currents, charges, rate(spikes, *late)


def rate(spikes, start, stop):
    """Hz for one neuron, between two times (ms)."""
    return np.count_nonzero((spikes.t > start) & (spikes.t <= stop)) / spikes.n / (stop - start) * 1e3


def draw(path, spikes, charges, duration, target, told):
    """Spikes before and at last, the rates, and the channels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 8), layout="constrained")
    (before, after), (course, channels) = figure.subplots(2, 2)
    for ax, stop, title in ((before, RACING, "without inhibition"), (after, duration, "at last")):
        ns.plot.raster(spikes[0], ax=ax, rate=False, window=(stop - 200.0, stop), max_neurons=300)
        ax.set_title(f"excitatory neurons {title}")
    edges = np.arange(0.0, duration + 1.0, 100.0)
    for part, name in zip(spikes, ("excitatory", "inhibitory"), strict=True):
        course.plot(edges[1:] / 1e3, np.histogram(part.t, edges)[0] / part.n * 10.0, label=name)
    course.axhline(target, color="k", linestyle=":", label=f"target {target:g} Hz")
    course.set(yscale="log", xlabel="time (s)", ylabel="rate (Hz per neuron)", title="recurrent network")
    place = (np.arange(CHANNELS)[:, None] - np.arange(CHANNELS) + CHANNELS // 2) % CHANNELS - CHANNELS // 2
    styles = ("excitatory", "ks", 0.0), ("inhibitory before", "C1.", 0.0), ("inhibitory after", "C1o", 0.15)
    for charge, (name, style, shift) in zip(charges, styles, strict=True):
        channels.plot(place.ravel() + shift, charge.ravel(), style, markersize=5, alpha=0.6, label=name)
    channels.set(
        xlabel="channel, counted from the one a neuron is tuned to", ylabel="charge if each train fires once (pC)"
    )
    channels.set_title("eight single neurons")
    for ax in (course, channels):
        ax.legend(frameon=False)
    figure.supxlabel(told, fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    print(*main(), sep="\n")
