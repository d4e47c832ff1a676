"""Forty common mistakes in models and rules: each gets a message that names the place, the value and the fix."""

import math
import re

import numpy as np
import pytest

import neurosim as ns

PAIR = {"x": ns.Trace("pre", 20.0), "y": ns.Trace("post", 20.0)}
TABLE = np.arange(4.0)


def depress(w, y, a_minus):
    return w - a_minus * y


def potentiate(w, x):
    return w + 0.1 * x


def misspelt(w, y, a_minsu):
    return w - a_minsu * y


def two(w, y):
    return w, y


def nothing(w, y):
    w = w - y


def tagged(w, c, x):
    return w, c + x


def looks_up(w, y):
    return w - TABLE[int(y)]


def numpied(w, y):
    return w - np.mean(y)


def unknown_word(w, y):
    return w - decay(y)  # noqa: F821


def printing(w, y):
    print(w)
    return w


def reads(w, post_v):
    return w + 0.0 * post_v


def lif(v, delta, dt, tau_m=20.0, v_th=-50.0):
    v = v + dt / tau_m * (-65.0 - v) + delta
    return v, v >= v_th


def forgets_to_fire(v, delta):
    return v + delta


def misnamed(v, dleta):
    return v + dleta, v > 1.0


def calls_itself(v, delta):
    return calls_itself(v, delta)


def rule(**given):
    return ns.PlasticityRule("mine", **({"traces": PAIR, "w_max": 1.0} | given))


def joined(plasticity, model=None, **given):
    net = ns.Network(dt=0.1, seed=1)
    a = net.add_population("a", model or ns.LIF(), 3)
    net.add_population("dopamine", ns.Modulator(), 1)
    net.add_population("three", ns.Modulator(), 3)
    if isinstance(given.get("modulator"), str):
        given["modulator"] = net.populations[given["modulator"]]
    return net.connect(a, a, ns.all_to_all(), weight=0.5, delay=1.0, plasticity=plasticity, **given)


THIRD = {"on_post": tagged, "variables": {"c": ns.Variable(0.0, tau=100.0)}, "third_factor": "c"}
MISTAKES = {
    "argument misspelt": (lambda: rule(on_pre=misspelt, params={"a_minus": 0.1}), ["'mine'", "on_pre", "misspelt()", "'a_minsu'", "Did you mean 'a_minus'?"]),
    "parameter forgotten": (lambda: rule(on_pre=depress), ["on_pre", "'a_minus'", "known: w, x, y"]),
    "too many results": (lambda: rule(on_pre=two), ["on_pre", "two", "2 values", "1"]),
    "no result": (lambda: rule(on_pre=nothing), ["on_pre", "nothing", "0 values"]),
    "variable not returned": (lambda: rule(on_post=potentiate, variables={"c": 0.0}), ["on_post", "potentiate", "1 value", "2"]),
    "lambda": (lambda: rule(on_pre=lambda w: w), ["on_pre", "plain function written with def", "def on_pre(w)"]),
    "called instead of named": (lambda: rule(on_pre=potentiate(0.5, 0.1)), ["on_pre", "plain function", "0.51"]),
    "array inside": (lambda: rule(on_pre=looks_up), ["looks_up", "line", "TABLE"]),
    "NumPy inside": (lambda: rule(on_pre=numpied), ["numpied", "np.mean", "exp, log"]),
    "unknown word": (lambda: rule(on_pre=unknown_word), ["unknown_word", "'decay' is not known"]),
    "print inside": (lambda: rule(on_pre=printing), ["printing", "line"]),
    "does nothing": (lambda: rule(), ["'mine'", "does nothing", "on_pre="]),
    "name forgotten": (lambda: ns.PlasticityRule(depress), ["PlasticityRule.name", "text"]),
    "trace of whom": (lambda: ns.Trace("presynaptic", 20.0), ["Trace.of", "'presynaptic'", "'pre' or 'post'"]),
    "trace without memory": (lambda: ns.Trace("pre", 0.0), ["Trace.tau", "positive (ms)", "0.0"]),
    "unknown jump": (lambda: ns.Trace("pre", 20.0, "nearest"), ["Trace.jump", "'add' or 'set'", "'nearest'"]),
    "trace is a number": (lambda: rule(on_post=potentiate, traces={"x": 20.0}), ["traces", "'x'", "ns.Trace('pre', tau=20.0)", "20.0"]),
    "time constant of no parameter": (lambda: rule(on_post=potentiate, traces={"x": ns.Trace("pre", "tau_x")}, params={"tau": 20.0}), ["'tau_x'", "params", "Did you mean 'tau'?"]),
    "two things of one name": (lambda: rule(on_post=potentiate, params={"x": 1.0}), ["'x' is used twice"]),
    "name taken": (lambda: rule(on_post=potentiate, params={"w": 1.0}), ["'w' is taken"]),
    "NaN parameter": (lambda: rule(on_pre=depress, params={"a_minus": math.nan}), ["params['a_minus']", "finite", "nan"]),
    "bounds reversed": (lambda: rule(on_post=potentiate, w_min=2.0), ["w_max", "above w_min = 2", "got 1"]),
    "sees what": (lambda: rule(on_post=potentiate, sees="spike"), ["sees", "'spike'", "Did you mean 'spikes'?"]),
    "third factor of nothing": (lambda: rule(on_post=potentiate, third_factor="c"), ["third_factor", "'c'", "ns.Variable(0.0, tau=1000.0)"]),
    "third factor without modulator": (lambda: joined(rule(**THIRD)), ["a -> a", "needs modulator=", "ns.Modulator(tau=200.0)"]),
    "modulator of another model": (lambda: joined(rule(**THIRD), modulator="a"), ["modulator", "3 of LIF", "ns.Modulator"]),
    "too many modulators": (lambda: joined(rule(**THIRD), modulator="three"), ["modulator", "3 of Modulator", "one neuron"]),
    "modulator for nobody": (lambda: joined(ns.PairSTDP(), modulator="dopamine"), ["modulator=", "third factor", "leave it out"]),
    "class instead of rule": (lambda: joined(ns.PairSTDP), ["plasticity", "it is a class", "PairSTDP()"]),
    "empty list": (lambda: joined([]), ["plasticity=[]", "leave it out"]),
    "string in the list": (lambda: joined([ns.PairSTDP(), "scaling"]), ["plasticity", "'scaling'", "list of rules"]),
    "rules that see differently": (lambda: joined([ns.PairSTDP(), rule(on_post=potentiate, sees="spikes")]), ["agree in sees=", "'delay'", "'spikes'"]),
    "two that transmit": (lambda: joined([ns.ShortTerm(), ns.ShortTerm()]), ["only one rule", "transmit=", "ShortTerm and ShortTerm"]),
    "state that is not there": (lambda: joined(rule(on_pre=reads), model=ns.PoissonSource(10.0)), ["takes no input"]),
    "state misspelt": (lambda: joined(rule(on_pre=reads), model=ns.Parrot()), ["'v'", "Parrot does not have"]),
    "weight outside": (lambda: joined(ns.PairSTDP(w_max=0.4)), ["0.5", "[0, 0.4]", "w_max"]),
    "few bits without bounds": (lambda: joined(rule(on_post=potentiate, w_max=np.inf), dtype="4bit"), ["'4bit'", "finite bounds"]),
    "unknown variable": (lambda: joined(rule(**THIRD), modulator="dopamine").variable("e"), ["variable", "'e'", "known: c"]),
    "unknown rule parameter": (lambda: ns.TripletSTDP(tau_pluss=3.0), ["TripletSTDP", "'tau_pluss'", "Did you mean"]),
    "unknown parameter of a rule of one's own": (lambda: rule(on_pre=depress, params={"a_minus": 0.1}).a_plus, ["'mine'", "'a_plus'", "known: a_minus"]),
    "model: argument misspelt": (lambda: ns.neuron_model(state={"v": -65.0})(misnamed), ["misnamed", "'dleta'", "Did you mean 'delta'?"]),
    "model: does not say whether it fires": (lambda: ns.neuron_model(state={"v": -65.0})(forgets_to_fire), ["forgets_to_fire", "1 value", "2"]),
    "model: calls itself": (lambda: ns.neuron_model(state={"v": -65.0})(calls_itself), ["calls_itself", "calls itself"]),
    "model: no state": (lambda: ns.neuron_model(state={"u": 0.0})(lif), ["lif", "'v'"]),
    "model: parameter of an instance": (lambda: ns.neuron_model(state={"v": -65.0})(lif)(tau=3.0), ["'tau'", "Did you mean 'tau_m'?"]),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake(mistake):
    make, words = MISTAKES[mistake]
    with pytest.raises((ns.ParameterError, ns.WiringError, AttributeError)) as caught:
        make()
    text = str(caught.value)
    missing = [word for word in words if word not in text]
    assert not missing, f"{text!r} does not say {missing}"
    assert len(text) < 500 and not re.search(r"Traceback|<module", text)


def test_there_are_thirty():
    assert len(MISTAKES) >= 30
