"""Slow twin of the event rules: interprets a Mechanism for one synapse, event after event, in plain Python.

Nothing of the engine is used: a rule is read by its names, its functions run with `math` in place of the kernels' own
mathematics, and the order of events is written out once, in `Synapse.advance`.
"""

import inspect
import math
import types
from dataclasses import dataclass, field

import numpy as np

HUGE = 2.0**28  # steps since an event that never was


@dataclass(frozen=True)
class Level:
    """What a third factor follows: decays to 0 with `tau` (ms), and grows by jumps[step] when step `step` is over."""

    tau: float
    jumps: dict


@dataclass
class Course:
    """What happened to a synapse."""

    events: list = field(default_factory=list)  # (step, "pre" or "post", weight after it, variables after it)
    delivered: list = field(default_factory=list)  # (step in which it reaches the neuron, amount)
    weight: float = 0.0  # at the end
    variables: dict = field(default_factory=dict)
    row: dict = field(default_factory=dict)

    @property
    def sent(self):
        """Amounts delivered, in order."""
        return np.array([amount for _, amount in self.delivered])

    def weights(self, kind):
        """The weight after every event of this kind."""
        return np.array([w for _, k, w, _ in self.events if k == kind])


def run(rule, pre, post, delay, dt, w0, axonal=0, sees=None, level=None, **more):
    """The course of one synapse.

    `pre`, `post`: steps in which the two neurons fire (for a rule with `post_event`: a dict step -> value, or None: from
    `states`).  `delay` (steps) is dendritic, `axonal` comes before the synapse.  `sees` overrides the rule's.  `level`: a Level.  More:

    uniform: function (step, kind) -> [0, 1);  states: dict of arrays, state of the target at the end of each step;
    variables: initial values by name;  real: the storage type;  late: presynaptic arrivals act within the step, before
    the neuron fires (axonal delay and nothing behind it);  end: step at which the synapse is looked at, default after
    the last event.
    """
    return Synapse(rule, dt, w0, level=level, **more).run(pre, post, delay, axonal, sees or rule.sees)


class Synapse:
    """One synapse of a rule."""

    def __init__(
        self, rule, dt, w0, *, level=None, uniform=None, states=None, variables=None, real=float, late=False, end=None
    ):
        self.rule, self.mechanism, self.dt, self.level = rule, rule.mechanism, dt, level
        self.uniform, self.states, self.real, self.late, self.end = uniform, states or {}, real, late, end
        m = self.mechanism
        self.course = Course()
        self.w = real(w0)
        given = variables or {}
        self.variables = {n: real(given[n] if n in given else self._number(v.initial)) for n, v in m.variables}
        self.row = {name: self._number(v.initial) for name, v in m.row}
        self.traces = {name: 0.0 for name, _ in m.traces}
        self.parameters = {name: getattr(rule, name) for name in m.parameters}
        self.functions = {kind: _with_mathematics(f, m.helpers) for kind, f in m.functions.items()}
        self.last, self.last_pre = -1, -HUGE  # born when step -1 is over, at 0 ms

    def _number(self, what):
        return getattr(self.rule, what) if isinstance(what, str) else what

    def run(self, pre, post, delay, axonal, sees):
        """All events in order of time."""
        values = self._from_states() if post is None else post if isinstance(post, dict) else {t: 0.0 for t in post}
        there, back = (0, 0) if sees == "spikes" else (axonal, delay)
        late_by = axonal + delay - there  # from the arrival at the synapse to the neuron
        arrivals = {t + there for t in pre}
        returns = {t + back: value for t, value in values.items()}
        for t in sorted(arrivals | set(returns)):
            if self.end is None or t < self.end:
                self.advance(t, t in arrivals, t in returns, returns.get(t, 0.0), back, late_by)
        if self.end is not None:
            self._elapse(self.end - 1)
        self.course.weight, self.course.variables, self.course.row = self.w, self.variables, self.row
        return self.course

    def _seen(self, step, prefix=""):
        """The state of the target at the end of a step, and `lag` before (at the earliest that of the first step)."""
        late = max(step - round(self._number(self.mechanism.lag) / self.dt), 0)
        now = {f"{prefix}{name}": array[step] for name, array in self.states.items()}
        return now | {f"{prefix}late_{name}": array[late] for name, array in self.states.items()}

    def _from_states(self):
        """Step -> value of the postsynaptic events that the state of the target makes."""
        known = self.parameters | {"dt": self.dt}
        arguments = inspect.signature(self.functions["post_event"]).parameters
        values = {}
        for step in range(len(next(iter(self.states.values())))):
            seen = self._seen(step) | known
            values[step] = self.functions["post_event"](*(seen[a] for a in arguments))
        return {step: value for step, value in values.items() if value > 0.0}

    def advance(self, t, arrives, returns, value, back, late_by):
        """Step t, in which a presynaptic or a postsynaptic spike reaches the synapse, or both."""
        self._elapse(t)
        order = [("post", returns), ("pre", arrives)]
        for kind, there in reversed(order) if self.late else order:
            if there and kind == "post":
                self._event("on_post", t, {"value": value})
            elif there:
                self._presynaptic(t, t - back, t + late_by)
        for name, trace in self.mechanism.traces:  # an event does not see itself, nor does a coincident one see it
            if arrives if trace.of == "pre" else returns:
                self.traces[name] = 1.0 if trace.jump == "set" else self.traces[name] + 1.0

    def _presynaptic(self, t, looks, reaches):
        states = self._seen(looks, "post_")
        if "on_row" in self.functions:
            values = self._call("on_row", {"elapsed": (t - self.last_pre) * self.dt})
            values = (values,) if len(self.row) == 1 and not isinstance(values, tuple) else values
            self.row = dict(zip(self.row, values, strict=True))
        self._event("on_pre", t, states)
        amount = self._call("transmit", {}) if "transmit" in self.functions else self.w
        self.course.delivered.append((reaches, amount))
        self.last_pre = t

    def _event(self, kind, t, offered):
        if kind in self.functions:
            offered = offered | {"elapsed": (t - self.last_pre) * self.dt}
            if "uniform" in inspect.signature(self.functions[kind]).parameters:
                offered["uniform"] = self.uniform(t, kind)
            self._take(self._call(kind, offered))
        self.w = self.real(min(max(self.w, self.rule.w_min), self.rule.w_max))
        self.course.events.append((t, kind.removeprefix("on_"), self.w, dict(self.variables)))

    def _elapse(self, t):
        """From the last event to step t: the third factor, decay, and what else evolves."""
        elapsed = (t - self.last) * self.dt
        if elapsed > 0:
            if self.mechanism.third_factor is not None:
                self.w += self._third_factor(t)
            for name, variable in self.mechanism.variables:
                if variable.tau is not None:
                    self.variables[name] *= math.exp(-elapsed / self._number(variable.tau))
            if "between" in self.functions:
                self._take(self._call("between", {"elapsed": elapsed}))
            for name, trace in self.mechanism.traces:
                self.traces[name] *= math.exp(-elapsed / self._number(trace.tau))
            self.w = min(max(self.w, self.rule.w_min), self.rule.w_max)
        self.last = t

    def _third_factor(self, t):
        """Integral of e (level - baseline) from the last event to step t."""
        name = self.mechanism.third_factor
        tau = self._number(dict(self.mechanism.variables)[name].tau)
        rate = 0.0 if tau is None else 1.0 / tau
        cuts = sorted({self.last, t} | {s for s in self.level.jumps if self.last < s < t})
        total = 0.0
        for a, b in zip(cuts, cuts[1:], strict=False):
            h = (b - a) * self.dt
            e = self.variables[name] * math.exp(-rate * (a - self.last) * self.dt)
            now = sum(
                jump * math.exp(-(a - s) * self.dt / self.level.tau) for s, jump in self.level.jumps.items() if s <= a
            )
            both = rate + 1.0 / self.level.tau
            alone = h if rate == 0.0 else -math.expm1(-rate * h) / rate
            total += e * (now * -math.expm1(-both * h) / both - self.rule.baseline * alone)
        return total

    def _call(self, kind, offered):
        known = {"w": self.w} | self.variables | self.row | self.traces | self.parameters | offered
        function = self.functions[kind]
        return function(*(known[name] for name in inspect.signature(function).parameters))

    def _take(self, values):
        w, *variables = values if isinstance(values, tuple) else (values,)
        self.w = w
        for name, value in zip(self.variables, variables, strict=True):
            self.variables[name] = self.real(value)


def _power(x, y):
    return float(x) ** float(y)


MATHEMATICS = {
    "exp": math.exp, "log": math.log, "power": _power, "cos_turns": lambda u: math.cos(2 * math.pi * u), "math": math, "np": np,
}  # fmt: skip


def _with_mathematics(function, helpers):
    """The function with `exp` and the like, and the rule's helpers, as its globals; one that exists as text is read."""
    if hasattr(function, "__neurosim_source__"):
        known = dict(MATHEMATICS)
        exec(function.__neurosim_source__, known)
        return known[function.__name__]
    known = dict(function.__globals__) | MATHEMATICS
    known |= {h.__name__: types.FunctionType(h.__code__, known, h.__name__, h.__defaults__) for h in helpers}
    return types.FunctionType(function.__code__, known, function.__name__, function.__defaults__)
