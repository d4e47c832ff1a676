"""The scenarios: that they do what their first lines promise, the same for the same seed."""

import json
import re

import pytest

from neurosim import cli
from neurosim.errors import ParameterError

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def growth():
    return cli.scenario_main(cli.find_scenario("growth"))


@pytest.fixture(scope="module")
def worm():
    return cli.scenario_main(cli.find_scenario("worm"))


@pytest.mark.compiled
def test_growth_in_short(growth, tmp_path):
    tmp_path = tmp_path / "runs" / "growth"  # made by the script, which may run without the command line
    lines = growth(duration=1_000.0, seed=3, out=tmp_path)
    assert 1 <= len(lines) <= 10
    for name in ("growth.png", "network.png"):
        assert (tmp_path / name).read_bytes().startswith(PNG)
    before, after = (int(count.replace(",", "")) for count in re.findall(r"synapses ([\d,]+) -> ([\d,]+)", lines[0])[0])
    assert before < 1_100  # about one synapse a neuron
    assert after > 3 * before


@pytest.mark.compiled
def test_worm_in_short(worm, tmp_path, capsys):
    tmp_path = tmp_path / "runs" / "worm"
    lines = worm(duration=5_000.0, seed=1, out=tmp_path)
    told = capsys.readouterr().out
    assert "81 pairs share 102 gap junctions; 1 h = 0.1 s" in told
    assert len(lines) <= 10
    assert all(len(line) <= 100 for line in lines)
    for name in ("brain.png", "growth.png"):
        assert (tmp_path / name).read_bytes().startswith(PNG)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["ages"][0]["model"]["contacts"] == 1152
    assert report["gap_junction"] == 1.0


@pytest.mark.compiled
def test_worm_takes_a_rule_of_ones_own(worm, tmp_path):
    seen = []

    def only_to_the_first(contacts):
        seen.append(contacts.sum())
        score = contacts * 0.0
        score[:, 0] = 1.0
        return score

    worm(duration=2_500.0, out=tmp_path, rule=only_to_the_first, strengthen=0.0, chance=0.0)
    report = json.loads((tmp_path / "report.json").read_text())
    assert seen[0] == 1152
    assert "model: only_to_the_first, grown" in report["precision"]


def test_worm_refuses_an_unknown_rule(worm, tmp_path):
    with pytest.raises(ParameterError, match="worm\\(rule\\): must be a function or one of uniform, degree"):
        worm(out=tmp_path, rule="miror")


@pytest.mark.slow
@pytest.mark.compiled
def test_growth_settles_at_its_target_and_the_seed_decides_the_graph(growth, tmp_path):
    """Calcium within 5 % of the target in the mean of the last fifth; the same graph for the same seed."""
    first, again, other = growth(out=tmp_path, seed=1), growth(out=tmp_path, seed=1), growth(out=tmp_path, seed=2)
    assert first == again
    assert first != other
    for lines in (first, other):
        off = float(re.search(r"\(([+-][\d.]+)%; mean of the last fifth", " ".join(lines)).group(1))
        assert abs(off) < 5.0


@pytest.mark.slow
@pytest.mark.compiled
def test_worm_grows_as_the_real_ones_do(worm, tmp_path):
    """Contacts of the adult in the order of the real ones'; every neuron that is ever seen appears."""
    worm(out=tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    grown, real = report["grown"], report["ages"][7]["real"]
    assert grown["neurons"] >= 175
    assert 0.7 < grown["contacts"] / real["contacts"] < 1.3
    assert 0.7 < grown["connections"] / real["connections"] < 1.5
    for age in report["ages"]:
        assert 0.6 < age["model"]["contacts"] / age["real"]["contacts"] < 1.4
