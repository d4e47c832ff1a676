"""Growth curves and types of elements: NEST's numbers, what ever smaller steps converge to, sharing, saving, partners."""

import math
from contextlib import nullcontext

import numpy as np
import pytest
from scipy import stats

import neurosim as ns
from neurosim import choosing
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.structural import Elements, by_distance, partners
from neurosim.structural.calcium import Calcium
from neurosim.structural.partners import pair_elements

QUIET = ns.LIF(v_th=math.inf)  # never fires

# One iaf_psc_delta neuron with I_e 382 pA for 10 s in NEST 3.10: tau_Ca 1e4, beta_Ca 1e-3, growth 1e-3 / ms, z0 1.  Its Ca
# is r tau beta / 1000, so 0.01 is 1 Hz.
CA = 0.15069561519343752
CURVES = {
    "linear": (ns.LinearGrowth(1.0, 20.0), 6.634780759671869),
    "gaussian": (ns.GaussianGrowth(1.0, 1.0, 20.0), 8.2591740745868),
    "sigmoid": (ns.SigmoidGrowth(1.0, 20.0, 5.0), 8.610934607523163),
}
TRAIN = np.arange(400, 100_000, 420)  # its 238 spikes, in steps of 0.1 ms


def empty(net, source, target, **options):
    """A projection without synapses."""
    with pytest.warns(NeurosimWarning, match="made no synapse"):
        return net.connect(source, target, ns.random(0.0), weight=1.0, delay=1.0, **options)


def grown(every, *, nest_compat=False, train=TRAIN, tau=1e4, curves=None, until=10_000.0):
    """z of a source that fires at these steps, for each curve, and its trace."""
    net = ns.Network()
    source = net.add_population("source", ns.SpikeSource(index=np.zeros(train.size, int), time=train * 0.1), 2)
    p = empty(net, source, net.add_population("pop", QUIET, 1))
    still = Elements(ns.LinearGrowth(0.0, 1.0))
    made = []
    for curve in curves or [curve for curve, _ in CURVES.values()]:
        warned = pytest.warns(NeurosimWarning, match="is long beside") if every > tau / 5 else nullcontext()
        with warned:
            growth = ns.HomeostaticGrowth(
                p,
                every=every,
                tau_calcium=tau,
                pre=curve,
                post=still,
                vacant=1.0,
                vacant_decay=0.0,
                nest_compat=nest_compat,
            )
        still.tau_calcium = tau
        made.append(net.add(growth))
    net.run(until)
    return np.array([g.z_pre[0] for g in made]), made[0].calcium[0], made[0]


def converged(curve, train=TRAIN, tau=1e4, steps=100_000, dt=0.1):
    """z by forward Euler, each step with the trace of its end, at dt / 25, / 50 and / 100, extrapolated to steps of 0."""
    growth, centre, width = (float(a[0]) for a in curve.parameters(np.zeros(1, np.int64)))
    values = []
    for finer in (25, 50, 100):
        h, rate, last, z = dt / finer, 0.0, 0, 1.0
        for stop in [*train.tolist(), steps]:
            n = (stop - last) * finer
            x = (rate * (1.0 - h / tau) ** np.arange(1, n + 1) - centre) / width
            f = 2.0 * np.exp(-x * x) - 1.0 if curve.kind == 1 else 2.0 / (1.0 + np.exp(x)) - 1.0
            z += h * growth * f.sum()
            rate, last = rate * math.exp(-(stop - last) * dt / tau) + 1e3 / tau, stop
        values.append(z)
    a, b, c = values
    return ((4.0 * (2.0 * c - b)) - (2.0 * b - a)) / 3.0


# ---- curves ----------------------------------------------------------------------------------------------------------


def test_growth_is_that_of_nest_in_nests_own_steps():
    z, ca, _ = grown(10_000.0, nest_compat=True)
    assert ca == pytest.approx(CA, rel=1e-12)
    assert z == pytest.approx([value for _, value in CURVES.values()], rel=1e-12)


@pytest.mark.parametrize("every", [100.0, 10_000.0])
def test_by_default_growth_is_what_smaller_steps_converge_to(every):
    z, ca, _ = grown(every)
    closed = 1.0 + 1e-3 * (1e4 - 1e4 * (1e-3 * TRAIN.size - ca) / 0.2)  # nu (T - integral of Ca / eps)
    assert ca == pytest.approx(CA, rel=1e-12)
    assert z[0] == pytest.approx(closed, rel=1e-12)
    right = [converged(CURVES[name][0]) for name in ("gaussian", "sigmoid")]
    assert z[1:] == pytest.approx(right, rel=1e-10)
    assert np.abs(z - [value for _, value in CURVES.values()]).max() < 3e-5  # NEST's own Euler error


def test_any_interval_and_any_width_is_integrated_to_ten_digits():
    """Sparse spikes of a fast trace, and curves that are narrow or steep beside each jump, against many small pieces."""
    rng = np.random.default_rng(2)
    train = np.unique(rng.integers(1, 90_000, 12))
    tau = 80.0  # ms, so that the trace jumps by 12.5 Hz and dies between spikes
    curves = [
        make(1.0, a, b)
        for make, pairs in ((ns.GaussianGrowth, ((0.0, 0.01), (2.0, 2.02), (5.0, 40.0))), (ns.SigmoidGrowth, ((0.5, 1e-3), (3.0, 0.02), (8.0, 3.0))))
        for a, b in pairs
    ]  # fmt: skip
    got, _, _ = grown(10_000.0, train=train, tau=tau, curves=[*curves], until=10_000.0)
    node, weight = np.polynomial.legendre.leggauss(20)
    for z, curve in zip(got, curves, strict=True):
        _, centre, width = (float(a[0]) for a in curve.parameters(np.zeros(1, np.int64)))
        rate, last, total = 0.0, 0, 0.0
        for stop in [*train.tolist(), 100_000]:
            end = (stop - last) * 0.1 / tau
            at = centre + width * np.arange(-50.0, 50.0, 0.5)
            cuts = np.concatenate([[0.0, end], np.linspace(0.0, end, 400), np.log(rate / at[(at > 0) & (at < rate)])])
            cuts = np.unique(cuts[cuts <= end])
            t = 0.5 * (cuts[1:] + cuts[:-1])[:, None] + 0.5 * np.diff(cuts)[:, None] * node
            x = np.clip((rate * np.exp(-t) - centre) / width, -700.0, 700.0)
            f = 2.0 * np.exp(-np.minimum(x * x, 700.0)) - 1.0 if curve.kind == 1 else -np.tanh(x / 2.0)
            total += tau * float((0.5 * np.diff(cuts)[:, None] * weight * f).sum())
            rate, last = rate * math.exp(-end) + 1e3 / tau, stop
        assert z == pytest.approx(max(1.0 + 1e-3 * total, 0.0), rel=1e-10), curve


def test_the_curves_are_zero_at_their_set_points_and_as_their_authors_draw_them():
    uid = np.arange(3)
    growth, centre, width = ns.GaussianGrowth(2.0, 1.0, lambda uid: 9.0 + uid).parameters(uid)
    assert growth == pytest.approx(2e-3)
    for r in (np.full(3, 1.0), 9.0 + uid):
        assert 2 * np.exp(-(((r - centre) / width) ** 2)) - 1 == pytest.approx(0.0, abs=1e-15)
    assert centre == pytest.approx([5.0, 5.5, 6.0])
    for make, message in (
        (lambda: ns.GaussianGrowth(1.0, 5.0, 5.0), r"GaussianGrowth.eps: must be above eta = 5 Hz, got 5; for example eps=10"),
        (lambda: ns.SigmoidGrowth(1.0, 5.0, 0.0), r"SigmoidGrowth.psi: must be positive \(Hz\), got 0"),
        (lambda: ns.GaussianGrowth(1.0, lambda uid: 7.0, 5.0).parameters(uid), r"eps: must be above eta \(Hz\), got 5 for neuron 0"),
        (lambda: Elements(3.0), r"Elements.curve: needs a growth curve, got 3.0; for example"),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match=message):
            make()


def test_two_neurons_pair_as_in_nest():
    """Ten elements of either side, no growth, one update: 20 synapses with autapses; without, cross pairs only, and 10 -> 9.5."""
    cross = []
    for autapses in (True, False):
        for seed in range(30):
            net = ns.Network(seed=seed)
            pop = net.add_population("pop", QUIET, 2)
            p = empty(net, pop, pop, autapses=autapses, parallel=True)
            growth = net.add(ns.HomeostaticGrowth(p, growth_rate=0.0, vacant=10.0, nest_compat=True))
            net.run(100.0)
            degree = p.out_degree()
            assert np.allclose(growth.z_pre, 10 - 0.1 * (10 - degree), rtol=1e-14)
            if autapses:
                assert len(p) == 20
            else:
                assert p.pre.tolist() == (1 - p.post).tolist()
                assert growth.vacant_pre.tolist() == [9 - d if d < 10 else 0 for d in degree.tolist()]
                cross.append(len(p))
    # the first side's 10 meet a random 10 of 20: twice a hypergeometric number of mean 5, variance 10 / 4 * 10 / 19
    assert abs(np.mean(cross) - 10.0) < 4.5 * math.sqrt(4 * 25 / 19 / 30)
    assert 10 in cross  # the golden's case: 5 of 10 bound on either side in the mean, and the 5 vacant decay by 0.5


# ---- types that are shared -------------------------------------------------------------------------------------------


def shared(seed=3, **options):
    """Sources with one type of axonal elements for two target populations, each with dendrites of its own; one by distance."""
    net = ns.Network(seed=seed)
    time = np.arange(200, 8000, 90) * 0.1
    where = np.random.default_rng(4).random((12, 2))
    source = net.add_population(
        "source", ns.SpikeSource(index=np.arange(time.size) % 12, time=time), 12, positions=where
    )
    pop, other = (net.add_population(name, QUIET, n, positions=where[:n]) for name, n in (("pop", 9), ("other", 7)))
    near = net.connect(source, pop, ns.random(0.3), weight=1.0, delay=1.0, parallel=True, name="near")
    far = net.connect(source, other, ns.random(0.3), weight=1.0, delay=1.0, parallel=True, name="far")
    axons = Elements(ns.GaussianGrowth(20.0, 1.0, 30.0), start=2.0, decay=0.2, **options)
    dendrites = ns.LinearGrowth(12.0, 5.0)
    made = [
        net.add(ns.HomeostaticGrowth(p, every=20.0, pre=axons, post=dendrites, partner=partner))
        for p, partner in ((near, by_distance(source, pop, 0.3)), (far, None))
    ]
    return net, axons, made, (near, far)


def test_processes_share_a_type_of_elements():
    net, axons, (one, two), (near, far) = shared()
    first = near.out_degree() + far.out_degree()
    assert np.array_equal(axons.z, first + 2.0)

    def check(net):
        bound = near.out_degree() + far.out_degree()
        assert np.array_equal(one.bound_pre, bound)
        assert np.array_equal(two.vacant_pre, np.floor(axons.z).astype(int) - bound)
        assert (bound <= np.floor(axons.z)).all()
        assert (near.in_degree() <= np.floor(one.z_post)).all()
        assert np.array_equal(one.bound_post, near.in_degree())
        assert two.vacant_post.size == 7

    net.add(ns.Callback(check, every=20.0))
    net.run(19.9)
    assert np.array_equal(axons.z, first + 2.0)
    net.run(400.1)
    assert len(near) > 25
    assert len(far) > 25
    axons.curve = ns.LinearGrowth(-80.0, 1e6)  # retract 1.6 an update: from both alike
    before = len(near), len(far)
    net.run(40.0)
    assert all(0 < len(p) < n for p, n in zip((near, far), before, strict=True))
    with pytest.raises(ParameterError, match=r"HomeostaticGrowth.post: these elements are used as pre= elsewhere"):
        ns.HomeostaticGrowth(near, post=axons)


def test_a_shared_type_grows_and_decays_once_a_time():
    """Two processes that can pair nobody: z is that of one process."""
    z = []
    for n in (1, 2):
        net = ns.Network()
        pop = net.add_population("pop", QUIET, 3)
        p = empty(net, pop, pop)
        axons = Elements(ns.LinearGrowth(30.0, 5.0), start=4.0, decay=0.25)
        for _ in range(n):
            net.add(ns.HomeostaticGrowth(p, every=100.0, pre=axons, post=ns.LinearGrowth(0.0, 5.0)))
        net.run(300.0)
        z.append(axons.z)
    right = 4.0
    for _ in range(3):
        right += 3.0
        right -= 0.25 * math.floor(right)
    assert z[0] == pytest.approx(right, rel=1e-12)
    assert np.array_equal(z[0], z[1])


@pytest.mark.parametrize("nest_compat", [False, True])
def test_shared_growth_is_the_same_cut_and_loaded_and_reset(tmp_path, nest_compat):
    def graph(net):
        return [(p.pre.tolist(), p.post.tolist()) for p in net.projections.values()]

    whole, axons, _, _ = shared(nest_compat=nest_compat)
    whole.run(400.0)
    cut, _, (one, _), _ = shared(nest_compat=nest_compat)
    for piece in (13.5, 126.5, 60.0):
        cut.run(piece)
    cut.save(str(tmp_path / "saved"))
    cut.store("before")
    before = one.z_pre
    loaded = ns.load(str(tmp_path / "saved"))
    again, two = loaded.processes
    assert again.pre is two.pre
    assert again.pre.curve == axons.curve
    assert again.pre is not one.pre
    for net in (cut, loaded):
        net.run(200.0)
        assert graph(net) == graph(whole)
        assert np.array_equal(net.processes[0].z_pre, axons.z)
        assert np.array_equal(net.processes[1].z_post, whole.processes[1].z_post)
        assert np.array_equal(net.processes[0].rate, whole.processes[0].rate)
    final = graph(whole)
    cut.restore("before")
    assert np.array_equal(cut.processes[0].z_pre, before)
    cut.run(200.0)
    assert graph(cut) == final
    first = [p.out_degree() for p in whole.projections.values()]
    whole.reset()
    assert np.array_equal(axons.z, sum(first) + 2.0)
    assert not whole.processes[1].rate.any()


def test_a_process_that_comes_later_brings_its_synapses():
    net, axons, (one, two), (near, far) = shared()
    net.remove(two)
    net.run(50.0)
    assert np.array_equal(one.bound_pre, near.out_degree())
    elements = axons.z
    late = net.add(ns.HomeostaticGrowth(far, every=40.0, pre=axons, post=ns.LinearGrowth(0.0, 5.0)))
    grown = axons.z - far.out_degree() - elements
    assert (np.abs(grown) < 20e-3 * 50).all()
    assert axons.calcium.step == net.step
    net.run(150.0)
    assert np.array_equal(late.bound_pre, near.out_degree() + far.out_degree())
    trace = Calcium(1000.0, 0.1, 0)
    trace.follow(np.arange(12))
    stamp = np.arange(200, 2001, 90)
    trace.observe(2000, stamp, np.arange(stamp.size) % 12)
    assert axons.calcium.rate == pytest.approx(trace.rate, rel=1e-12)


# ---- synapses of any kind --------------------------------------------------------------------------------------------


def goals(uid):
    """Hz: half of the neurons gain synapses, half lose them."""
    return np.where(uid % 2, 0.2, 500.0)


@pytest.mark.slow
@pytest.mark.parametrize("rules", ["stdp", "stdp and short-term"])
def test_plastic_synapses_are_elements_as_any_other(rules, tmp_path):
    """They are adopted, retracted and made again; a run cut and loaded gives the same graph and weights."""

    def build():
        net = ns.Network(seed=4)
        source = net.add_population("source", ns.PoissonSource(rate=40.0), 30)
        pop = net.add_population("pop", ns.LIF(tau_m=20.0, t_ref=2.0), 20)
        sprout, own = ns.LinearGrowth(6.0, 60.0), ns.LinearGrowth(6.0, goals)
        stdp = ns.PairSTDP(a_plus=0.02, a_minus=0.02, w_max=8.0)
        rule = stdp if rules == "stdp" else [stdp, ns.ShortTerm(U=0.5, tau_rec=100.0, tau_fac=50.0)]
        p = net.connect(source, pop, ns.random(0.4), weight=7.0, delay=ns.uniform(1.0, 3.0), plasticity=rule)
        growth = net.add(ns.HomeostaticGrowth(p, pre=sprout, post=own, tau_calcium=300.0, every=25.0))
        return net, p, growth

    with pytest.warns(NeurosimWarning, match="rounded"):
        net, p, growth = build()
    first = len(p)
    assert np.array_equal(growth.z_pre, p.out_degree())
    net.run(1000.0)
    assert net.history.born > 30
    assert net.history.died > 30
    assert net.history.born - net.history.died == len(p) - first
    assert (p.out_degree() <= growth.z_pre).all()
    assert np.unique(p.weight).size > len(p) // 2  # they learn
    with pytest.warns(NeurosimWarning, match="rounded"):
        cut = build()[0]
    cut.run(512.5)
    cut.save(str(tmp_path / "saved"))
    loaded = ns.load(str(tmp_path / "saved"), functions={"goals": goals})
    loaded.run(487.5)
    other = next(iter(loaded.projections.values()))
    assert np.array_equal(other.pre, p.pre)
    assert np.array_equal(other.weight, p.weight)


def test_surplus_inputs_of_a_few_targets_go_uniformly(sized):
    """A few targets of many inputs are served by looking into random rows instead of a pass over all synapses."""
    net = ns.Network(seed=2)
    source = net.add_population("source", ns.SpikeSource(index=[0], time=[1.0]), 300)
    pop = net.add_population("pop", QUIET, 20)
    p = net.connect(source, pop, ns.random(0.5), weight=1.0, delay=1.0)
    asked = pop.uid[[4, 11]]
    inputs = [p.pre[p.post == uid] for uid in asked]
    columns = p.wire.columns[0] + np.array([4, 11])
    assert choosing.probe(p, columns, np.array([3, 2]), 1, slice(None)) is not None
    n = sized(3000, 150)
    found = np.zeros((2, 320))
    for key in range(n):
        edges = p.sample_in(asked, [3, 2], key)
        assert edges.post.tolist() == [asked[0]] * 3 + [asked[1]] * 2
        assert np.unique(edges.pre[:3]).size == 3
        np.add.at(found, ((edges.post == asked[1]).astype(int), edges.pre), 1)
    for k, pre in enumerate(inputs):
        right = n * (3 - k) / pre.size
        assert found[k].sum() == found[k, pre].sum()
        chi = ((found[k, pre] - right) ** 2).sum() / right / (1 - (3 - k) / pre.size)
        assert abs(chi - pre.size + 1) < 4.5 * math.sqrt(2 * pre.size)


# ---- partners by distance --------------------------------------------------------------------------------------------


class Placed:
    """All that a partner rule asks of a population."""

    def __init__(self, uid, positions):
        self.uid, self.positions, self.name = uid, positions, "placed"


@pytest.mark.parametrize("kernel", ["gaussian", "exponential"])
@pytest.mark.parametrize("tries", [partners.TRIES, 1])
def test_drawing_in_cells_has_the_distribution_of_the_table(kernel, tries, monkeypatch, sized):
    monkeypatch.setattr(partners, "MOST_PAIRS", 0)
    monkeypatch.setattr(partners, "TRIES", tries)  # 1: most draws fall back on the whole list
    rng = np.random.default_rng(5)
    a, b = Placed(np.arange(3) + 7, rng.random((3, 2))), Placed(np.arange(24) + 3, rng.random((24, 2)))
    rule = by_distance(a, b, 0.1, kernel=kernel)
    vacant = rng.integers(0, 4, 24)
    n = sized(40_000, 1_500)
    chosen = rule.draw(np.repeat(a.uid, n), np.repeat(b.uid, vacant), 11)
    found = np.stack([np.bincount(np.repeat(b.uid - 3, vacant)[c], minlength=24) for c in chosen.reshape(3, n)])
    weight = rule(a.uid[:, None], b.uid) * vacant
    right = n * weight / weight.sum(1, keepdims=True)
    seen = right > 5
    chi = ((found - right)[seen] ** 2 / right[seen]).sum()
    assert stats.chi2.sf(chi, seen.sum() - 3) > 1e-3
    assert not found[:, vacant == 0].any()
    assert found[right <= 5].sum() < 100
    pre, post = pair_elements(np.repeat(a.uid, 4), np.repeat(b.uid, vacant), rule, rng)
    assert np.bincount(pre).max() == 4
    assert (np.bincount(post - 3, minlength=24) <= vacant).all()


@pytest.mark.compiled
def test_a_hundred_thousand_neurons_find_partners_without_a_table():
    n = 100_000  # a table would have 1e10 entries
    everybody = Placed(np.arange(n), np.random.default_rng(1).random((n, 2)))
    pre, post = pair_elements(
        everybody.uid, everybody.uid, by_distance(everybody, everybody, 0.05), np.random.default_rng(2)
    )
    assert pre.size > 0.999 * n
    assert np.unique(pre).size == np.unique(post).size == pre.size
    distance = np.sqrt(((everybody.positions[pre] - everybody.positions[post]) ** 2).sum(1))
    # E |d| of a Gaussian of sd 0.05 on either axis is 0.0627; the border and the last to find a partner change that little
    assert distance.mean() == pytest.approx(0.05 * math.sqrt(math.pi / 2), rel=0.03)
