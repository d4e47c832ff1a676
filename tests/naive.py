"""Slow twins in plain Python: random numbers, neurons, and networks whose spikes in flight are lists.

Written from the equations, not from the engine: nothing of neurosim is imported, no array is used where a list will do.
"""

import hashlib
import math
from dataclasses import dataclass, field

WORD = 0xFFFFFFFF


# ---- random numbers --------------------------------------------------------------------------------------------------


def stream_key(seed, *names):
    """The 32-bit key of a named stream: the first four bytes of SHA-256 of seed and names."""
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def philox(low, high, key):
    """Philox-2x32-10 (Salmon et al. 2011) over Python integers; the first word of the pair is the high half."""
    for _ in range(10):
        product = 0xD256D193 * low
        low, high = (product >> 32) ^ key ^ high, product & WORD
        key = (key + 0x9E3779B9) & WORD
    return (low << 32) | high


def uniform(key, step, uid):
    """A number in [0, 1) with 53 bits."""
    return (philox(uid & WORD, step & WORD, key) >> 11) * 2.0**-53


def word(key, step, uid):
    """32 bits; an even uid has the low half of the draw that it shares with the odd one after it."""
    return (philox(uid >> 1, step & WORD, key) >> (32 * (uid & 1))) & WORD


def poisson_count(u, mean):
    """The smallest k with u <= P(count <= k)."""
    k, p = 0, math.exp(-mean)
    total = p
    while u > total and k < 1000:
        k += 1
        p *= mean / k
        total += p
    return k


def drive_count(seed, number, mean, step, uid):
    """Events of the Poisson drive that was applied as stimulus `number`, onto one neuron in one step.

    48 bits decide: 16 of the 64 that four neighbours share, then 32 of the neuron's own.
    """
    key = stream_key(seed, "stimulus", number)
    high = (philox(uid >> 2, step & WORD, key) >> (16 * (uid & 3))) & 0xFFFF
    low = philox(uid, step & WORD, key ^ 0x5BD1E995) & WORD
    return poisson_count(((high << 32 | low) + 0.5) * 2.0**-48, mean)


# ---- neurons ---------------------------------------------------------------------------------------------------------


@dataclass
class DeltaNeuron:
    """Leaky integrate-and-fire, a spike moves v at once; times in steps of dt (ms), voltages in mV."""

    dt: float
    tau_m: float = 20.0
    c_m: float = 250.0
    e_l: float = 0.0
    v_th: float = 20.0
    v_reset: float = 0.0
    t_ref: float = 2.0
    i_e: float = 0.0
    v: float = 0.0
    waiting: int = 0

    def advance(self, arrived, current=0.0):
        """One step with the sum of the weights that arrive; whether it fires."""
        if self.waiting > 0:
            self.waiting -= 1
            return False
        keep = math.exp(-self.dt / self.tau_m)
        goal = self.e_l + (self.i_e + current) * self.tau_m / self.c_m
        self.v = goal + (self.v - goal) * keep + arrived
        return self._fire()

    def _fire(self):
        if self.v < self.v_th:
            return False
        self.v = self.v_reset
        self.waiting = max(round(self.t_ref / self.dt) - 1, 0)
        return True


@dataclass
class ExpNeuron(DeltaNeuron):
    """The same with one exponential current (pA) for each sign of the weight."""

    tau_exc: float = 5.0
    tau_inh: float = 10.0
    currents: dict = field(default_factory=lambda: {1: 0.0, -1: 0.0})

    def advance(self, arrived, current=0.0):
        """One step; `arrived` maps the sign to the sum of the weights."""
        keep = math.exp(-self.dt / self.tau_m)
        goal = self.e_l + (self.i_e + current) * self.tau_m / self.c_m
        v = goal + (self.v - goal) * keep
        for sign, tau in ((1, self.tau_exc), (-1, self.tau_inh)):
            fade = math.exp(-self.dt / tau)
            rate = 1 / tau - 1 / self.tau_m
            v += self.currents[sign] / self.c_m * (self.dt * keep if rate == 0 else (keep - fade) / rate)
            self.currents[sign] = self.currents[sign] * fade + arrived.get(sign, 0.0)
        if self.waiting > 0:
            self.waiting -= 1
            return False
        self.v = v
        return self._fire()


# ---- networks --------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Synapse:
    """One synapse; `delay` in steps, all of it dendritic; x and y are the traces of its two neurons, as it sees them."""

    pre: int
    post: int
    delay: int
    weight: float
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Additive:
    """Additive pair rule, all pairs, clipped after each change; time constants in ms."""

    a_plus: float
    a_minus: float
    tau_plus: float
    tau_minus: float
    w_min: float
    w_max: float


class Network:
    """Neurons and synapses in lists, advanced step by step.

    A spike fired in step k is stamped k + 1; over a delay of d steps it arrives in step k + d.  A removed synapse takes
    its spikes in flight with it.
    """

    def __init__(self, neurons, *, dt, rule=None):
        self.neurons, self.dt, self.rule = neurons, dt, rule
        self.synapses = []
        self.flying = []  # [step of arrival, synapse, amount, step of firing]
        self.dead = set()
        self.drives = []  # functions (step, neuron) -> (sign of the receptor, amount)
        self.currents = []  # functions (step, neuron) -> pA
        self.fired = {}  # step -> set of neurons
        self.spikes = []  # (stamp, neuron)
        self.step = 0

    def insert(self, pre, post, delay, weight):
        """A synapse that carries spikes from now on."""
        self.synapses.append(Synapse(pre, post, delay, weight))
        return self.synapses[-1]

    def remove(self, gone):
        """Remove synapses."""
        gone = set(gone)
        self.synapses = [s for s in self.synapses if s not in gone]
        self.flying = [f for f in self.flying if f[1] not in gone]

    def kill(self, neuron):
        """Remove a neuron with its synapses."""
        self.dead.add(neuron)
        self.remove([s for s in self.synapses if neuron in (s.pre, s.post)])

    def set_delay(self, synapse, delay):
        """What is on its way arrives after the new delay, at the earliest now."""
        synapse.delay = delay
        for f in self.flying:
            if f[1] is synapse:
                f[0] = max(f[3] + delay, self.step)

    def run(self, steps):
        """Advance by `steps` steps."""
        for _ in range(steps):
            self._advance()

    def _advance(self):
        now = self.step
        arrived = [{1: 0.0, -1: 0.0} for _ in self.neurons]
        for due, synapse, amount, _ in self.flying:
            if due == now:
                arrived[synapse.post][1 if synapse.weight >= 0 else -1] += amount
        self.flying = [f for f in self.flying if f[0] > now]
        fired = set()
        for n, neuron in enumerate(self.neurons):
            if n in self.dead:
                continue
            for drive in self.drives:
                sign, amount = drive(now, n)
                arrived[n][sign] += amount
            current = sum(c(now, n) for c in self.currents)
            together = arrived[n] if isinstance(neuron, ExpNeuron) else arrived[n][1] + arrived[n][-1]
            if neuron.advance(together, current):
                fired.add(n)
                self.spikes.append((now + 1, n))
        self.fired[now] = fired
        for synapse in self.synapses:
            if self.rule is not None or synapse.pre in fired:
                self._transmit(synapse, now)
        self.step += 1

    def _transmit(self, s, now):
        sends = s.pre in self.fired[now]
        if self.rule is not None:
            r = self.rule
            returns = s.post in self.fired.get(now - s.delay, ())
            s.x *= math.exp(-self.dt / r.tau_plus)
            s.y *= math.exp(-self.dt / r.tau_minus)
            if returns:  # first, and each event sees the other side as it was before this step
                s.weight = min(max(s.weight + r.a_plus * s.x, r.w_min), r.w_max)
            if sends:
                s.weight = min(max(s.weight - r.a_minus * s.y, r.w_min), r.w_max)
            s.x += sends
            s.y += returns
        if sends:
            self.flying.append([now + s.delay, s, s.weight, now])
