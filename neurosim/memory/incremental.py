"""Class-incremental learning: the protocol, its scores, and the learners that a memory is compared with.

Knows arrays only: no network, no data set.  A learner has learn(images, labels), answer(images), and retained(), the numbers and bytes that
it keeps; one that also has sleep() sleeps after each task.

McCloskey & Cohen (1989) Psychol. Learn. Motiv. 24:109; van de Ven & Tolias (2019) arXiv:1904.07734 (the class-incremental
scenario); Hayes & Kanan (2020) CVPR Workshops 887 (streaming LDA).
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from neurosim.checks import check_count
from neurosim.errors import ParameterError

FLOAT = 4  # bytes of a number, for all learners


class Learner(Protocol):
    """What the protocol asks of a learner."""

    def learn(self, images: np.ndarray, labels: np.ndarray) -> object:
        """See the images of one task."""
        ...

    def answer(self, images: np.ndarray) -> np.ndarray:
        """One label for each image, of all classes."""
        ...


@dataclass(frozen=True)
class Course:
    """How a learner did, task after task.

    Attributes
    ----------
    accuracy : float64 [tasks, tasks]
        [i, j]: share of right answers to the test images of task j after task i; nan for tasks that come later.
    final : float
        Share of right answers to all test images after the last task.
    unreachable : bool
        Whether the images of each task were gone from memory after it: nobody kept them.
    """

    accuracy: np.ndarray
    final: float
    unreachable: bool

    @property
    def forgetting(self) -> float:
        """Mean over all tasks but the last of the best accuracy before the end less that at the end."""
        past = self.accuracy[:-1, :-1]
        return float(np.mean(np.nanmax(past, axis=0) - self.accuracy[-1, :-1])) if past.size else 0.0

    @property
    def backward_transfer(self) -> float:
        """Mean over all tasks but the last of the accuracy at the end less that right after the task."""
        last = len(self.accuracy) - 1
        return float(np.mean(self.accuracy[-1, :last] - np.diagonal(self.accuracy)[:last])) if last else 0.0


def one_after_another(
    learner: Any, images: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray, tasks: list[list[int]],
    *, look: Any = None,
) -> Course:  # fmt: skip
    """Teach the classes of one task after the other; after each drop its images, let the learner sleep if it can, and test.

    Parameters
    ----------
    learner : Learner
    images : float [samples, pixels]
    labels : int [samples]
    train, test : int [...]
        Numbers of samples, the former in the order in which they are shown.
    tasks : list of list of int
        Classes of each task; each training image is seen in its task only.
    look : callable, optional
        Called with (task, what learn returned, what sleep returned) after each task.
    """
    accuracy, unreachable = np.full((len(tasks), len(tasks)), np.nan), True
    given = np.zeros(0, np.int64)
    for i, classes in enumerate(tasks):
        mine = train[np.isin(labels[train], classes)]
        shown = images[mine]
        gone = weakref.ref(shown)
        day = learner.learn(shown, labels[mine])
        del shown
        unreachable &= gone() is None
        night = learner.sleep() if hasattr(learner, "sleep") else None
        seen = test[np.isin(labels[test], [c for one in tasks[: i + 1] for c in one])]
        given = learner.answer(images[seen]) == labels[seen]
        for j, others in enumerate(tasks[: i + 1]):
            accuracy[i, j] = given[np.isin(labels[seen], others)].mean()
        if look is not None:
            look(i, day, night)
    return Course(accuracy, float(given.mean()), unreachable)


class NearestMean:
    """Nearest class mean: the mean image of each class, and the class whose mean is nearest."""

    def __init__(self, pixels: int, classes: int) -> None:
        self.total, self.count = np.zeros((classes, pixels)), np.zeros(classes)

    def learn(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Add to the means."""
        np.add.at(self.total, labels, images)
        np.add.at(self.count, labels, 1.0)

    def _means(self) -> tuple[np.ndarray, np.ndarray]:
        seen = np.flatnonzero(self.count)
        return seen, self.total[seen] / self.count[seen, None]

    def answer(self, images: np.ndarray) -> np.ndarray:
        """The nearest."""
        seen, mean = self._means()
        return np.asarray(seen[((images[:, None] - mean) ** 2).sum(2).argmin(1)])

    def retained(self) -> dict[str, int]:
        """Means and counts."""
        numbers = self.total.size + self.count.size
        return {"samples": 0, "numbers": numbers, "bytes": FLOAT * numbers}


class StreamingLDA(NearestMean):
    """Linear discriminants from running class means and one running covariance within classes (Hayes & Kanan 2020).

    Parameters
    ----------
    shrinkage : float
        Share of the identity in the covariance that is inverted.
    """

    def __init__(self, pixels: int, classes: int, *, shrinkage: float = 1e-4) -> None:
        super().__init__(pixels, classes)
        self.shrinkage, self.scatter = shrinkage, np.zeros((pixels, pixels))

    def learn(self, images: np.ndarray, labels: np.ndarray) -> None:
        """One image after another: its distance from the mean so far of its class goes into the scatter (Welford)."""
        for image, label in zip(images, labels, strict=True):
            n = self.count[label]
            away = image - self.total[label] / max(n, 1.0)
            self.scatter += n / (n + 1.0) * np.outer(away, away)
            self.total[label] += image
            self.count[label] += 1.0

    def answer(self, images: np.ndarray) -> np.ndarray:
        """The largest discriminant."""
        seen, mean = self._means()
        covariance = self.scatter / self.count.sum()
        inverse = np.linalg.pinv((1.0 - self.shrinkage) * covariance + self.shrinkage * np.eye(len(covariance)))
        weight = mean @ inverse
        return np.asarray(seen[(images @ weight.T - 0.5 * (weight * mean).sum(1)).argmax(1)])

    def retained(self) -> dict[str, int]:
        """Means, counts, scatter."""
        numbers = self.total.size + self.count.size + self.scatter.size
        return {"samples": 0, "numbers": numbers, "bytes": FLOAT * numbers}


class Perceptron:
    """A multilayer perceptron of one hidden layer (ReLU), trained by gradient descent, with a replay buffer of some samples.

    Parameters
    ----------
    buffer : int
        Samples kept, as many of each class seen; 0 forgets. As many of them as new ones are in each batch.
    hidden, epochs, batch : int
    rate : float
        Of learning.
    scale : float
        By which images are divided.
    """

    def __init__(
        self, pixels: int, classes: int, *, buffer: int = 0, hidden: int = 200, epochs: int = 20, batch: int = 16, rate: float = 0.1,
        scale: float = 16.0, seed: int = 0,
    ) -> None:  # fmt: skip
        self.buffer = buffer if buffer == 0 else check_count("Perceptron.buffer", buffer)
        self.epochs, self.batch, self.rate, self.scale = epochs, batch, rate, scale
        if min(hidden, epochs, batch) < 1:
            raise ParameterError(
                f"Perceptron: hidden, epochs and batch must be at least 1, got {hidden}, {epochs}, {batch}"
            )
        self.rng = np.random.default_rng([seed, 92])
        sizes = (pixels, hidden, classes)
        self.weights = [self.rng.normal(0.0, np.sqrt(2.0 / a), (a, b)) for a, b in zip(sizes, sizes[1:], strict=False)]
        self.biases = [np.zeros(b) for b in sizes[1:]]
        self.kept = np.zeros((0, pixels)), np.zeros(0, np.int64)

    def learn(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Train on these and on the buffer, then renew the buffer."""
        for _ in range(self.epochs):
            order = self.rng.permutation(len(images))
            for low in range(0, order.size, self.batch):
                some = order[low : low + self.batch]
                x, y = images[some], labels[some]
                if len(self.kept[1]):
                    old = self.rng.integers(0, len(self.kept[1]), self.batch)
                    x, y = np.concatenate([x, self.kept[0][old]]), np.concatenate([y, self.kept[1][old]])
                self._step(x / self.scale, y)
        if self.buffer:
            self._keep(images, labels)

    def _step(self, x: np.ndarray, y: np.ndarray) -> None:
        """One step of gradient descent on the cross-entropy."""
        hidden = np.maximum(x @ self.weights[0] + self.biases[0], 0.0)
        out = hidden @ self.weights[1] + self.biases[1]
        out = np.exp(out - out.max(1, keepdims=True))
        error = out / out.sum(1, keepdims=True)
        error[np.arange(y.size), y] -= 1.0
        error /= y.size
        back = (error @ self.weights[1].T) * (hidden > 0)
        for k, (before, after) in enumerate(((x, back), (hidden, error))):
            self.weights[k] -= self.rate * before.T @ after
            self.biases[k] -= self.rate * after.sum(0)

    def _keep(self, images: np.ndarray, labels: np.ndarray) -> None:
        """As many random samples of each class as fit."""
        x, y = np.concatenate([self.kept[0], images]), np.concatenate([self.kept[1], labels])
        rank = np.zeros(y.size)
        for c in np.unique(y):
            rank[y == c] = self.rng.permutation(int((y == c).sum()))
        chosen = np.lexsort((self.rng.random(y.size), rank))[: self.buffer]
        self.kept = x[chosen], y[chosen]

    def answer(self, images: np.ndarray) -> np.ndarray:
        """The largest output."""
        hidden = np.maximum(images / self.scale @ self.weights[0] + self.biases[0], 0.0)
        return np.asarray((hidden @ self.weights[1] + self.biases[1]).argmax(1))

    def retained(self) -> dict[str, int]:
        """Weights, and samples with their labels."""
        numbers = sum(a.size for a in (*self.weights, *self.biases, *self.kept))
        return {"samples": len(self.kept[1]), "numbers": numbers, "bytes": FLOAT * numbers}


def rivals(pixels: int, classes: int, *, seed: int = 0, epochs: int = 20) -> dict[str, Any]:
    """Learners to compare with, by name: no samples kept, or a replay buffer.

    Parameters
    ----------
    seed : int
        Of the perceptrons.
    epochs : int
        How often they see the images of a task.
    """
    buffers = {
        f"replay {n}": Perceptron(pixels, classes, buffer=n, epochs=epochs, seed=seed) for n in (10, 20, 50, 100, 200)
    }
    naive = Perceptron(pixels, classes, epochs=epochs, seed=seed)
    return {
        "naive": naive,
        "nearest mean": NearestMean(pixels, classes),
        "streaming LDA": StreamingLDA(pixels, classes),
        **buffers,
    }


def ranked(
    rows: Mapping[str, Mapping[str, float]], name: str, *, beside: Sequence[str] = (), width: int = 3
) -> list[str]:
    """Whom a learner beats and to whom it loses, with the bytes that each keeps, a few in a line.

    Parameters
    ----------
    rows : dict of name to {"accuracy": share, "bytes": number}
    name : str
    beside : names
        Left out, as is the learner itself.
    width : int
        Learners in a line.

    Examples
    --------
    >>> ranked({"a": {"accuracy": 0.9, "bytes": 10}, "b": {"accuracy": 0.8, "bytes": 2000}}, "a")
    ['better than (bytes): b 0.800 (2,000)']
    """
    mine, lines = rows[name]["accuracy"], []
    others = {n: r for n, r in rows.items() if n != name and n not in beside}
    for verdict, beaten in (("better than", True), ("loses to", False)):
        some = [
            f"{n} {r['accuracy']:.3f} ({r['bytes']:,})" for n, r in others.items() if (r["accuracy"] < mine) == beaten
        ]
        lines += [f"{verdict} (bytes): " + ", ".join(some[k : k + width]) for k in range(0, len(some), width)]
    return lines
