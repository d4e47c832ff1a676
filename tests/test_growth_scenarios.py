"""Scenarios of structural plasticity: what they write in short, and at full length the numbers they stand for."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import neurosim as ns
from neurosim import cli

PNG = b"\x89PNG"


def scenario(name):
    return cli.scenario_main(cli.find_scenario(name))


def report_of(name, out, **settings):
    """Lines and report of a run."""
    lines = scenario(name)(out=out, progress=False, **settings)
    assert (out / f"{name}.png").read_bytes().startswith(PNG)
    assert 1 <= len(lines) <= 10
    return lines, json.loads((out / "report.json").read_text())


# ---- assemblies -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_assemblies_in_short(tmp_path):
    out = tmp_path / "runs" / "assemblies"  # made by the script, which may run without the command line
    lines, report = report_of("assemblies", out, duration=1_000.0, seed=3)
    assert [phase["t"] for phase in report["phases"].values()] == [200.0, 400.0, 600.0, 1000.0]
    assert len(lines) == 1 + len(report["phases"])
    run = ns.read_run(out)
    assert run.manifest["title"] == "A memory in the wiring"


@pytest.mark.slow
@pytest.mark.compiled
def test_assemblies_are_written_into_the_wiring(tmp_path):
    """The same network in NEST 3.10, 4 seeds: grown 0.0997, within the assembly 0.0003, 0.423, 0.322; target 39.5 Hz.

    The assembly has 1,560 possible synapses of 1,600 pairs, so that its 156 after growth have a standard deviation of 12.5.
    """
    reports = [report_of("assemblies", tmp_path / str(seed), seed=seed)[1] for seed in (1, 2, 3)]
    mean = {
        (phase, group): np.mean([report["phases"][phase][group] for report in reports])
        for phase in reports[0]["phases"]
        for group in ("S → S", "E → E", "S → E")
    }
    assert abs(mean["growth", "E → E"] - 0.100) < 0.003
    assert abs(mean["growth", "S → S"] - 0.0975) < 4 * 12.5 / 1600 / np.sqrt(3)
    assert mean["stimulation", "S → S"] < 0.005
    assert abs(mean["growing again", "S → S"] - 0.423) < 0.04
    assert abs(mean["decay", "S → S"] - 0.322) < 0.04
    for report in reports:
        assert abs(report["target"] - 39.5) < 0.4
        for phase in report["phases"].values():
            assert phase["S → E"] == phase["E → S"]  # both ends of a neuron follow one rule
            assert abs(phase["Hz"]["E"] / report["target"] - 1) < 0.01
        assert report["phases"]["decay"]["S → S"] > 2.5 * report["phases"]["growth"]["E → E"]


# ---- lesion ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_lesion_in_short(tmp_path):
    lines, report = report_of("lesion", tmp_path / "runs" / "lesion", duration=10_000.0, seed=3)
    assert report["etas"]["axons first"] == report["etas"]["dendrites first"][::-1]
    assert ns.read_run(tmp_path / "runs" / "lesion").manifest["neurons"] == 576
    assert len(lines) == 4


@pytest.mark.slow
@pytest.mark.compiled
def test_lesion_heals_for_one_ordering_only(tmp_path):
    """Butz & van Ooyen (2013): from the border inward, with more axonal elements around it than without a lesion."""
    _, report = report_of("lesion", tmp_path)
    healed, failed = report["dendrites first"], report["axons first"]
    assert healed["LPZ"]["least"] < 0.6
    assert healed["LPZ"]["last"] > 0.9
    assert healed["centre"]["last"] > 0.8
    assert healed["border"]["back"] < healed["centre"]["back"]
    assert failed["LPZ"]["last"] < 0.5
    assert failed["border"]["back"] is None
    assert healed["overshoot"] > 5.0 > failed["overshoot"]
    assert abs(report["no lesion"]["LPZ"]["last"] - 1) < 0.05


def test_what_is_measured_of_a_lesion():
    """A course made by hand: silent for 3 samples, then 60 % and 90 % of the set-point; axonal elements rise from 10 to 14."""
    parts = scenario("lesion").__globals__
    control = np.zeros((20, 2, parts["SIDE"] ** 2))
    control[:, 0], control[:, 1] = 10.0, 10.0 + np.array([1.0, -1.0] * 10)[:, None]
    samples = control.copy()
    samples[10:, 0, parts["LPZ"]] = np.array([0.0, 0.0, 0.0, 6.0, 6.0, 9.0, 9.0, 9.0, 9.0, 9.0])[:, None]
    samples[12, 1, parts["AROUND"]] = 14.0
    seen = parts["measure"](samples, control, 10, 500.0, 10.0)
    assert seen["LPZ"] == seen["centre"] == {"least": 0.0, "last": 0.9, "back": 2.5}
    assert seen["overshoot"] == 4.0


# ---- topographic map ------------------------------------------------------------------------------------------------


def test_what_is_measured_of_a_map():
    """Afferents of a neuron in the corner: one each side of a place beyond the edge; weights move it between them."""
    parts = scenario("topographic_map").__globals__
    n, side = parts["N"], parts["SIDE"]
    pre = np.array([15 * side + 1, 15 * side + 3] + [k for k in range(1, n) for _ in range(2)])
    post = np.repeat(np.arange(n), 2)
    weight = np.where(pre == pre[1], 3.0, 1.0)
    forward = SimpleNamespace(edges=lambda: Afferents(pre, post + n, weight))
    values, way = parts["fields"](forward)
    assert np.allclose(way[0], [-1.0, 2.0])
    assert np.allclose(way[1:], 0.0)
    assert np.allclose(values[:, 0], [np.sqrt(3) / 2, 1.0, np.hypot(1.0, 2.5), np.hypot(1.0, 2.0)])
    assert np.allclose(values[:, 1:], 0.0)


class Afferents:
    def __init__(self, pre, post, weight):
        self.pre, self.post, self.weight = pre, post, weight

    def __len__(self):
        return len(self.pre)


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize(("rough", "duration"), [(2.0, 100_000.0), (1.0, 60_000.0)])
def test_rewiring_refines_the_map(tmp_path, rough, duration):
    """Spreads fall, neuron by neuron, below those of STDP alone and of a rewiring that sees shuffled weights; deviations below
    those of STDP alone if the map is rough at first (Bamford et al. 2010: the formation rule says where centres are)."""
    _, report = report_of("topographic_map", tmp_path, rough=rough, duration=duration)
    column = report["columns"].index
    for control in ("STDP only", "shuffled"):
        p = report["p"][control]
        assert p[column("spread")] < 0.01
        assert p[column("spread as weighted")] < 0.01
    if rough > 1:
        p = report["p"]["STDP only"]
        assert p[column("deviation")] < 0.01
        assert p[column("deviation as weighted")] < 0.01
    first, last = report["courses"]["STDP only"][0], report["courses"]["STDP only"][-1]
    assert first[1 + column("spread")] == last[1 + column("spread")]
    assert first[1 + column("spread as weighted")] > last[1 + column("spread as weighted")]


@pytest.mark.slow
@pytest.mark.compiled
def test_a_rule_of_ones_own_does_what_it_says(monkeypatch):
    """All places looked at once: eliminations and formations have the expected numbers, within 4 standard deviations."""
    parts = scenario("topographic_map").__globals__
    n, places, near = parts["N"], parts["PLACES"], parts["NEAR"]
    net, *projections = parts["network"](100.0, 1, 1.0)
    rule = parts["Rewiring"](projections, False, False)
    monkeypatch.setitem(parts, "OFTEN", 1e3 / rule.every * places * n)
    for p in projections:
        edges = p.edges()
        edges[np.arange(n * places // 4)].set_weight(0.0)
    rule.fired = np.zeros(0, np.int64)
    rule.advance(net)
    weak, strong = ((n * places // 4) * chance for chance in (parts["DEPRESSED"], parts["POTENTIATED"]))
    for p in projections:
        lost = n * places // 2 - len(p)
        assert abs(lost - weak - strong) < 4 * np.sqrt(weak + strong)
        p.edges().remove()
    net.run(net.dt, progress=False)
    rule.advance(net)
    for p in projections:
        expected = places / 2 * near[p.name].mean() * n
        assert abs(len(p) - expected) < 4 * np.sqrt(expected)
        assert (p.multiplicity(p.pre, p.post) == 1).all()
        assert (p.pre != p.post).all()
        assert np.array_equal(p.weight, np.full(len(p), parts["MOST"]))


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_rule_of_ones_own_does_not_see_how_a_run_is_cut(shuffled):
    parts = scenario("topographic_map").__globals__
    graphs = []
    for pieces in ([1500.0], [130.0, 70.0, 999.0, 301.0]):
        net, *projections = parts["network"](1500.0, 4, 1.0)
        net.add(parts["Rewiring"](projections, True, shuffled))
        for p in projections:
            p.edges()[np.arange(0, len(p), 3)].remove()
        for piece in pieces:
            net.run(piece, progress=False)
        edges = [p.edges() for p in projections]
        graphs.append([np.concatenate([getattr(e, name) for e in edges]) for name in ("pre", "post", "weight")])
        assert net.history.born > 0
        assert all(sum(p.in_degree() for p in projections) <= parts["PLACES"])
    assert all(np.array_equal(one, other) for one, other in zip(*graphs, strict=True))
