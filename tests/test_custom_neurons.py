"""Neuron models written as plain functions: the same as built-in ones, checked when declared, saved by name and fingerprint."""

import importlib.util
import linecache
import math
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError, SaveError
from neurosim.kernels.compiled import kernel
from neurosim.kernels.elementary import cos, expm1, exprel, sin, tanh
from neurosim.kernels.plain import SourceFunction, arguments_of, source_of
from neurosim.neurons.physics import Physics, Stage

ROOT = Path(__file__).parent.parent
GAIN = 0.25  # found by the models below
SHIFT = -0.5


def to_reset(v_reset=0.0):
    return v_reset


def leak(tau_m, c_m, e_l, i_e, dt):
    lost = -np.expm1(-dt / tau_m)
    to_v = lost * tau_m / c_m
    return {"decay": np.exp(-dt / tau_m), "drive": lost * e_l + to_v * i_e, "current_to_v": to_v}


@ns.neuron_model(
    state={"v": ns.State("e_l", "mV")}, reset=to_reset, derive=leak,
    params={"tau_m": 20.0, "c_m": 250.0, "e_l": 0.0, "i_e": 0.0, "t_ref": 2.0},
)  # fmt: skip
def MyLIF(v, delta, current, waiting, decay, drive, current_to_v, v_th=20.0):
    """A leaky neuron, written as a function."""
    if waiting == 0:
        v = v * decay + drive + delta + current * current_to_v
    return v, v >= v_th


def recurrent(model, seed=3, n=60):
    """A network in which currents, Poisson input, recurrent spikes and parameters per neuron act."""
    net = ns.Network(dt=0.1, seed=seed)
    pop = net.add_population("pop", model, n)
    pop.tau_m = np.linspace(8.0, 25.0, n)
    pop.t_ref = np.where(np.arange(n) % 2, 2.0, 0.5)
    net.connect(pop, pop, ns.random(0.2), weight=0.8, delay=1.5)
    net.stimulate(pop, ns.PoissonInput(rate=8000.0, weight=1.0))
    net.stimulate(pop, ns.Current(40.0))
    return net, pop, net.record(pop, "spikes"), net.record(pop, "v")


def traces(models, duration, what):
    """Values of a variable of one neuron of each model at the end of each step."""
    net = ns.Network(dt=0.1)
    recorders = [net.record(net.add_population(f"pop{k}", model, 1), what) for k, model in enumerate(models)]
    net.run(duration)
    return [recorder.values[:, 0].tolist() for recorder in recorders]


# ---- what it computes ------------------------------------------------------------------------------------------------


def test_a_function_is_the_built_in_neuron_bit_for_bit(sized):
    runs = [recurrent(model) for model in (MyLIF(), ns.LIF())]
    for net, *_ in runs:
        net.run(sized(200.0, 12.0))
    (_, _, mine, my_v), (_, _, theirs, their_v) = runs
    assert mine.count > sized(1000, 40)
    assert np.array_equal(mine.step, theirs.step)
    assert np.array_equal(mine.uid, theirs.uid)
    assert np.array_equal(my_v.values, their_v.values)


def test_the_class_is_a_description_like_the_built_in_ones():
    model = MyLIF(tau_m=10.0)
    assert repr(model) == "MyLIF(tau_m=10.0, c_m=250.0, e_l=0.0, i_e=0.0, t_ref=2.0, v_th=20.0, v_reset=0.0)"
    assert model == MyLIF(10.0) == pickle.loads(pickle.dumps(model))
    assert MyLIF.__doc__ == "A leaky neuron, written as a function."
    assert MyLIF.__module__ == __name__
    with pytest.raises(ParameterError, match=r"MyLIF has no parameter 'tau'.*Did you mean 'tau_m'"):
        MyLIF(tau=3.0)
    with pytest.raises(ParameterError, match=r"MyLIF.tau_m: must be positive, got -1.0"):
        MyLIF(tau_m=-1.0)
    with pytest.raises(AttributeError):
        model.tau_m = 3.0


def test_a_neuron_waits_exactly_its_refractory_time_and_may_fire_unasked():
    net = ns.Network(dt=0.1)
    pops = [net.add_population(f"pop{t_ref}", MyLIF(v_th=-1.0, t_ref=t_ref), 1) for t_ref in (0.0, 0.3, 2.0)]
    spikes = net.record(pops, "spikes")
    net.run(8.0)
    assert [np.unique(np.diff(spikes.step[spikes.uid == n])).tolist() for n in range(3)] == [[1], [3], [20]]
    quiet = net.add_population("quiet", MyLIF(), 50)
    net.stimulate(quiet, ns.SpontaneousRate(2000.0))
    unasked = net.record(quiet, "spikes")
    net.run(20.0)
    assert 300 < unasked.count < 520  # 1000 ms of neurons, one spike in 2.0 + 0.5 - 0.05 ms


def half(x):
    return x * 0.5


def shifted(x, by=SHIFT):
    return half(x) + by


def squashed(x, slope=GAIN):
    y = x
    for _ in range(2):
        y = shifted(y) if y > 0 else y * slope
    return y


def test_helpers_numbers_and_words_are_found_and_mean_what_python_means():
    """Functions that call functions, defaults, keywords, globals, loops, powers, and the functions of math."""

    @ns.neuron_model(state={"x": 0.7, "y": 0.3, "z": 0.0}, receptors=())
    def Mixed(x, y, z, dt, t, rate=3.0):
        level: float = squashed(x, slope=GAIN * 2)
        level += half(half(rate)) * dt
        a = math.exp(-y) + math.log(2.0 + y) + math.sqrt(1.0 + y * y) + math.tanh(level) + math.expm1(0.1 * y)
        b = (1.0 + x * x) ** -0.3 + (2.0 + y) ** 2 + (x * x) ** 0.5 + math.sin(y) * math.cos(x)
        c = max(min(a, 2.0), abs(y), math.fabs(x), -1.0) + math.pi * SHIFT + math.floor(3.0 * y) - math.ceil(y)
        if y > 1.0 and not x > 5.0:
            y = b % 1.0
        elif x < -3.0 or t > 4.0:
            y = float(c > 1.0)
        else:
            y = c - (b if a > b else -b) / 7.0
        return 0.9 * x + 0.1 * a, y, c, False

    def step(x, y, z, t):
        dt, rate = 0.1, 3.0
        level = squashed(x, slope=GAIN * 2)
        level += half(half(rate)) * dt
        a = math.exp(-y) + math.log(2.0 + y) + math.sqrt(1.0 + y * y) + math.tanh(level) + math.expm1(0.1 * y)
        b = (1.0 + x * x) ** -0.3 + (2.0 + y) ** 2 + (x * x) ** 0.5 + math.sin(y) * math.cos(x)
        c = max(min(a, 2.0), abs(y), math.fabs(x), -1.0) + math.pi * SHIFT + math.floor(3.0 * y) - math.ceil(y)
        if y > 1.0 and not x > 5.0:
            y = b % 1.0
        elif x < -3.0 or t > 4.0:
            y = float(c > 1.0)
        else:
            y = c - (b if a > b else -b) / 7.0
        return 0.9 * x + 0.1 * a, y, c

    net = ns.Network(dt=0.1)
    pop = net.add_population("pop", Mixed(), 1)
    state = (0.7, 0.3, 0.0)
    for k in range(50):
        net.run(0.1)
        state = step(*state, k * 0.1)
        assert [pop.x[0], pop.y[0], pop.z[0]] == pytest.approx(state, rel=1e-9, abs=1e-9)


def test_numbers_of_an_enclosing_function_are_part_of_the_model():
    def make(k):
        @ns.neuron_model(state={"x": 0.0}, receptors=())
        def Counter(x):
            return x + k, False

        return Counter

    one_step, three = make(1), make(3)
    assert traces([one_step(), three()], 1.0, "x") == [list(range(1, 11)), list(range(3, 33, 3))]
    assert one_step.__neurosim_fingerprint__ != three.__neurosim_fingerprint__


def test_states_start_from_numbers_parameters_and_functions_and_reset_together():
    def start(a, b):
        return a * b

    def reset(x, y, z, step_y=10.0):
        return -x, y + step_y, z

    @ns.neuron_model(state={"x": ns.State("a"), "y": ns.State(start, "mV"), "z": 4.0}, receptors=(), reset=reset)
    def Saw(x, y, z, a=2.0, b=3.0):
        return x + 1.0, y, z + x, x >= a + b

    net = ns.Network(dt=0.1)
    pop = net.add_population("pop", Saw(), 2)
    assert [pop.x.tolist(), pop.y.tolist(), pop.z.tolist()] == [[2.0, 2.0], [6.0, 6.0], [4.0, 4.0]]
    spikes = net.record(pop[:1], "spikes")
    net.run(0.5)  # x = 2 3 4 5 and fires in the fourth step, whose x is 6: then -6
    assert spikes.step.tolist() == [4]
    assert pop.x[0] == -6.0 + 1.0
    assert pop.y[0] == 16.0
    assert pop.z[0] == 4.0 + 2.0 + 3.0 + 4.0 + 5.0 - 6.0
    pop.a = [2.0, 9.0]
    assert pop.add(1).x[0] == pytest.approx(5.5)


def test_receptors_have_their_signs_and_names():
    @ns.neuron_model(state={"g": 0.0, "k": 0.0}, receptors={"exc": 1, "inh": -1}, receptor_unit="nS")
    def Listener(g, k, exc, inh):
        return g + exc, k - inh, False

    net = ns.Network(dt=0.1)
    pop = net.add_population("pop", Listener(), 1)
    source = net.add_population("source", ns.SpikeSource(index=[0, 1], time=[0.5, 0.5]), 2)
    made = net.connect(source, pop, ns.from_edges(([0, 1], [0, 0], [3.0, -2.0])), delay=0.1)
    net.run(1.0)
    assert [pop.g[0], pop.k[0]] == [3.0, 2.0]
    assert made.target.model.physics.receptor_unit == "nS"
    with pytest.raises(ns.WiringError, match=r"Listener has no receptor 'delta'; known: exc, inh"):
        net.connect(source, pop, ns.all_to_all(), receptor="delta")
    with pytest.raises(ParameterError, match="Listener takes no current"):
        net.stimulate(pop, ns.Current(3.0))


@kernel
def tabulated(x, out):
    for i in range(x.size):
        out[0, i] = expm1(x[i])
        out[1, i] = exprel(x[i])
        out[2, i] = tanh(x[i])
        out[3, i] = sin(x[i])
        out[4, i] = cos(x[i])


def test_elementary_functions_are_as_exact_as_they_say(sized):
    n = sized(4000, 200)
    x = np.concatenate(
        [np.linspace(-740.0, 700.0, n), np.geomspace(1e-300, 30.0, n), -np.geomspace(1e-300, 30.0, n), [0.0]]
    )
    seen = np.zeros((5, x.size))
    tabulated(x, seen)
    right = [np.array([f(v) for v in x]) for f in (math.expm1, lambda v: math.expm1(v) / v if v else 1.0, math.tanh)]
    for one, value, ulps in zip(seen[:3], right, (4, 5, 8), strict=True):
        assert (np.abs(one - value) <= ulps * np.spacing(np.abs(value))).all()
    for one, f in zip(seen[3:], (np.sin, np.cos), strict=True):
        assert (np.abs(one - f(x)) <= 1e-15 * (1 + np.abs(x))).all()
    special = np.array([np.nan, np.inf, -np.inf])
    with np.errstate(invalid="ignore"):  # the sine of infinity
        tabulated(special, seen[:, :3])
    assert np.isnan(seen[:3, 0]).all()
    assert seen[0, 2] == -1.0
    assert seen[2, 1:3].tolist() == [1.0, -1.0]


# ---- what is refused when it is declared -----------------------------------------------------------------------------

TABLE = np.zeros(4)


def unknown_name():
    @ns.neuron_model(state={"v": 0.0})
    def Bad(v, delta, curent):
        return v, False


def parameter_without_default():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v, tau_m):
        return v, False


def too_few_values():
    @ns.neuron_model(state={"v": 0.0, "w": 0.0}, receptors=())
    def Bad(v, w):
        if v > 0:
            return v, w, True
        return v, w


def no_value_on_one_way():
    @ns.neuron_model(state={"v": 0.0}, receptors=())  # noqa: RET503
    def Bad(v):
        if v > 0:
            return v, True


def returned_by_another():
    def other(v):
        return v, v, True

    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        return other(v)


def numpy_function():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        w = 2.0 * v
        return np.exp(w), False


def array_around_it():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        return v + TABLE[0], False


def array_in_a_helper():
    def looked_up(x):
        return x + TABLE

    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        return looked_up(v), False


def nowhere():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        return expp(v), False  # noqa: F821


def text_inside():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        name = "hello"
        return v, name == "hello"


def while_loop():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        while v > 1.0:
            v = v - 1.0
        return v, False


def recursive(x):
    return recursive(x - 1.0) if x > 0 else x


def recursion():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        return recursive(v), False


def wrong_arguments_of_a_helper():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        return half(v, 2.0), False


def reset_returns_too_much():
    @ns.neuron_model(state={"v": 0.0}, receptors=(), reset=lambda_free)
    def Bad(v):
        return v, False


def lambda_free(v):
    return v, v


def lambda_as_reset():
    @ns.neuron_model(state={"v": 0.0}, receptors=(), reset=lambda v: v)
    def Bad(v):
        return v, False


def state_from_nothing():
    @ns.neuron_model(state={"v": "e_L"}, receptors=())
    def Bad(v, e_l=-60.0):
        return v, False


def unheard_receptor():
    @ns.neuron_model(state={"v": 0.0})
    def Bad(v):
        return v, False


def refractory_without_time():
    @ns.neuron_model(state={"v": 0.0}, receptors=(), refractory=True)
    def Bad(v, t_refr=2.0):
        return v, False


def name_that_populations_use():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v, name=1.0):
        return v, False


def one_name_for_two_things():
    @ns.neuron_model(state={"v": 0.0}, receptors=("v",))
    def Bad(v):
        return v, False


def two_defaults():
    @ns.neuron_model(state={"v": 0.0}, receptors=(), reset=to_reset)
    def Bad(v, v_reset=1.0):
        return v, False


def unit_of_nothing():
    @ns.neuron_model(state={"v": 0.0}, receptors=(), units={"gian": "mV"})
    def Bad(v, gain=1.0):
        return v, False


def impossible_default():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v, tau_m=0.0):
        return v, False


def receptor_in_reset():
    def reset(v, delta):
        return v

    @ns.neuron_model(state={"v": 0.0}, reset=reset)
    def Bad(v, delta):
        return v + delta, False


def assigned_element():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        TABLE[0] = v
        return v, False


def value_on_one_way_only():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        if v > 0:
            w = 1.0
        return v + w, False


def value_in_a_loop_only():
    @ns.neuron_model(state={"v": 0.0}, receptors=())
    def Bad(v):
        for k in range(3):
            w = v * k
        return w, False


@pytest.mark.parametrize(
    ("declare", "told"),
    [
        (unknown_name, r"Bad: unknown argument 'curent'; a parameter needs a default \(curent=1.0\), known are: v, delta, current, .*Did you mean 'current'"),
        (parameter_without_default, r"Bad: unknown argument 'tau_m'; a parameter needs a default \(tau_m=1.0\)"),
        (too_few_values, r"Bad, line \d+ of test_custom_neurons.py: returns 2 values, needs 3"),
        (no_value_on_one_way, r"Bad, line \d+ of .*: returns 0 values, needs 2"),
        (returned_by_another, r"Bad, line \d+ of .*: returns 3 values, needs 2"),
        (numpy_function, r"Bad, line {line} of test_custom_neurons.py: np.exp does not exist in compiled functions; write exp\(\.\.\.\)"),
        (array_around_it, r"Bad, line \d+ of .*: 'TABLE\[0\]' \(Subscript\) is not known in compiled functions"),
        (array_in_a_helper, r"Bad, in looked_up, line \d+ of .*: 'TABLE' \(array of shape \(4,\)\) does not exist in compiled functions"),
        (nowhere, r"Bad, line \d+ of .*: 'expp' is not known.*Did you mean 'exp'"),
        (text_inside, r"Bad, line \d+ of .*: 'hello' is no number"),
        (while_loop, r"Bad, line \d+ of .*: 'while' is not known in compiled functions"),
        (recursion, r"Bad, in recursive, line \d+ of .*: recursive calls itself"),
        (wrong_arguments_of_a_helper, r"Bad, line \d+ of .*: f_half\(x\): too many positional arguments"),
        (reset_returns_too_much, r"Bad, in lambda_free, line \d+ of .*: returns 2 values, needs 1"),
        (lambda_as_reset, r"a lambda cannot be compiled: give the function a name with def"),
        (state_from_nothing, r"Bad: state 'v' starts from 'e_L', which is no parameter; known: e_l. Did you mean 'e_l'"),
        (unheard_receptor, r"Bad: the function does not name its receptor 'delta'; .*receptors=\(\)"),
        (refractory_without_time, r"Bad: refractory=True needs a parameter t_ref \(ms\)"),
        (name_that_populations_use, r"Bad: 'name' cannot be the name of a parameter"),
        (one_name_for_two_things, r"Bad: 'v' is both a state variable and a receptor"),
        (two_defaults, r"Bad: the parameter 'v_reset' has two defaults, 1.0 and 0.0"),
        (unit_of_nothing, r"Bad: units names 'gian', which is no parameter; known: gain. Did you mean 'gain'"),
        (impossible_default, r"Bad.tau_m: must be positive, got 0.0"),
        (receptor_in_reset, r"Bad, in reset: unknown argument 'delta'"),
        (value_on_one_way_only, r"Bad, line {line} of .*: 'w' may have no value here"),
        (value_in_a_loop_only, r"Bad, line {line} of .*: 'w' may have no value here"),
        (assigned_element, r"Bad, line \d+ of .*: cannot assign to 'TABLE\[0\]'"),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)  # fmt: skip
def test_a_wrong_declaration_is_refused_with_what_to_do(declare, told):
    line = declare.__code__.co_firstlineno + (4 if declare is numpy_function else 5)  # where the line is compared
    with pytest.raises(ParameterError, match=told.replace("{line}", str(line))):
        declare()


# ---- where the source comes from -------------------------------------------------------------------------------------

CELL = """
def climbed(x):
    return x + {step}

@ns.neuron_model(state={{"x": 0.0}}, receptors=())
def Climber(x):
    return climbed(x), False
"""


def cell(number, text):
    """Run text as a notebook does: its source is in linecache under a name of its own."""
    name = f"<ipython-input-{number}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space = {"ns": ns, "__name__": "__main__"}
    exec(compile(text, name, "exec"), space)
    return space["Climber"]


def test_a_cell_that_is_run_again_gives_the_new_model():
    first, second = cell(1, CELL.format(step="1.0")), cell(2, CELL.format(step="2.0"))
    assert traces([first(), second(), first()], 0.3, "x") == [[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 2.0, 3.0]]


def test_a_function_without_source_is_refused():
    space = {"ns": ns, "__name__": "__main__"}
    with pytest.raises(
        ParameterError, match=r"climber.*its source is not available.*write it in a file or a notebook cell"
    ):
        exec("def climber(x): return x, False\nns.neuron_model(state={'x': 0.0}, receptors=())(climber)", space)


def imported(path):
    """Import a file as a module of its own."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_file_that_was_edited_after_its_import_does_not_give_another_text(tmp_path):
    """Lines that were read before the edit are still used; what was not read is refused, never taken from the wrong place."""
    path = tmp_path / "edited_model.py"
    text = "def first(x):\n    return x + 1.0\n\n\ndef second(x):\n    return x + 2.0\n"
    path.write_text(text)
    module = imported(path)
    assert source_of(module.first) == "def first(x):\n    return x + 1.0\n"
    path.write_text("# a new first line\n\n\n" + text.replace("2.0", "3.0"))
    assert source_of(module.first) == "def first(x):\n    return x + 1.0\n"
    assert source_of(module.second) == "def second(x):\n    return x + 2.0\n"
    linecache.clearcache()
    again = imported(path)
    path.write_text(text)
    with pytest.raises(ParameterError, match=r"second: its source in .*edited_model.py is not what was imported"):
        source_of(again.second)


def test_text_may_stand_for_a_function():
    """What generated models use: the text of a stage, without any file."""
    text = "def grow(x, by):\n    return x + by"
    grow = SourceFunction("grow", text, ("x", "by"))
    assert arguments_of(grow) == ("x", "by")
    assert source_of(grow) == text + "\n"
    assert grow == SourceFunction("grow", text, ("x", "by"))
    with pytest.raises(TypeError, match="cannot be called"):
        grow(1.0, 2.0)
    never = SourceFunction("never", "def never():\n    return False", ())

    @dataclass(frozen=True)
    class Grown:
        by: float = 0.5
        physics: ClassVar[Physics] = Physics(
            "grown",
            {"x": (0.0, "")},
            {},
            ("by",),
            lambda p, dt: dict(p),
            (Stage(("x",), grow),),
            never,
            refractory=False,
        )

    assert traces([Grown()], 0.4, "x") == [[0.5, 1.0, 1.5, 2.0]]


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
import neurosim as ns
from outside_model import Climber
net = ns.Network(dt=0.1)
pop = net.add_population("pop", Climber(), 1)
net.run(0.3)
print(*pop.x)
"""
OUTSIDE = """
import neurosim as ns

STEP = 1.0


def climbed(x):
    return x + STEP


@ns.neuron_model(state={"x": 0.0}, receptors=())
def Climber(x):
    return climbed(x) * 2.0, False
"""


def climb(folder, text):
    """x after three steps, in a process of its own."""
    (folder / "outside_model.py").write_text(text)
    environment = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
    script = SCRIPT.format(folder=str(folder))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def test_an_edit_of_the_function_or_its_helper_counts_in_the_next_process(tmp_path):
    """x -> 2 (x + 1) three times is 14; the edited ones are worked out by hand."""
    assert climb(tmp_path, OUTSIDE) == 14.0
    assert climb(tmp_path, OUTSIDE.replace("* 2.0", "* 3.0")) == 39.0
    assert climb(tmp_path, OUTSIDE.replace("x + STEP", "x - STEP")) == -14.0


# ---- saving ----------------------------------------------------------------------------------------------------------


def test_a_saved_network_goes_on_with_the_model_that_is_passed(tmp_path, sized):
    net, pop, spikes, _ = recurrent(MyLIF(v_th=15.0), n=20)
    net.run(sized(30.0, 4.0))
    net.store()
    net.save(str(tmp_path / "saved"))
    with pytest.raises(
        SaveError,
        match=r"load: the save uses the class 'MyLIF' of .*; pass it: ns.load\(path, models=\{'MyLIF': MyLIF\}\)",
    ):
        ns.load(str(tmp_path / "saved"))
    again = ns.load(str(tmp_path / "saved"), models={"MyLIF": MyLIF})
    assert again.populations["pop"].model == MyLIF(v_th=15.0)
    for one_net in (net, again):
        one_net.run(sized(30.0, 4.0))
    after = spikes.step.copy()
    assert np.array_equal(after, again.recorders[0].step)
    assert np.array_equal(pop.v, again.populations["pop"].v)
    net.restore()
    net.run(sized(30.0, 4.0))
    assert np.array_equal(spikes.step, after)


def test_a_changed_model_is_refused_when_a_save_is_loaded(tmp_path):
    def declared(step):
        return cell(f"{step}", CELL.format(step=step))

    net = ns.Network(dt=0.1)
    net.add_population("pop", declared("1.5")(), 2)
    net.save(str(tmp_path / "saved"))
    with pytest.raises(SaveError, match=r"load: the model 'Climber' has changed since the save"):
        ns.load(str(tmp_path / "saved"), models={"Climber": declared("1.25")})
    same = declared("1.5")
    assert ns.load(str(tmp_path / "saved"), models={"Climber": same}).populations["pop"].model == same()
    inner = ns.Network(dt=0.1)
    inner.add_population("pop", local_model()(), 2)
    inner.save(str(tmp_path / "inner"))
    assert len(ns.load(str(tmp_path / "inner"), models={"Local": local_model()}).populations["pop"]) == 2


def local_model():
    @ns.neuron_model(state={"x": 0.0}, receptors=())
    def Local(x):
        return x, False

    return Local
