"""Weight-dependent pair rules: the power function's error, the power law and Guetig's rule against twins, NEST and theory."""

import math
from pathlib import Path

import numpy as np
import pytest
from marks import compiled_slowly
from test_lazy import PLACEMENTS, Bench, check_against_twin, moved, network

import neurosim as ns
from neurosim.engine.lazy_pool import LazyPool
from neurosim.errors import ParameterError
from neurosim.kernels import history, lazy
from neurosim.kernels.compiled import JIT, kernel
from neurosim.kernels.mathematics import power, power_float32
from neurosim.plasticity import power_law

SLOW = (pytest.mark.slow,) if JIT else ()

GOLDEN = Path(__file__).parent / "goldens" / "power_law_nest.npz"
STEPS = 3000 if JIT else 180
EXPONENTS = (0.0, 0.02, 0.2, 0.4, 0.5, 0.75, 0.98, 1.0, 1.7, 3.0, -0.4, -1.0)


# ---- the power function ----------------------------------------------------------------------------------------------


@kernel
def each_power(x, y, out):
    """out[i] = x[i]**y in float64."""
    for i in range(x.size):
        out[i] = power(x[i], y)


@kernel
def each_power_float32(x, y, out):
    """out[i] = x[i]**y in float32."""
    for i in range(x.size):
        out[i] = power_float32(x[i], y)


def bases(exponent, real):
    """Numbers over the whole domain whose power is a normal number: all sizes, both ends, around 1, subnormal ones."""
    info, rng = np.finfo(real), np.random.default_rng(5)
    low, high = math.log(float(info.smallest_subnormal)), math.log(float(info.max))
    n = 300_000 if JIT else 300
    edge = np.exp2([-0.5, 0.5, -1.0, 1.0])  # of the polynomial, and powers of two
    near = edge[:, None] * (1.0 + np.arange(-4, 5) * float(info.eps))
    x = [np.exp(rng.uniform(low, high, n)), rng.uniform(0.5, 2.0, n), near.ravel(), rng.random(n)]
    x += [float(info.tiny) * rng.random(n // 3), [float(info.smallest_subnormal), float(info.tiny), float(info.max)]]
    x = np.concatenate(x).astype(real)
    size = exponent * np.log(x.astype(np.longdouble), where=x > 0, out=np.full(x.size, np.nan, np.longdouble))
    limit = math.log(float(info.max)) - 0.01
    return x[(x > 0) & np.isfinite(x) & (size < limit) & (size > math.log(float(info.tiny)) + 0.01)]


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_power_in_float32_is_within_its_bound(exponent):
    x, y = bases(exponent, np.float32), np.float32(exponent)
    out = np.zeros_like(x)
    each_power_float32(x, y, out)
    error = np.abs(out / x.astype(np.float64) ** np.float64(y) - 1.0)
    assert error.max() <= 1.6e-7 * max(1.0, abs(exponent))
    if exponent == 0.0:
        assert (out == 1.0).all()


@pytest.mark.parametrize("exponent", EXPONENTS)
def test_power_in_float64_is_within_a_few_units_in_the_last_place(exponent):
    x, y = bases(exponent, np.float64), np.float64(exponent)
    out = np.zeros_like(x)
    each_power(x, y, out)
    right = x.astype(np.longdouble) ** np.longdouble(y)
    assert np.abs(out / right - 1.0).astype(float).max() <= 3e-16 * max(1.0, abs(exponent))


@pytest.mark.parametrize(("of", "real"), [(power, np.float64), (power_float32, np.float32)])
def test_power_at_the_ends(of, real):
    huge = real(np.finfo(real).max)
    cases = [
        (0.0, 0.4, 0.0), (0.0, 0.0, 1.0), (0.0, -0.5, np.inf), (-1e-9, 0.5, 0.0), (1.0, 0.37, 1.0), (4.0, 0.5, 2.0),
        (3.7, 0.0, 1.0), (huge, 2.0, np.inf), (huge, -2.0, 0.0), (2.0, 1e6, np.inf), (2.0, -1e6, 0.0),
    ]  # fmt: skip
    for x, y, right in cases:
        assert of(real(x), real(y)) == right, (x, y)
    assert np.isnan(of(real(np.nan), real(0.4)))


@pytest.mark.skipif(not JIT, reason="needs vector code to compare with")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_vector_body_and_remainder_give_the_same_bits(dtype):
    rule = ns.PowerLawSTDP(lam=0.1, alpha=1.1)
    module, p = compiled_rule(rule, dtype)
    rng = np.random.default_rng(1)
    w, x = rng.uniform(0.0, 60.0, 301).astype(dtype), rng.random(301).astype(dtype)
    for row, one in ((module.potentiate_row, module.potentiated), (module.depress_row, module.depressed)):
        single = np.array([one(a, b, p) for a, b in zip(w, x, strict=True)], dtype)
        for size in (1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 100, 301):
            for first in (0, 1, 3):
                part = w[first : first + size].copy()
                row(part, x[first : first + size], p)
                assert np.array_equal(part, single[first : first + size])


# ---- the rule --------------------------------------------------------------------------------------------------------


def compiled_rule(rule, dtype):
    """(its kernels for one delay, its parameters as they take them)."""
    up, down, one_sided = rule.functions
    real = np.dtype(dtype).type
    return lazy.lazy_module(up, down, True, dtype, one_sided), tuple(
        real(getattr(rule, name)) for name in lazy.rule_parameters(up, down)
    )


def test_description():
    rule = ns.PowerLawSTDP(lam=0.2, alpha=0.5, mu=0.4, w0=3.0)
    assert rule.growth == pytest.approx(0.2 * 3.0**0.6, rel=1e-15)
    assert rule.loss == pytest.approx(0.1, rel=1e-15)
    assert rule.growth * 3.0**0.4 == pytest.approx(0.2 * 3.0, rel=1e-14)  # at w0, for any mu
    assert ns.PowerLawSTDP().w_max == math.inf
    assert ns.PowerLawSTDP().growth == 0.1
    for wrong, says in (
        ({"w_min": -1.0}, "w_min: must not be negative"),
        ({"mu": -0.1}, "mu: must not be negative"),
        ({"w0": 0.0}, "w0: must be positive"),
        ({"w_min": 2.0, "w_max": 1.0}, "w_max: must be above w_min"),
        ({"sees": "delays"}, "Did you mean 'delay'"),
        ({"lamda": 0.1}, "Did you mean 'lam'"),
    ):
        with pytest.raises(ParameterError, match=says):
            ns.PowerLawSTDP(**wrong)


@pytest.mark.parametrize("uniform", [pytest.param(True, marks=SLOW), False])
def test_nest_golden(uniform):
    """stdp_pl_synapse_hom of NEST 3.10: the weight sent at every presynaptic spike; the last case is clipped at 0."""
    golden = np.load(GOLDEN)
    delay, dt = int(golden["delay"]), float(golden["dt"])
    pre, post = set(golden["pre"].tolist()), set(golden["post"].tolist())
    assert len({s + delay for s in post} & pre) > 5  # coincidences
    busy = sorted(pre | post | {s + delay for s in post})  # steps where nothing happens may be left out
    busy = busy if JIT else busy[:300]
    for (lam, mu, alpha, weight), expected in zip(golden["cases"], golden["weights"], strict=True):
        rule = ns.PowerLawSTDP(
            lam=lam, mu=mu, alpha=alpha, tau_plus=float(golden["tau_plus"]), tau_minus=float(golden["tau_minus"])
        )
        pool = LazyPool(rule.functions, uniform=uniform, dt=dt)
        back = delay if uniform else 0
        pool.add_projection(rule, n_sources=1, pre_lo=0, n_targets=1, post_lo=1, column0=0, back=back)
        pool.build(0, 1, [0], [0], delay, float(weight))
        ring, sent = np.zeros((16, 1)), []
        for step in busy:
            spikes = np.array([i for i, t in enumerate((pre, post)) if step in t], np.int64)
            if pool.kernels.room_needed(step, 1, spikes, np.array([0, spikes.size]), pool.room_arguments()):
                pool.make_room()
            arguments = pool.driver_arguments()
            pool.kernels.push(step, spikes, 0, spikes.size, arguments)
            pool.kernels.deliver(step, 0, ring, arguments)
            if step in pre:
                sent.append(pool.weight[0])
        np.testing.assert_allclose(sent, expected[: len(sent)], rtol=1e-12, atol=0)
    assert sent[-1] == 0.0 or not JIT


RULES = {
    "power law": ns.PowerLawSTDP(lam=0.05, alpha=1.1, mu=0.4, w0=0.7, w_max=1.0, tau_plus=15.0, tau_minus=30.0),
    "Guetig 0.02": ns.PairSTDP(a_plus=0.05, a_minus=0.05, mu_plus=0.02, mu_minus=0.02),
    "Guetig 0.2": ns.PairSTDP(a_plus=0.05, a_minus=0.055, mu_plus=0.2, mu_minus=0.2, w_min=-0.5, w_max=0.7),
    "Guetig 0.98": ns.PairSTDP(a_plus=0.05, a_minus=0.055, mu_plus=0.98, mu_minus=0.98),
}


#: Rules of other functions are compiled anew: one of them in the fast suite.
MARKED = [pytest.param(r, marks=() if r == "power law" else SLOW) for r in RULES]


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("rule", MARKED)
def test_twin_in_float64(rule, placement):
    rule = RULES[rule]
    edges, spikes = network(placement, rule=rule, rate=0.04)
    bench = Bench(rule, placement, edges, spikes).run(STEPS)
    check_against_twin(bench, edges, spikes, 1e-12)


@compiled_slowly
@pytest.mark.parametrize(
    ("rule", "placement"),
    [
        ("power law", "one delay"),
        ("power law", "axonal only"),
        ("power law", "any delay"),
        ("Guetig 0.02", "any delay"),
    ],
)
def test_twin_in_float32(rule, placement):
    """The twin rounds each weight to float32, too; what is left is the error of traces and powers, and of rounding apart."""
    rule = RULES[rule]
    edges, spikes = network(placement, rule=rule, rate=0.04)
    bench = Bench(rule, placement, edges, spikes, dtype="float32").run(STEPS)
    check_against_twin(bench, edges, spikes, 5e-6, np.float32)


@pytest.mark.parametrize("rule", ["power law", "Guetig 0.2"])
def test_one_event_in_float32(rule):
    """One event: rounding of the result, and for the change the errors of power and of five operations."""
    rule = RULES[rule]
    module, p = compiled_rule(rule, "float32")
    rng = np.random.default_rng(2)
    n = 20_000 if JIT else 200
    w = rng.uniform(rule.w_min, rule.w_max, n).astype(np.float32)
    w[:3] = rule.w_min, rule.w_max, np.nextafter(np.float32(rule.w_min), np.float32(1.0))
    trace = rng.uniform(0.0, 2.0, n).astype(np.float32)
    for kind, row in (("post", module.potentiate_row), ("pre", module.depress_row)):
        after = w.copy()
        row(after, trace, p)
        change = np.array([moved(rule, kind, a, b) - a for a, b in zip(w.tolist(), trace.tolist(), strict=True)])
        right = np.clip(w + change, rule.w_min, rule.w_max)  # float64
        bound = 2.0**-24 * np.abs(right) + np.abs(change) * (1.6e-7 + 5 * 2.0**-23)
        assert (np.abs(after - right) <= 1.001 * bound + 1e-30).all()
        still = w.copy()
        row(still, np.zeros_like(w), p)
        assert np.array_equal(still, w)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("placement", [pytest.param("one delay", marks=SLOW), "any delay"])
def test_more_spikes_than_rounds(placement, dtype):
    """Targets far busier than sources: hundreds of spikes to replay at once, and looking changes no bit."""
    rule = RULES["power law"]
    steps = 3000 if JIT else 300
    rng = np.random.default_rng(8)
    fired = rng.random((steps, 8)) < np.where(np.arange(8) < 4, 0.003 if JIT else 0.008, 0.45)
    fired[steps - 2, :4] = True
    spikes = [np.flatnonzero(f).astype(np.int64) for f in fired]
    pre, post = np.repeat(np.arange(4), 10), rng.integers(4, 8, 40)
    _, _, _, shortest, longest = PLACEMENTS[placement]
    edges = (pre, post, rng.integers(shortest, longest + 1, 40), rng.uniform(0.0, 1.0, 40))
    bench = Bench(rule, placement, edges, spikes, dtype=dtype)
    looked = Bench(rule, placement, edges, spikes, dtype=dtype)
    for i in range(0, steps, 100):
        bench.run(100)
        looked.run(100)
        if i % 300 == 0:
            looked.pool.catch_up()
    assert bench.pool.log.shape[1] > 2 * history.MOST_ROUNDS  # so that deliver, not a sweep, replays them
    assert np.array_equal(bench.pool.read_weights(), looked.pool.read_weights())
    assert np.array_equal(np.array(bench.arrived), np.array(looked.arrived))
    real = np.dtype(dtype).type
    check_against_twin(bench, edges, spikes, 1e-12 if dtype == "float64" else 2e-5, real)


@compiled_slowly
def test_a_rule_of_ones_own_with_a_power_is_the_same():
    """The same two functions in a PlasticityRule run in the same loops: the same bits."""
    named = RULES["power law"]
    own = ns.PlasticityRule(
        "own", on_pre=power_law.depress, on_post=power_law.potentiate,
        traces={"x": ns.Trace("pre", 15.0), "y": ns.Trace("post", 30.0)},
        params={"growth": named.growth, "loss": named.loss, "mu": named.mu}, w_max=1.0,
    )  # fmt: skip
    assert own.functions is not None
    edges, spikes = network("one delay", rule=named)
    one, other = (Bench(rule, "one delay", edges, spikes, dtype="float32").run(STEPS) for rule in (named, own))
    assert np.array_equal(one.pool.read_weights(), other.pool.read_weights())
    assert not np.array_equal(one.pool.read_weights(), np.asarray(edges[3], np.float32))


# ---- theory ----------------------------------------------------------------------------------------------------------


def mean_trace(tau, rate, dt):
    """Mean of a trace just before a step: rate is the probability of a spike in a step."""
    return rate / math.expm1(dt / tau)


def fixed_point(rule, ratio):
    """Weight at which potentiation and depression cancel, for the ratio of the mean traces x and y."""
    if isinstance(rule, ns.PowerLawSTDP):
        return rule.w0 * (ratio / rule.alpha) ** (1.0 / (1.0 - rule.mu))
    odds = (ratio * rule.a_plus / rule.a_minus) ** (1.0 / rule.mu_plus)
    return rule.w_min + (rule.w_max - rule.w_min) * odds / (1.0 + odds)


@compiled_slowly
@pytest.mark.skipif(not JIT, reason="ten million events")
@pytest.mark.parametrize(
    "rule",
    [
        ns.PairSTDP(a_plus=1e-4, a_minus=1.05e-4, mu_plus=0.02, mu_minus=0.02),
        ns.PairSTDP(a_plus=1e-4, a_minus=1.05e-4, mu_plus=0.2, mu_minus=0.2),
        ns.PowerLawSTDP(lam=1e-4, alpha=0.6, mu=0.4, w0=1.5, tau_minus=30.0, w_max=10.0),
    ],
)
def test_drift_under_independent_spikes_is_that_of_theory(rule):
    """Mean-field theory (Guetig et al. 2003; Morrison et al. 2007): drift of 14,400 synapses, over their potentiation alone."""
    n, steps, dt, rate = 120, 15_000, 1.0, 0.03
    rng = np.random.default_rng(3)
    fired = rng.random((steps, 2 * n)) < rate
    spikes = [np.flatnonzero(f).astype(np.int64) for f in fired]
    pre, post = np.repeat(np.arange(n), n), np.tile(np.arange(n, 2 * n), n)
    PLACEMENTS["far"] = (True, 0, 50, 50, 50)  # for long chunks
    x, y = mean_trace(rule.tau_plus, rate, dt), mean_trace(rule.tau_minus, rate, dt)
    middle = fixed_point(rule, x / y)
    drift = []
    for start in (0.7 * middle, middle, min(1.3 * middle, 0.5 * (middle + rule.w_max))):
        edges = (pre, post, np.full(pre.size, 50), np.full(pre.size, start))
        bench = Bench(rule, "far", edges, spikes, dt=dt, n=2 * n, dtype="float32").run(steps, chunk=50)
        up = steps * rate * x * (moved(rule, "post", start, 1.0) - start)
        down = steps * rate * y * (moved(rule, "pre", start, 1.0) - start)
        drift.append(((bench.pool.read_weights().astype(float).mean() - start) / up, (up + down) / up))
    found, expected = np.array(drift).T
    assert abs(expected[1]) < 1e-9
    assert np.abs(found - expected).max() < 0.01  # what 54,000 spikes of either side leave to chance, twice


@pytest.mark.slow
@pytest.mark.skipif(not JIT, reason="minutes of a network")
def test_weights_have_two_peaks_without_weight_dependence_and_one_with_it():
    """Guetig et al. (2003): the exponent takes a neuron's synapses from a split into weak and strong to a single peak."""
    counts = []
    for mu in (0.0, 0.02, 0.2):
        net = ns.Network(dt=0.5, seed=1)
        inputs = net.add_population("inputs", ns.PoissonSource(rate=10.0), 1000)
        neuron = net.add_population("neuron", ns.LIF(tau_m=20.0, v_th=20.0, e_l=0.0, v_reset=0.0, t_ref=2.0), 1)
        strongest = 0.25  # mV
        rule = ns.PairSTDP(
            a_plus=0.01 * strongest, a_minus=0.0105 * strongest, mu_plus=mu, mu_minus=mu, w_max=strongest
        )
        weight = ns.uniform(0.0, strongest)
        synapses = net.connect(
            inputs, neuron, ns.all_to_all(), weight=weight, delay=0.5, plasticity=rule, dtype="float32"
        )
        net.run(200_000.0)
        counts.append(np.histogram(np.asarray(synapses.weight) / strongest, bins=10, range=(0.0, 1.0))[0])
    split, between, single = counts
    inner = split[3:7].max()
    assert split[0] > 2 * inner
    assert split[9] > 1.3 * inner
    assert single[[0, 1, 8, 9]].sum() == 0
    peak = int(np.argmax(single))
    assert 3 <= peak <= 5
    assert (np.diff(single[: peak + 1]) >= 0).all()
    assert (np.diff(single[peak:]) <= 0).all()
    outer = [c[[0, 1, 8, 9]].sum() for c in (split, between, single)]
    assert outer[0] > 1.2 * outer[1]
