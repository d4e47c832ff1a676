"""Populations and views: states and parameters by name, neurons that come and go, handles that stay valid."""

import math

import numpy as np
import pytest

import neurosim as ns
from neurosim.kernels.compiled import JIT

EAR = ns.LIF(tau_m=math.inf, e_l=0.0, v_th=math.inf, v_reset=0.0)  # no leak, never fires: v is the sum of what arrived


@pytest.fixture
def net():
    return ns.Network(dt=0.1, seed=1)


def test_states_and_parameters_by_name(net):
    pop = net.add_population("pop", ns.LIF(tau_m=15.0), 6, region="cortex/v1")
    assert len(pop) == 6 and pop.name == "pop" and pop.region == "cortex/v1"
    assert pop.uid.dtype == np.int64 and pop.index.tolist() == list(range(6))
    assert pop.v.tolist() == [ns.LIF().e_l] * 6
    pop.v = -60.0
    pop[2:4].v = [-59.0, -58.0]
    pop[np.array([True, False, False, False, False, True])].v = -50.5
    assert pop.v.tolist() == [-50.5, -60.0, -59.0, -58.0, -60.0, -50.5]
    pop.tau_m = np.arange(10.0, 16.0)
    assert pop[[1, 4]].tau_m.tolist() == [11.0, 14.0]
    pop[4:].tau_m = 30.0
    assert pop.tau_m.tolist() == [10.0, 11.0, 12.0, 13.0, 30.0, 30.0]
    pop.tau_m = 20.0
    assert pop.tau_m.tolist() == [20.0] * 6
    copy = pop.v
    copy[:] = 0.0
    assert pop.v[1] == -60.0
    assert {"v", "tau_m", "uid"} <= set(dir(pop))


def test_distributions_of_states_follow_the_uid(net, sized):
    n = sized(2000, 300)
    pop = net.add_population("pop", ns.LIF(), n)
    pop.v = ns.normal(-65.0, 3.0, high=-50.5)
    assert abs(pop.v.mean() + 65.0) < 0.5 and abs(pop.v.std() - 3.0) < 0.5 and pop.v.max() <= -50.5
    whole = pop.v
    pop.v = 0.0
    pop[100:200].v = ns.normal(-65.0, 3.0, high=-50.5)
    assert np.array_equal(pop.v[100:200], whole[100:200])
    pop.tau_m = ns.uniform(10.0, 20.0)
    assert pop.tau_m.min() >= 10.0 and np.unique(pop.tau_m).size == n
    with pytest.raises(ns.ParameterError, match="LIF.tau_m: must be positive"):
        pop.tau_m = ns.uniform(-1.0, 1.0)


def test_parameters_count_from_the_next_step_on(net):
    pop = net.add_population("pop", ns.LIF(), 2)
    spikes = net.record(pop)
    net.run(5.0)
    pop[1].i_e = 1e5
    net.run(5.0)
    assert spikes.count > 1 and set(spikes.index) == {1} and spikes.step.min() > 50
    pop.i_e = 0.0
    net.run(5.0)
    assert spikes.step.max() <= 101


def test_views(net):
    pop = net.add_population("pop", ns.LIF(), 10)
    view = pop[3:7]
    assert view.uid.tolist() == [3, 4, 5, 6] and view[1:3].uid.tolist() == [4, 5]
    assert len(pop[-2:]) == 2 and pop[5].uid.tolist() == [5] and len(pop[5:5]) == 0
    assert [one.uid.tolist() for one in view] == [[3], [4], [5], [6]]
    assert len(list(pop)) == 10
    p = net.connect(view, pop[:2], ns.all_to_all())
    assert set(p.pre) == {3, 4, 5, 6} and set(p.post) == {0, 1}
    assert p.source is pop and p.target is pop
    pop.remove(pop.uid[:3])
    assert view.index.tolist() == [0, 1, 2, 3] and view.uid.tolist() == [3, 4, 5, 6]  # it names neurons, not places
    assert "View(pop[4 of 7]" in repr(view)


def test_uids_are_never_used_again(net):
    pop = net.add_population("pop", ns.LIF(), 4)
    pop.remove(pop[2:])
    born = pop.add(3)
    assert pop.uid.tolist() == [0, 1, 4, 5, 6] and born.uid.tolist() == [4, 5, 6]
    net.remove_population(pop)
    again = net.add_population("pop", ns.LIF(), 2)
    assert again.uid.tolist() == [7, 8] and again is not pop and not pop.alive


def test_newborns_start_afresh_with_the_parameters_of_the_population(net):
    pop = net.add_population("pop", ns.LIF(e_l=-62.0), 3)
    pop.tau_m = [10.0, 20.0, 30.0]
    pop.v = -55.5
    pop.add(20)
    assert pop.v.tolist() == [-55.5] * 3 + [-62.0] * 20
    assert pop.tau_m.tolist() == [10.0, 20.0, 30.0] + [20.0] * 20
    pop.remove(pop.uid[1:])
    assert pop.tau_m.tolist() == [10.0]
    pop.remove(pop.uid)
    assert pop.add(2).tau_m.tolist() == [10.0, 10.0]


def test_newborns_hear_what_all_hear_alike(net):
    pop = net.add_population("pop", EAR, 4)
    net.stimulate(pop, ns.Current(amplitude=250.0))  # 1 mV a ms
    net.stimulate(pop[:2], ns.Current(amplitude=250.0))
    net.stimulate(pop, ns.OrnsteinUhlenbeck(sd=0.0, mean=250.0))
    net.run(1.0)
    pop.remove(pop.uid[1])
    pop.add(20)
    net.run(1.0)
    assert pop.v == pytest.approx([6.0, 4.0, 4.0] + [2.0] * 20)


def test_positions(net):
    where = np.arange(8.0).reshape(4, 2)
    pop = net.add_population("pop", ns.LIF(), 4, positions=where)
    pop.remove(pop.uid[1])
    assert pop.positions.tolist() == where[[0, 2, 3]].tolist()
    with pytest.raises(ns.ParameterError, match=r"pop.add.*positions=\.\.\."):
        pop.add(2)
    with pytest.raises(ns.ParameterError, match="needs 2 coordinates, got 3"):
        pop.add(2, positions=np.zeros((2, 3)))
    pop.add(2, positions=[[9.0, 9.0], [8.0, 8.0]])
    assert pop.positions.shape == (5, 2)
    plain = net.add_population("plain", ns.LIF(), 2)
    with pytest.raises(ns.ParameterError, match="has none"):
        plain.add(1, positions=[[0.0, 0.0]])


def heard(net, pop):
    """What each neuron has heard so far."""
    return dict(zip(pop.uid.tolist(), pop.v.tolist(), strict=True))


@pytest.mark.parametrize("plastic", [False, True])
def test_spikes_in_flight_follow_their_targets_when_neurons_go(net, plastic):
    rule = ns.PairSTDP(w_max=100.0) if plastic else None
    other = net.add_population("other", EAR, 3)
    ears = net.add_population("ears", EAR, 12)
    source = net.add_population("source", ns.SpikeSource(index=[0, 1, 2], time=[1.0, 1.5, 2.0]), 3)
    weight = np.array([[10.0 * i + j for j in range(12)] for i in (1, 2, 3)])
    net.connect(source, ears, ns.all_to_all(), weight=weight.ravel(), delay=4.0, plasticity=rule)
    net.connect(source, other, ns.all_to_all(), weight=1.0, delay=4.0, plasticity=rule)
    net.run(3.0)
    ears.remove(ears.uid[[0, 5]])
    other.remove(other.uid[1])
    other.add(1)
    source.remove(source.uid[1])  # what it has on its way goes with it
    net.add_population("more", EAR, 40)
    ears.add(30)
    net.run(5.0)
    expected = {u: float(weight[0, u - 3] + weight[2, u - 3]) for u in range(3, 15) if u not in (3, 8)}
    seen = heard(net, ears)
    assert {u: seen[u] for u in expected} == expected
    assert sum(seen.values()) == sum(expected.values())
    assert heard(net, other) == {0: 2.0, 2: 2.0, other.uid[2]: 0.0}


def test_removed_neurons_take_their_synapses_and_the_history_says_so(net):
    a, b = net.add_population("a", ns.LIF(), 4), net.add_population("b", ns.LIF(), 4)
    ab = net.connect(a, b, ns.all_to_all(), weight=0.5, delay=1.5)
    aa = net.connect(a, a, ns.all_to_all(), autapses=True)
    a.remove(a.uid[1])
    assert len(ab) == 12 and len(aa) == 9
    h = net.history
    assert h.kind.tolist().count(-1) == 4 + 7 and h.kind.tolist().count(-2) == 1
    died = h.kind == -1
    pairs = set(zip(h.pre[died].tolist(), h.post[died].tolist(), strict=True))
    assert pairs == {(1, j) for j in range(8)} | {(j, 1) for j in (0, 2, 3)}
    gone = died & (h.post >= 4)
    assert h.weight[gone].tolist() == [0.5] * 4 and h.delay[gone].tolist() == [1.5] * 4
    assert h.pre[h.kind == -2].tolist() == [1]
    b.remove(b.uid)
    assert len(ab) == 0


def test_neurons_of_a_spike_list(net):
    pop = net.add_population("pop", ns.SpikeSource(index=[0, 1, 2, 1], time=[1.0, 1.0, 1.0, 2.0]), 3)
    spikes = net.record(pop)
    pop.remove(pop.uid[0])
    pop.add(1)
    net.run(3.0)
    assert spikes.step.tolist() == [10, 10, 20] and spikes.uid.tolist() == [1, 2, 1]


def test_spontaneous_rates_outlive_the_removal_of_others(net, sized):
    pop = net.add_population("pop", ns.LIF(), 20)
    doomed = net.add_population("doomed", ns.LIF(), 3)
    handle = net.stimulate([pop, doomed], ns.SpontaneousRate(1000.0))
    net.remove_population(doomed)
    assert net.stimuli == [handle]
    spikes = net.record(pop)
    net.run(sized(20.0, 5.0))
    assert spikes.count > (100 if JIT else 10)
    handle.active = False
    before = spikes.count
    net.run(5.0)
    assert spikes.count == before
    handle.remove()
    assert net.stimuli == []


def test_cards(net):
    pop = net.add_population("pop", ns.LIF(), 3, region="r")
    assert repr(pop) == "Population('pop': 3 x LIF, region 'r')"
    html = pop._repr_html_()
    assert "<table>" in html and "3 x LIF" in html and "v (mV)" in html
    assert repr(net.region("r")) == "Region('r': 3 neurons in pop)"
