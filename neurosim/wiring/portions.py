"""Edges of a rule portion by portion, a range of targets at a time, so that they are never in memory all at once.

Only rules that draw each target by itself, in order: there the portions one after the other are what the whole draw gives.
"""

from collections.abc import Iterator

import numpy as np

from neurosim.wiring.rules import AllToAll, Edges, FixedIndegree, Random, Rule

#: Edges that a portion holds, about.
PORTION = 1 << 19


def in_portions(rule: Rule) -> bool:
    """Whether the edges of a rule can be drawn a range of targets at a time."""
    return isinstance(rule, Random | FixedIndegree | AllToAll)


def portions(
    rule: Rule, key: int, pre_uid: np.ndarray, post_uid: np.ndarray, same: bool, autapses: bool, parallel: bool, expected: float,
) -> Iterator[Edges]:  # fmt: skip
    """The edges of `rule.draw` with these arguments, in portions of about PORTION; `expected` is how many there are about."""
    step = max(1, int(post_uid.size * min(1.0, PORTION / max(expected, 1.0))))
    for first in range(0, post_uid.size, step):
        part = post_uid[first : first + step]
        edges = rule.draw(key, pre_uid.size, part.size, pre_uid, part, same, autapses, parallel)
        yield Edges(edges.pre, edges.post + np.int32(first))
