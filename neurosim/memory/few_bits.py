"""Digits read out by synapses of few bits: a sparse expansion, a local rule, and the engine's own store of weights.

Images are arrays, given by the caller; a network holds the readout, learns by `learning.margin` and answers by spikes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.learning.margin import MarginRule
from neurosim.network import Network
from neurosim.neurons.lif import LIF
from neurosim.neurons.sources import SpikeSource
from neurosim.wiring import all_to_all

CELLS, ACTIVE, PASSES, RATE = 5_000, 250, 10, 0.02  # of the experiment in spec/scenarios.md, section 1b
FLIP = 0.04  # of 1 bit: a step between -1 and 1 is 2, so a wrong bit flips with probability 0.02


def expand(images: np.ndarray, seed: int, cells: int = CELLS, active: int = ACTIVE) -> np.ndarray:
    """The cells that fire for each image, int64 [images, active]: those of the largest drive.

    Each cell is wired to a tenth of the pixels, drawn at random; its drive is their sum over the root of their number, of
    images of unit length.
    """
    rng = np.random.default_rng([seed, cells])
    inputs = max(1, round(images.shape[1] / 10))
    wired = np.zeros((images.shape[1], cells))
    wired[np.argsort(rng.random(wired.shape), axis=0)[:inputs], np.arange(cells)] = 1.0 / np.sqrt(inputs)
    length = np.linalg.norm(images, axis=1, keepdims=True)
    drive = (images / np.maximum(length, 1e-12)) @ wired
    order = np.argsort(-drive, axis=1, kind="stable")[:, :active]
    return np.sort(order, axis=1).astype(np.int64)


@dataclass(frozen=True)
class FewBits:
    """How one store did.

    Attributes
    ----------
    accuracy : float
        Share of right answers to the test images, given by spikes.
    nbytes, bytes_per_synapse : float
        Of the weights alone, and of all arrays of the pool per synapse, measured.
    weight : float64 [synapses]
    kept : float
        What the weights moved over what they were asked to move by; 1 if rounding keeps the mean of an update.
    error : float
        Root mean square of the rounding of an update, in units of the asked step.
    """

    accuracy: float
    nbytes: int
    bytes_per_synapse: float
    weight: np.ndarray
    kept: float
    error: float


def read_digits(
    codes: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray, dtype: str, seed: int, *,
    rounding: str | None = None, rate: float = RATE, passes: int = PASSES, cells: int = CELLS,
) -> FewBits:  # fmt: skip
    """Learn the training images in a readout whose weights are stored as `dtype`, and answer the test images.

    Parameters
    ----------
    codes : int64 [images, active]
        As `expand` gives them.
    labels : int [images]
    train, test : int arrays
        Numbers of images.
    dtype : str
        As in `Network.connect`; weights of few bits lie in -1 ... 1 and begin at 0, those of 1 bit at -1 or 1 at random.
    rounding : {"nearest", "stochastic"}, optional
    rate : float
        Step of a weight.
    """
    net, synapses = readout(int(labels.max()) + 1, dtype, seed, cells)
    rule = MarginRule(synapses, rate, 1.0, rounding)
    rng = np.random.default_rng([seed, 1])
    for _ in range(passes):
        for i in rng.permutation(train):
            rule.learn(codes[i], int(labels[i]))
    net.compact()
    right = answers(net, codes[test]) == labels[test]
    pool = synapses.pool
    held = pool.words if hasattr(pool, "words") else pool.weight
    return FewBits(
        float(right.mean()), int(ranks.total(held.nbytes)), pool.bytes_per_synapse, synapses.weight, rule.done / max(rule.wanted, 1e-300),
        float(np.sqrt(rule.squared / max(1, rule.updates))) / rate,
    )  # fmt: skip


def readout(classes: int, dtype: str, seed: int, cells: int = CELLS) -> tuple[Network, Any]:
    """(network, projection): cells that fire when they are told to, and one output for each class, which adds up what comes."""
    net = Network(dt=1.0, seed=seed)
    fired = net.add_population("cells", SpikeSource(), cells)
    outputs = net.add_population("outputs", LIF(tau_m=np.inf, v_th=1e12), classes)
    weight: Any = 0.0
    if dtype == "1bit":
        weight = np.random.default_rng([seed, 2]).choice([-1.0, 1.0], cells * classes)
    bounds = (None, None) if dtype.startswith("float") else (-1.0, 1.0)
    return net, net.connect(
        fired, outputs, all_to_all(), weight=weight, delay=1.0, dtype=dtype, w_min=bounds[0], w_max=bounds[1]
    )


def answers(net: Network, codes: np.ndarray) -> np.ndarray:
    """The output that gets most from each image, int64 [images]; the cells fire for one image a step, the engine adds up."""
    return np.argmax(scores(net, codes), axis=1)


def scores(net: Network, codes: np.ndarray) -> np.ndarray:
    """What each output gets from each image, by spikes; float64 [images, outputs]."""
    image, cell = np.divmod(np.arange(codes.size), codes.shape[1])
    net.populations["cells"].play(SpikeSource(codes[image, cell], net.now + 2.0 + image))
    voltage = net.record(net.populations["outputs"], "v", every=1.0)
    net.run(len(codes) + 3.0, progress=False)
    voltage = np.asarray(voltage.values)
    return np.diff(voltage, axis=0)[1 : len(codes) + 1]
