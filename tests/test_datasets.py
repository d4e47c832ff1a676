"""The worm's wiring as it ships: the published counts, the names, and the table itself, bit for bit."""

import dataclasses
import hashlib

import numpy as np
import pytest

from neurosim.analysis import (
    average_precision,
    contacts_per_connection,
    correlation_on_connections,
    gini,
    new_connections,
    null_scores,
    strengths,
)
from neurosim.datasets import celegans_development
from neurosim.datasets.celegans import STAGES
from neurosim.errors import ParameterError


@pytest.fixture(scope="module")
def worm():
    return celegans_development()


def test_chemical_connections_between_neurons(worm):
    counts = worm.counts()
    assert [c.connections for c in counts] == [675, 865, 887, 1011, 1324, 1315, 1944, 1933]
    assert [c.contacts for c in counts] == [1152, 1687, 1884, 2521, 3644, 3894, 6587, 7099]
    assert [c.cells for c in counts] == [161, 162, 162, 168, 173, 175, 180, 180]
    assert [c.autapses for c in counts] == [0, 0, 0, 0, 0, 0, 11, 0]
    assert [c.age for c in counts] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_chemical_connections_between_all_cells(worm):
    counts = worm.counts(cells="all")
    assert [c.connections for c in counts] == [775, 986, 1012, 1136, 1515, 1525, 2202, 2186]
    assert [c.contacts for c in counts] == [1296, 1895, 2128, 2777, 4116, 4456, 7467, 7970]


def test_table_is_the_published_one_bit_for_bit(worm):
    """The rearranged file holds exactly the rows of the long table of one row per pair and animal."""
    rows = []
    for age in worm.ages:
        for kind in ("chemical", "gap_junction"):
            pre, post, contacts = worm.connections(age, kind, "all")
            names = worm.cells.names
            rows += [f"{age},{names[i]},{names[j]},{kind},{c}" for i, j, c in zip(pre, post, contacts, strict=True)]
    assert len(rows) == 14540
    digest = hashlib.sha256("\n".join(sorted(rows)).encode()).hexdigest()
    assert digest == "7e937de75457574a909a20d96c1dbddd7873febca197fd8160675d0db5879f68"


def test_gap_junctions_stand_in_both_directions(worm):
    for age in worm.ages:
        matrix = worm.matrix(age, "gap_junction")
        assert (matrix == matrix.T).all()
        assert matrix.any()


def test_coupled_pairs_once_and_without_a_neuron_itself(worm):
    assert [len(worm.gap_junctions(age).pre) for age in worm.ages] == [81, 119, 92, 202, 283, 210, 261, 296]
    assert [worm.gap_junctions(age).contacts.sum() for age in worm.ages] == [102, 128, 107, 236, 409, 263, 363, 415]
    for age in worm.ages:
        pre, post, contacts = worm.gap_junctions(age)
        matrix, table = worm.coupling(age), worm.matrix(age, "gap_junction")
        assert (pre < post).all() and (matrix[pre, post] == contacts).all() and 2 * contacts.sum() == matrix.sum()
        assert (matrix == matrix.T).all() and not matrix.diagonal().any()
        assert (matrix == table)[~np.eye(182, dtype=bool)].all()
    itself = worm.matrix(1, "gap_junction").diagonal()
    assert worm.neurons[itself > 0].tolist() == ["RIBL", "RIBR"]


def test_neurons(worm):
    assert len(worm.neurons) == 182
    assert len(worm.cells) == 225
    assert worm.neurons.tolist() == sorted(worm.neurons.tolist())
    assert {c: int((worm.neuron_classes == c).sum()) for c in ("sensory", "inter", "motor")} == {
        "sensory": 69,
        "inter": 76,
        "motor": 37,
    }
    assert worm.neurons[worm.neuron_gaba].tolist() == ["AVL", "RIS", "RMED", "RMEL", "RMER", "RMEV"]
    connected = np.any([worm.present(age) for age in worm.ages], axis=0)
    assert worm.neurons[~connected].tolist() == ["DB1"]  # only a gap junction


def test_matrix_and_connections_agree(worm):
    for age in (1, 7):
        pre, post, contacts = worm.connections(age)
        matrix = worm.matrix(age)
        assert matrix.shape == (182, 182)
        assert matrix.dtype == np.int64
        assert (matrix[pre, post] == contacts).all()
        assert np.count_nonzero(matrix) == pre.size
        assert (np.diff(pre * 182 + post) > 0).all()  # sorted, no pair twice
    assert worm.matrix(1)[worm.index("ADAL"), worm.index("AIBR")] > 0


def test_ages_and_first_seen(worm):
    assert worm.ages_hours == (0, 5, 8, 16, 23, 27, 45, 45)
    assert worm.stages == STAGES == ("L1", "L1", "L1", "L1", "L2", "L3", "adult", "adult")
    assert worm.first_seen("AVAL") == 1
    assert worm.first_seen("AVL") == 2
    assert worm.first_seen("AVM") == 5  # a postembryonic neuron
    assert worm.first_seen("HSNL") == 7
    assert worm.first_seen("DB1") is None
    first = [worm.first_seen(name) for name in worm.neurons]
    assert [first.count(age) for age in worm.ages] == [161, 1, 0, 6, 5, 2, 6, 0]


def test_mirror_exchanges_left_and_right(worm):
    assert worm.mirror("AVAL") == "AVAR"
    assert worm.mirror("SMDDR") == "SMDDL"
    assert worm.mirror("MDL01") == "MDR01"
    assert worm.mirror("CEPshVL") == "CEPshVR"
    for alone in ("AVL", "AQR", "RIR", "PVR", "RIH", "RMED", "CANR"):
        assert worm.mirror(alone) == alone
    index = worm.mirror_index()
    assert (index[index] == np.arange(182)).all()


def test_newborn_predicts_the_new_connections_this_well(worm):
    """The marks for a growth rule: average precision of scores known at birth."""
    birth = worm.matrix(1)
    candidates, new = new_connections(birth, worm.matrix(7), worm.matrix(8))
    assert (int(new.sum()), int(candidates.sum())) == (770, 32267)
    reached = {
        name: average_precision(new[candidates], score[candidates])
        for name, score in null_scores(birth, worm.mirror_index(), worm.coupling(1)).items()
    }
    assert reached == pytest.approx(
        {
            "uniform": 0.0239,
            "degree product": 0.0399,
            "reciprocal contacts": 0.0389,
            "common neighbours": 0.0430,
            "shared targets": 0.0635,
            "bilateral mirror image": 0.1040,
            "coupled partners": 0.0318,  # electrically coupled neurons do tend to share partners, but it says little
        },
        abs=5e-5,
    )


def test_one_adult_predicts_the_other(worm):
    birth, seven, eight = worm.matrix(1), worm.matrix(7), worm.matrix(8)
    assert ((seven > 0) & (eight > 0)).sum() == 1279
    candidates, new = new_connections(birth, seven)
    assert average_precision(new[candidates], eight[candidates]) == pytest.approx(0.437, abs=5e-4)
    assert new[candidates].mean() == pytest.approx(0.043, abs=5e-4)


def test_how_the_wiring_changes_with_age(worm):
    birth, seven, eight = worm.matrix(1), worm.matrix(7), worm.matrix(8)
    assert correlation_on_connections(birth, birth, (seven + eight) / 2) == pytest.approx(0.57, abs=5e-3)
    into = {age: strengths(worm.matrix(age))[0] for age in (1, 7, 8)}
    assert gini(into[1]) == pytest.approx(0.64, abs=5e-3)
    assert gini(into[7]) == pytest.approx(0.54, abs=5e-3)
    assert gini(into[8]) == pytest.approx(0.54, abs=5e-3)
    assert [int(into[age].max()) for age in (1, 7, 8)] == [39, 212, 238]
    assert [round(contacts_per_connection(worm.matrix(age)), 2) for age in (1, 7, 8)] == [1.71, 3.39, 3.67]


def test_loads_once(worm):
    assert celegans_development() is worm


def test_nobody_can_change_the_data(worm):
    with pytest.raises(dataclasses.FrozenInstanceError):
        worm.stages = ()
    with pytest.raises(ValueError, match="read-only"):
        worm.neurons[0] = "X"
    worm.matrix(1)[:] = 0
    assert worm.matrix(1).sum() == 1152


@pytest.mark.parametrize("age", [0, 9, 45, "adult", 1.5])
def test_wrong_age_lists_the_known_ones(worm, age):
    with pytest.raises(ParameterError, match=r"number of a dataset, got .*8 \(adult, 45 h\)"):
        worm.matrix(age)


def test_wrong_names_are_refused_with_a_hint(worm):
    with pytest.raises(ParameterError, match="'chemical' or 'gap_junction', got 'chemcal'.*Did you mean 'chemical'"):
        worm.connections(1, "chemcal")
    with pytest.raises(ParameterError, match="'neurons' or 'all'"):
        worm.connections(1, cells="muscles")
    with pytest.raises(ParameterError, match="no neuron 'AVAX'"):
        worm.first_seen("AVAX")
    with pytest.raises(ParameterError, match="no cell 'nobody'"):
        worm.mirror("nobody")
