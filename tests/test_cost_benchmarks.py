"""Benchmarks of cost: what is timed does what it says, sizes that do not fit are skipped, and files are written as told."""

import json
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from benchmarks import MODELS, cost, describe, limits
from neurosim.kernels.compiled import JIT

ROOT = Path(__file__).parent.parent
needs_gcc = pytest.mark.skipif(limits.compiler() is None, reason="no gcc")


def test_every_network_of_the_issue_is_described():
    sizes = {name: describe(name).size for name in MODELS if name in ("brunel", "coba", "coba20k", "cuba", "cuba20k")}
    assert sizes == {"brunel": 12_500, "coba": 4_000, "coba20k": 20_000, "cuba": 4_000, "cuba20k": 20_000}
    assert [describe(f"microcircuit{scale}").size for scale in ("", "_x0.2", "_full")] == [7_717, 15_435, 77_169]
    assert {p.number for p in describe("cuba20k").projections} == {64, 16}


# ---- the limit ------------------------------------------------------------------------------------------------------


@needs_gcc
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_loop_in_c_adds_what_numpy_adds(dtype):
    limit = limits.Limit(4_000, dtype, 3_000, threads=2)
    for call in limit.calls():
        call()
    for target, place, amount in limit.arrays:
        assert target.nbytes == 2_000 and target.dtype == dtype and place.size == 1_500
        wanted = np.zeros_like(target)
        np.add.at(wanted, place, amount)
        np.testing.assert_allclose(target, wanted, rtol=1e-6)


@pytest.mark.parametrize("one_delay", [True, False])
def test_delivery_that_is_timed_adds_every_synapse_once(one_delay):
    delivery = limits.Delivery(32_000, 10, 600, threads=2, one_delay=one_delay)
    assert delivery.events == 300
    for (_, ring, pool), call in zip(delivery.parts, delivery.calls(), strict=True):
        call()
        assert ring[1].nbytes == 16_000 if one_delay else ring.nbytes == 16_000
        _, _, column, delay, weight = pool.edges()
        wanted = np.zeros_like(ring)
        np.add.at(wanted, (delay, column), weight)
        np.testing.assert_allclose(ring, wanted, rtol=1e-6)
        assert np.unique(delay).size == (1 if one_delay else 15)


@needs_gcc
def test_a_row_of_the_table_has_the_shares_of_its_own_limit():
    line = limits.measure(2_000, 1, 2_000, 1)
    shares = [(key, value) for key, value in line.items() if "rows of" in key]
    assert len(shares) == 2 * len(limits.ROWS)
    assert all(one["share"] * one["ns"] == pytest.approx(line["limit_ns"]) for _, one in shares)
    assert limits.table([line]).splitlines()[1].split()[:3] == ["2", "KB", "1"]


def test_without_gcc_it_is_skipped_with_a_message(monkeypatch, capsys):
    monkeypatch.setattr(limits, "compiler", lambda: None)
    monkeypatch.setattr("sys.argv", ["limits"])
    limits.main()
    assert capsys.readouterr().out.startswith("skipped: the limit needs gcc")
    limits.library.cache_clear()
    with pytest.raises(RuntimeError, match="install gcc"):
        limits.library()


# ---- cost as work grows ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delays", cost.DELAYS)
def test_events_are_spikes_times_synapses_and_delivered_again_in_full(delays):
    net, cells = cost.build(0.02, delays)
    assert net.n_synapses == 20_000 and net.n_neurons == 20
    spikes = [net.record(cell, "spikes") for cell in cells]
    net.run(20.0)
    out = np.zeros(net.n_neurons, int)  # by uid
    carried = np.zeros(net.n_neurons)
    for projection in net.projections.values():
        edges = projection.edges()
        out += np.bincount(edges.pre, minlength=out.size)
        np.add.at(carried, edges.pre, edges.weight)
    late = [cell.uid[one.index[one.t > 10.0]] for cell, one in zip(cells, spikes, strict=True)]
    assert sum(one.size for one in late) > 3
    ring = np.zeros_like(net.engine.ring)
    ns_per_event, events = cost.deliver_again(net, cells, spikes, 10.0, repeat=1, ring=ring)
    assert events == sum(int(out[one].sum()) for one in late)
    assert ring.sum() == pytest.approx(sum(carried[one].sum() for one in late), rel=1e-9)
    assert ns_per_event > 0


LINE = {
    "synapses": 1_000_000, "neurons": 1000, "delays": "one", "threads": 1, "build_s": 0.1, "rate_hz": 35.0, "events": 7, "wall_per_bio_s": 1.0,
    "peak_mb": 200.0, "ring_mb": 0.5, "bytes_per_synapse": 8.4, "other_load": 0.02, "whole_ns": 3.0, "delivery_ns": 1.5, "limit_ns": 0.9,
}  # fmt: skip


def test_the_table_goes_between_the_marks_and_nothing_else_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(cost, "RESULTS", tmp_path / "RESULTS.md")
    monkeypatch.setattr(cost, "PLOT", tmp_path / "cost.png")
    cost.write([LINE])
    first = cost.RESULTS.read_text()
    assert "| 1 M | one | 0.5 | 35.0 | 0.1 | 0.20 | 3.00 | 1.50 | 0.90 | 3.33 | 1.67 (more than asked) |" in first
    assert cost.PLOT.read_bytes()[:4] == b"\x89PNG"
    cost.RESULTS.write_text(f"before\n{first}after\n")
    without = {key: value for key, value in LINE.items() if key != "limit_ns"}
    cost.write([LINE | {"delivery_ns": 1.2}, without | {"delays": "drawn"}])
    text = cost.RESULTS.read_text()
    assert text.startswith("before\n# Results") and text.endswith("after\n") and text.count(cost.MARKS[0]) == 1
    assert "1.67" not in text and "| 1.33 |" in text and "| - | - | no gcc |" in text


def test_what_does_not_fit_is_skipped_with_a_message(monkeypatch, capsys):
    monkeypatch.setattr("neurosim.connecting.available_memory", lambda: 1e9)
    assert cost.fresh(300.0, "one", 1, 100.0) is None
    assert "300 M synapses, one delay of 1.5 ms: skipped, needs about 6 GB and 1 GB are free" in capsys.readouterr().err


@needs_gcc
@pytest.mark.slow
@pytest.mark.skipif(not JIT, reason="a quarter of a million synapses")
def test_a_small_size_in_a_process_of_its_own():
    line = cost.fresh(0.25, "drawn", 1, 20.0)
    assert line["synapses"] == 250_000 and line["events"] > 50_000 and 20 < line["rate_hz"] < 60
    assert 0 < line["delivery_ns"] < line["whole_ns"] and line["limit_ns"] > 0.1
    assert json.dumps(line) and line["version"] == ns.__version__
