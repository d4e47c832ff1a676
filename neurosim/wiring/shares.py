"""Rules that count by source or in total, drawn for some of the targets: in parts, of which only their edges are kept.

Knows the rules of `rules.py` and how they draw; gives what `Rule.draw` gives, without the edges onto other targets.
"""

from __future__ import annotations

import numpy as np

from neurosim.wiring.rules import Edges, FixedOutdegree, FixedTotal, Rule, _Request, _sorted_by, _sorted_pairs

PART = 1 << 22  # edges that are drawn at once


def share(
    rule: Rule, mine: np.ndarray, key: int, pre_uid: np.ndarray, post_uid: np.ndarray, same: bool, autapses: bool, parallel: bool
) -> Edges | None:  # fmt: skip
    """The edges onto the targets `mine` (bool [targets]), in the order of `Rule.draw`; None if the rule is not drawn in parts."""
    ask = _Request(np.uint64(key), pre_uid.size, post_uid.size, pre_uid, post_uid, same, autapses, parallel, None, None)
    if isinstance(rule, FixedTotal) and parallel and rule.n > PART:
        return _total(rule, mine, ask)
    if isinstance(rule, FixedOutdegree) and rule.k * pre_uid.size > PART and rule.k > 0:
        return _outdegree(rule, mine, key, ask)
    return None


def _total(rule: FixedTotal, mine: np.ndarray, ask: _Request) -> Edges | None:
    from neurosim.kernels.wiring import draw_total

    own = ask.own()
    if ask.n_pre * ask.n_post == int((own >= 0).sum()):
        return None  # no pair at all: the rule itself says so
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    draw = 0
    for at in range(0, rule.n, PART):
        pre, post = (np.empty(min(PART, rule.n - at), np.int32) for _ in range(2))
        draw = draw_total(ask.n_pre, own, ask.key, draw, pre, post)
        hit = mine[post]
        kept.append((pre[hit], post[hit]))
    pre, post = (np.concatenate(part) for part in zip(*kept, strict=True))
    return Edges(*_sorted_pairs(pre, post, ask.n_pre, ask.n_post))


def _outdegree(rule: FixedOutdegree, mine: np.ndarray, key: int, ask: _Request) -> Edges:
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    many = max(1, PART // rule.k)
    for at in range(0, ask.n_pre, many):
        uid = ask.pre_uid[at : at + many]
        some = rule.draw(key, uid.size, ask.n_post, uid, ask.post_uid, ask.same, ask.autapses, ask.parallel)
        hit = mine[some.post]
        kept.append((some.pre[hit] + np.int32(at), some.post[hit]))
    pre, post = (np.concatenate(part) for part in zip(*kept, strict=True))
    post, pre = _sorted_by(post, pre, ask.n_post)
    return Edges(pre, post)
