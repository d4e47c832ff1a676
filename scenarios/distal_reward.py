"""One synapse of 80,000 is rewarded, seconds later, for making its target fire; dopamine finds it out (Izhikevich 2007).

A network of 1,000 neurons fires at about 1 Hz under random input.  Whenever the target of one synapse fires within 20 ms after
its source, dopamine comes 1 to 3 s later, when thousands of other spikes have come and gone.  Each pairing leaves an eligibility
trace at its synapse that fades within a second; dopamine turns what is left of it into weight, at all synapses alike.  Only the
rewarded one finds dopamine after its own pairings again and again.  It begins at 0, and so do a hundred others that hear the same
dopamine at times that have nothing to do with them: they are the control within the run.

    neurosim run distal_reward --set reward=random      the same dopamine, at random times (`rate`, in Hz)
    neurosim run distal_reward --set reward=none        no more than the tonic level

After an hour (seeds 1 to 5) the rewarded synapse is at 3.7 to 4.0 of 4, above 98.4 to 99.8% of all; without reward below 0.1 (seeds 1
and 2).  With the same dopamine at random times it ends at 0.04 to 0.2, but with seed 1 at 3.8: in an hour with dopamine 3 to 5% of all
synapses drift above 3, and any one may be among them.  Pairings are rare: 1.7 a minute without reward, 3.8 in the end with it.

Neurons, weights, bounds, input, time constants and amplitudes are those of the author's program (daspnet.m, public copies).  What differs:
weights follow dopamine at every moment and not each 10 ms, each spike adds to the traces of spikes instead of setting them, nothing
happens to two spikes in the same step, no synapse is a double or a loop, and rewards wait for the next tenth of a second.
"""

from pathlib import Path

import numpy as np

import neurosim as ns

EXC, INH, TARGETS, MOST = 800, 200, 100, 4.0
PULSE = 0.5  # dopamine of a reward; at rest there is 0.002 of it (the baseline of the rule), and it decays in 200 ms
RULE = ns.DopamineSTDP(a_plus=0.01, a_minus=0.015, tau_c=1000.0, baseline=-0.002, w_max=MOST, sees="spikes")


def to_reset(u, d):
    return -65.0, u + d


@ns.neuron_model(state={"v": -65.0, "u": -13.0}, params={"d": 8.0}, reset=to_reset, receptor_unit="mV/ms")
def Cortical(v, u, delta, uniform, a=0.02, noise=6.5):
    """Izhikevich (2003) in steps of 1 ms, as published: v in two halves, input (uniform within +-noise) held meanwhile."""
    i = delta + noise * (2.0 * uniform - 1.0)
    v = v + 0.5 * ((0.04 * v + 5.0) * v + 140.0 - u + i)
    v = v + 0.5 * ((0.04 * v + 5.0) * v + 140.0 - u + i)
    return v, u + a * (0.2 * v - u), v >= 30.0


class Teacher:
    """Looks at two neurons ten times a second, and gives dopamine; `earned` and `given` are times (ms)."""

    every = 100.0

    def __init__(self, pair: np.ndarray, reward: str, rate: float) -> None:
        self.pair, self.reward, self.rate = pair, reward, rate
        self.fired, self.due, self.earned, self.given = -100, [], [], []

    def observe(self, net: ns.Network, stamp: np.ndarray, uid: np.ndarray) -> None:
        hit = (uid == self.pair[0]) | (uid == self.pair[1])
        for t, who in zip(stamp[hit], uid[hit], strict=True):
            if who == self.pair[1] and 0 < t - self.fired < 20:
                self.earned.append(t)
                self.due.append(t + net.rng("delay").uniform(1000.0, 3000.0))
            self.fired = t if who == self.pair[0] else self.fired

    def advance(self, net: ns.Network) -> None:
        ready = [t for t in self.due if t <= net.now]
        self.due = [t for t in self.due if t > net.now]
        many = len(ready) if self.reward == "paired" else net.rng("chance").poisson(1e-3 * self.every * self.rate)
        net.populations["dopamine"].level += PULSE * many
        self.given += [net.now] * many


def main(
    duration: float = 3_600_000.0, seed: int = 1, out: str | Path = "runs/distal_reward", progress: bool | None = None, *,
    reward: str = "paired", rate: float = 0.06,
) -> list[str]:  # fmt: skip
    """Teach one synapse and draw it; `reward` is paired, random (then `rate` in Hz) or none."""
    if reward not in ("paired", "random", "none"):
        raise ns.ParameterError(f"distal_reward(reward): must be 'paired', 'random' or 'none', got {reward!r}")
    Path(out).mkdir(parents=True, exist_ok=True)
    net = ns.Network(dt=1.0, seed=seed)
    cells = net.add_population("cells", Cortical(), EXC + INH)
    dopamine = net.add_population("dopamine", ns.Modulator(tau=200.0), 1)
    exc, inh = cells[:EXC], cells[EXC:]
    inh.a, inh.d = 0.1, 2.0
    wiring = ns.fixed_outdegree(TARGETS)
    synapses = net.connect(exc, cells, wiring, weight=1.0, delay=1.0, plasticity=RULE, modulator=dopamine)
    net.connect(inh, exc, wiring, weight=-1.0, delay=1.0)

    # The first synapse of the first neuron, onto an excitatory one; and one of each of the last hundred excitatory neurons.
    edges, others = synapses.edges(), TARGETS * np.arange(EXC - 100, EXC) + TARGETS // 2
    edges[np.append(others, 0)].set_weight(0.0)
    teacher = net.add(Teacher((edges.pre[0], edges.post[0]), reward, rate * (reward == "random")))
    times, weights, detail = [], [], []

    def look(net: ns.Network) -> None:
        times.append(net.now)
        weights.append(synapses.weight.astype(np.float32))

    def look_closely(net: ns.Network) -> None:
        """Seven seconds in detail, from the first pairing on."""
        if teacher.earned and len(detail) < 70:
            detail.append((net.now, 100 * synapses.variable("c")[0], dopamine.level[0], synapses.weight[0]))

    look(net)
    net.add(ns.Callback(look, every=1000.0 * max(1.0, duration // 120_000)))
    net.add(ns.Callback(look_closely, every=teacher.every))
    rates = net.record(cells, "rates", every=1000.0)
    net.run(duration, progress=progress)
    w, sixths = synapses.weight, np.linspace(0.0, net.now, 7)
    pairings = ", ".join(f"{n / sixths[1] * 6e4:.1f}" for n in np.histogram(teacher.earned, sixths)[0])
    lists = np.array(times) / 6e4, np.array(weights), others, teacher, np.reshape(detail, (-1, 4))
    draw(Path(out) / "distal_reward.png", *lists, f"seed {seed}, reward {reward}, neurosim {ns.__version__}")
    return [
        f"the chosen synapse 0 -> {w[0]:.2f} of {MOST:g}, above {100 * (w < w[0]).mean():.1f}% of all",
        f"all: mean {w.mean():.2f}, {100 * (w > 3).mean():.1f}% above 3",
        f"100 others that began at 0: mean {w[others].mean():.2f}, {(w[others] > 3).sum()} above 3",
        f"{len(teacher.given)} rewards; pairings per minute in each sixth of the run: {pairings}",
        f"{rates.rate.mean():.2f} Hz per neuron",
    ]


def draw(path, minutes, weights, others, teacher, detail, told) -> None:
    """Weights over time, the first pairing in detail, weights of all synapses, pairings per minute."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), layout="constrained")
    (course, close), (spread, bars) = figure.subplots(2, 2)
    low, middle, high = np.percentile(weights[:, others], (5, 50, 95), axis=1)
    course.fill_between(minutes, low, high, color="0.85", label="100 others that began at 0: 5 to 95%")
    course.plot(minutes, middle, "0.5", label="their median")
    course.plot(minutes, np.percentile(weights, 95, axis=1), "k--", lw=1, label="95% of all synapses lie below")
    course.plot(minutes, weights[:, 0], "C3", lw=2, label="the chosen synapse")
    course.plot(np.array(teacher.given) / 6e4, [-0.15] * len(teacher.given), "C0|", ms=5, label="rewards")
    course.set(xlabel="time (min)", ylabel="weight (mV/ms)", ylim=(-0.3, 1.45 * MOST), title="Weights over time")
    for k, name, colour in (1, "eligibility (x 100)", "C2"), (2, "dopamine", "C0"), (3, "weight (mV/ms)", "C3"):
        close.plot(detail[:, 0] / 1e3, detail[:, k], colour, label=name)
    close.set(xlabel="time (s)", title="The first pairing, and what followed")
    for k, colour in zip((0, np.searchsorted(minutes, minutes[-1] / 6), -1), ("0.75", "C1", "k"), strict=True):
        spread.hist(weights[k], np.linspace(0, MOST, 81), histtype="step", color=colour, label=f"{minutes[k]:.3g} min")
    spread.axvline(weights[-1, 0], color="C3", lw=2, label="the chosen one at the end")
    spread.set(xlabel="weight (mV/ms)", ylabel="synapses", yscale="log", title="All plastic synapses")
    bars.hist(np.array(teacher.earned) / 6e4, np.linspace(0, minutes[-1], 13), color="C3", ec="w")
    bars.set(xlabel="time (min)", ylabel="in each twelfth of the run", title="Target within 20 ms after source")
    for ax in (course, close, spread):
        ax.legend(fontsize=8, loc="upper left" if ax is course else "best", ncols=2 if ax is course else 1)
    figure.supxlabel(told, fontsize=8)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    print(*main(), sep="\n")
