"""exp, log, pow and cosine for the dynamics: polynomials in plain arithmetic, the same in vector body and remainder.

Numba calls the C library once per element (about 10 ns) and its result differs between machines; these vectorise, and
give the same bits wherever IEEE double arithmetic holds.  Error bounds are in the docstrings and in the tests.
"""

import struct

import numpy as np
from numba import types
from numba.extending import intrinsic

from neurosim.kernels.compiled import JIT, scalar

_LOG2E = 1.4426950408889634
_LN2_HIGH = 0.693145751953125
_LN2_LOW = 1.4286068203094172e-06
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to an integer
_ROUND_BITS = np.int64(4843621399236968448)
_TWO_PI = 6.283185307179586

if JIT:

    @intrinsic
    def bits_of(typingctx, value):
        """The 64 bits of a float64, as int64."""
        if value != types.float64:
            return None
        return types.int64(types.float64), lambda context, builder, signature, arguments: builder.bitcast(
            arguments[0], context.get_value_type(types.int64)
        )

    @intrinsic
    def float_of(typingctx, bits):
        """The float64 with these 64 bits (an int64)."""
        if bits != types.int64:
            return None
        return types.float64(types.int64), lambda context, builder, signature, arguments: builder.bitcast(
            arguments[0], context.get_value_type(types.float64)
        )

else:

    def bits_of(value):
        """The 64 bits of a float64, as int64."""
        return struct.unpack("<q", struct.pack("<d", value))[0]

    def float_of(bits):
        """The float64 with these 64 bits (an int64)."""
        return struct.unpack("<d", struct.pack("<q", int(bits)))[0]


@scalar
def exp(x):
    """e**x within 2 units in the last place for -708 < x <= 709; from -708 down it is 0 (no subnormals), above it stays at exp(709).

    NaN stays NaN.
    """
    y = min(max(x, -708.5), 709.0)
    shifted = y * _LOG2E + _ROUND
    k = shifted - _ROUND
    r = (y - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.6059043836821613e-10  # 1/13!, 1/12!, ... : Taylor on |r| <= ln(2)/2, next term 4e-18
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
    p = p * r * r + r + 1.0
    scale = float_of(np.int64((bits_of(shifted) - _ROUND_BITS + np.int64(1023)) << np.int64(52)))
    return (p * scale if x > -708.0 else 0.0) if x == x else x


@scalar
def log(x):
    """Natural logarithm of a positive normal float64, within 3e-16 relative to max(1, |log x|).

    Zero, negative and subnormal numbers are the caller's to avoid.
    """
    bits = bits_of(x)
    exponent = np.float64((bits >> np.int64(52)) - np.int64(1023))
    m = float_of(np.int64((bits & np.int64(0x000FFFFFFFFFFFFF)) | np.int64(0x3FF0000000000000)))
    high = m > 1.4142135623730951
    m = 0.5 * m if high else m
    exponent = exponent + 1.0 if high else exponent
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    p = 1.0 / 19.0  # atanh series: 2 s (1 + z/3 + z**2/5 + ...), |s| <= 0.1716
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    return exponent * _LN2_HIGH + (exponent * _LN2_LOW + 2.0 * s * z * p + 2.0 * s)


@scalar
def power(x, y):
    """x**y for x > 0 as exp(y log x), relative error about 2e-16 (2 + |y log x|); 0**y is 0 for y > 0 and 1 for y == 0."""
    safe = x if x > 1e-300 else 1.0
    value = exp(y * log(safe))
    return value if x > 1e-300 else (1.0 if y == 0.0 else 0.0)


@scalar
def cos_turns(u):
    """cos(2 pi u) for |u| <= 2**31, within 7e-16 absolute."""
    turns = (u + _ROUND) - _ROUND
    x = (u - turns) * _TWO_PI  # in [-pi, pi]
    q = 0.25 * x * x  # cos x = 2 cos(x/2)**2 - 1, |x/2| <= pi/2
    p = 4.110317623312165e-19  # (-1)**k / (2k)!
    p = -1.5619206968586225e-16 + p * q
    p = 4.779477332387385e-14 + p * q
    p = -1.1470745597729725e-11 + p * q
    p = 2.08767569878681e-09 + p * q
    p = -2.755731922398589e-07 + p * q
    p = 2.48015873015873e-05 + p * q
    p = -0.001388888888888889 + p * q
    p = 0.041666666666666664 + p * q
    p = -0.5 + p * q
    c = 1.0 + p * q
    return 2.0 * c * c - 1.0


@scalar
def normal_of(bits):
    """A standard normal number from 64 random bits (Box & Muller 1958); at most 6.77 in size."""
    u = (np.float64(bits >> np.uint64(32)) + 0.5) * (1.0 / 4294967296.0)
    v = np.float64(bits & np.uint64(0xFFFFFFFF)) * (1.0 / 4294967296.0)
    return np.sqrt(-2.0 * log(u)) * cos_turns(v)
