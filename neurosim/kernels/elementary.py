"""Further elementary functions of the dynamics, built from `mathematics`: the same bits everywhere, and vectorised."""

import numpy as np

from neurosim.kernels.compiled import scalar
from neurosim.kernels.mathematics import bits_of, cos_turns, float_of

_LOG2E = 1.4426950408889634
_LN2_HIGH = 0.693145751953125
_LN2_LOW = 1.4286068203094172e-06
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to an integer
_ROUND_BITS = np.int64(4843621399236968448)
_PER_TURN = 0.15915494309189535  # 1 / (2 pi)


@scalar
def expm1(x):
    """e**x - 1 within 4 units in the last place, also near 0; -1 below -708, expm1(709) above 709.  NaN stays NaN."""
    y = min(max(x, -708.5), 709.0)
    shifted = y * _LOG2E + _ROUND
    k = shifted - _ROUND
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.6059043836821613e-10  # 1/13!, 1/12!, ... : Taylor on |r| <= ln(2)/2
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    p = p * r + 0.5
    q = p * r * r + r  # e**r - 1
    scale = float_of(np.int64((bits_of(shifted) - _ROUND_BITS + np.int64(1023)) << np.int64(52)))
    return ((scale - 1.0) + scale * q if x > -708.0 else -1.0) if x == x else x


@scalar
def exprel(x):
    """(e**x - 1) / x, and 1 at 0: what the rates of ion channels need at their singular voltage."""
    return 1.0 if abs(x) <= 1e-16 else expm1(x) / x


@scalar
def tanh(x):
    """Hyperbolic tangent, within 8 units in the last place."""
    e = expm1(-2.0 * abs(x))
    size = -e / (e + 2.0)
    return size if x >= 0.0 else -size


@scalar
def sin(x):
    """Sine of an angle in radians, absolute error below 1e-15 (1 + |x|)."""
    return cos_turns(x * _PER_TURN - 0.25)


@scalar
def cos(x):
    """Cosine of an angle in radians, absolute error below 1e-15 (1 + |x|)."""
    return cos_turns(x * _PER_TURN)
