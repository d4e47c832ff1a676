"""exp, log, pow and cosine for the dynamics: polynomials in plain arithmetic, the same in vector body and remainder.

Numba calls the C library once per element (about 10 ns) and its result differs between machines; these vectorise, and
give the same bits wherever IEEE arithmetic holds.  Error bounds are in the docstrings and in the tests.  Coefficients
without a closed form come from a Remez exchange in 50 digits, for the smallest largest error.
"""

import math
import struct

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from neurosim.kernels.compiled import JIT, scalar

_LOG2E = 1.4426950408889634
_LN2_HIGH = 0.693145751953125
_LN2_LOW = 1.4286068203094172e-06
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to an integer
_ROUND_BITS = np.int64(4843621399236968448)
_TWO_PI = 6.283185307179586
_F = np.float32
_ROUND_32 = _F(12582912.0)  # 1.5 * 2**23
# mantissa bits, bits of 1.0, bits of sqrt(1/2), by width
_LAYOUT = {32: (23, 0x3F800000, 0x3F3504F3), 64: (52, 0x3FF0000000000000, 0x3FE6A09E667F3BCD)}

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

    @intrinsic
    def parts_of(typingctx, value):
        """(e, m): value = 2**e m with m from sqrt(1/2) to below sqrt(2), both of value's type; for positive normal numbers."""
        if value not in (types.float32, types.float64):
            return None
        mantissa, one, root = _LAYOUT[value.bitwidth]
        integer = ir.IntType(value.bitwidth)

        def codegen(context, builder, signature, arguments):
            bits = builder.bitcast(arguments[0], integer)
            biased = builder.lshr(builder.add(bits, ir.Constant(integer, one - root)), ir.Constant(integer, mantissa))
            e = builder.sub(biased, ir.Constant(integer, one >> mantissa))
            m = builder.bitcast(builder.sub(bits, builder.shl(e, ir.Constant(integer, mantissa))), arguments[0].type)
            # the exponent as a float: put into the last bits of 2**mantissa (no conversion from 64 bits before AVX-512)
            big = (one >> mantissa) + mantissa << mantissa
            number = builder.bitcast(builder.or_(biased, ir.Constant(integer, big)), arguments[0].type)
            e = builder.fsub(number, ir.Constant(number.type, float(2**mantissa + (one >> mantissa))))
            return context.make_tuple(builder, signature.return_type, [e, m])

        return types.UniTuple(value, 2)(value), codegen

    @intrinsic
    def scaled(typingctx, value, shifted):
        """2**k value, for a k given as k + 1.5 * 2**(23 or 52); nonsense where value or result is not a normal number."""
        if value not in (types.float32, types.float64) or shifted != value:
            return None
        mantissa = _LAYOUT[value.bitwidth][0]
        integer = ir.IntType(value.bitwidth)

        def codegen(context, builder, signature, arguments):
            bits, k = (builder.bitcast(argument, integer) for argument in arguments)
            total = builder.add(bits, builder.shl(k, ir.Constant(integer, mantissa)))
            return builder.bitcast(total, arguments[0].type)

        return value(value, value), codegen

else:

    def bits_of(value):
        """The 64 bits of a float64, as int64."""
        return struct.unpack("<q", struct.pack("<d", value))[0]

    def float_of(bits):
        """The float64 with these 64 bits (an int64)."""
        return struct.unpack("<d", struct.pack("<q", int(bits)))[0]

    def parts_of(value):
        """(e, m): value = 2**e m with m from sqrt(1/2) to below sqrt(2), both of value's type."""
        m, e = math.frexp(value)
        single = isinstance(value, np.float32)
        if m < (_F(0.70710677) if single else 0.7071067811865476):
            m, e = 2.0 * m, e - 1
        return (_F(e), _F(m)) if single else (float(e), m)

    def scaled(value, shifted):
        """2**k value, for a k given as k + 1.5 * 2**(23 or 52)."""
        if not math.isfinite(shifted):
            return value
        single = isinstance(value, np.float32)
        k = int(shifted - (_ROUND_32 if single else _ROUND))
        if abs(k) > 1024:
            return value
        result = math.ldexp(value, k) if k < 1024 else 2.0 * math.ldexp(value, k - 1)
        with np.errstate(over="ignore"):
            return _F(result) if single else result


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
    """x**y for finite x >= 0, relative error below 3e-16 max(1, |y|); a result below 2.2e-308 is 0.

    0**y is 0 for y > 0, 1 for y == 0 and infinite for y < 0.  A negative x counts as 0; NaN stays NaN.
    """
    x, y = np.float64(x), np.float64(y)
    tiny = x < 2.2250738585072014e-308
    e, m = parts_of(x * 18014398509481984.0 if tiny else x)
    e = e - 54.0 if tiny else e
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    zz = z * z  # two chains each: a long one waits for itself
    p = 0.22091114605318687  # log2(m) = s p(s**2)
    p = p * zz + 0.3205985333413726
    p = p * zz + 0.5770780163454409
    p = p * zz + 2.8853900817779268
    o = 0.21367777774150043
    o = o * zz + 0.2623344309095754
    o = o * zz + 0.41219858585708946
    o = o * zz + 0.9617966939259899
    p = o * z + p
    # y log2(x) as a multiple of a power of two without error, and a small rest
    c = y * 2049.0
    front = c - (c - y)  # the first 42 bits of y
    exact = front * e
    rest = (y - front) * e + y * (s * p)
    total = exact + rest
    shifted = total + _ROUND
    f = (exact - (shifted - _ROUND)) + rest
    ff = f * f
    q = 4.457336213890792e-10  # 2**f = 1 + f q(f)
    q = q * ff + 1.0178046863119183e-07
    q = q * ff + 1.525273386636155e-05
    q = q * ff + 0.0013333558146380604
    q = q * ff + 0.055504108664821736
    q = q * ff + 0.6931471805599453
    o = 7.0737720229774755e-09
    o = o * ff + 1.3215435386780693e-06
    o = o * ff + 0.00015403530456788863
    o = o * ff + 0.009618129107594516
    o = o * ff + 0.2402265069591013
    q = o * f + q
    value = scaled(1.0 + f * q, shifted)
    value = value if total >= -1022.0 else 0.0
    value = value if total < 1024.0 else np.inf
    at_zero = np.inf if y < 0.0 else (1.0 if y == 0.0 else 0.0)
    return value if x > 0.0 else at_zero + (x - x)


@scalar
def power_float32(x, y):
    """x**y as `power`, all in float32: relative error below 1.6e-7 max(1, |y|); a result below 1.2e-38 is 0.

    Arguments are rounded to float32 first.
    """
    x, y = _F(x), _F(y)
    tiny = x < _F(1.1754944e-38)
    e, m = parts_of(x * _F(16777216.0) if tiny else x)
    e = e - _F(24.0) if tiny else e
    r = m - _F(1.0)
    rr = r * r
    p = _F(0.1256958395242691)  # log2(1 + r) = r p(r)
    p = p * rr + _F(0.2171332687139511)
    p = p * rr + _F(0.28769388794898987)
    p = p * rr + _F(0.4809206426143646)
    p = p * rr + _F(1.442694902420044)
    o = _F(-0.2100600004196167)
    o = o * rr + _F(-0.23855072259902954)
    o = o * rr + _F(-0.360720157623291)
    o = o * rr + _F(-0.7213471531867981)
    p = o * r + p
    c = y * _F(257.0)
    front = c - (c - y)  # the first 16 bits of y
    exact = front * e
    rest = (y - front) * e + y * (r * p)
    total = exact + rest
    shifted = total + _ROUND_32
    f = (exact - (shifted - _ROUND_32)) + rest
    ff = f * f
    q = _F(0.001339987968094647)  # 2**f = 1 + f q(f)
    q = q * ff + _F(0.05550329387187958)
    q = q * ff + _F(0.6931471824645996)
    o = _F(0.00015476268890779465)
    o = o * ff + _F(0.009618003852665424)
    o = o * ff + _F(0.24022650718688965)
    q = o * f + q
    value = scaled(_F(1.0) + f * q, shifted)
    value = value if total >= _F(-126.0) else _F(0.0)
    value = value if total < _F(128.0) else _F(np.inf)
    at_zero = _F(np.inf) if y < _F(0.0) else (_F(1.0) if y == _F(0.0) else _F(0.0))
    return value if x > _F(0.0) else at_zero + (x - x)


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
