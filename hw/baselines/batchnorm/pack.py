"""The parts of a float32 in hardware, and the one place where results are rounded."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from golden.spec.floats import FloatFormat

FLOAT_BITS = 32
FRACTION_BITS = 23
SIGNIFICAND_BITS = 24
BIAS = 127
NAN = 0x7FC00000
INFINITY_MAGNITUDE = 0x7F800000


@dataclass(frozen=True)
class Parts:
    """A float32 or bfloat16 taken apart.

    Parameters
    ----------
    significand: with the leading one; zero where the exponent is zero: there are no denormals.
    zero, infinite, nan: what kind it is.
    """

    sign: Value
    exponent: Value
    significand: Value
    zero: Value
    infinite: Value
    nan: Value


def parts(value: Value) -> Parts:
    """The parts of an element with 8 exponent bits below its sign."""
    fraction, exponent, sign = value[:-9], value[-9:-1], value[-1]
    zero = exponent == 0
    top = exponent.all()
    significand = Cat(Mux(zero, 0, fraction), ~zero)
    return Parts(sign, exponent, significand, zero, top & ~fraction.any(), top & fraction.any())


def pack(m: Module, sign: Value, exponent: Value, digits: Value, infinite: Value, nan: Value) -> Signal:
    """A float32, rounded to nearest, ties to even.

    Parameters
    ----------
    exponent: biased, signed, of the top digit.  digits: the magnitude, its leading one on top, at least
        25 of them, the lowest one sticky; without the leading one the result is zero.
    infinite, nan: the result whatever the digits say; nan wins.

    A magnitude below 2**-126 before it is rounded becomes zero.
    """
    low = len(digits) - SIGNIFICAND_BITS
    result = Signal(FLOAT_BITS)
    rounded = Signal(FLOAT_BITS)
    wide = Signal(signed(10))
    kept = digits[low:]
    up = digits[low - 1] & ((digits[: low - 1].any() if low > 1 else Const(0)) | kept[0])
    m.d.comb += [
        wide.eq(exponent),
        # A carry out of the fraction goes into the exponent, as it should.
        rounded.eq(Cat(kept[:FRACTION_BITS], wide[:8]) + up),
    ]
    with m.If(nan):
        m.d.comb += result.eq(NAN)
    with m.Elif(infinite | (digits[-1] & ((wide >= 255) | ((wide > 0) & rounded[23:31].all())))):
        m.d.comb += result.eq(Cat(Const(INFINITY_MAGNITUDE, 31), sign))
    with m.Elif(~digits[-1] | (wide <= 0)):
        m.d.comb += result.eq(Cat(Const(0, 31), sign))
    with m.Else():
        m.d.comb += result.eq(Cat(rounded[:31], sign))
    return result


def narrow(m: Module, value: Value, fmt: FloatFormat) -> Value:
    """A float32 that came out of `pack`, rounded to an element.

    Golden: `golden.baselines.batchnorm.floats.narrow`.  NaN and infinities end in zeros and stay so.
    """
    drop = FLOAT_BITS - fmt.bits
    if not drop:
        return value
    result = Signal(fmt.bits)
    up = value[drop - 1] & (value[: drop - 1].any() | value[drop])
    m.d.comb += result.eq(value[drop:] + up)
    return result


def widen(value: Value, fmt: FloatFormat) -> Value:
    """An element as float32."""
    return Cat(Const(0, FLOAT_BITS - fmt.bits), value)
