"""Mathematical builtins. Results that are not finite are errors."""

import math
from collections.abc import Callable
from typing import Final

from tidemill.expressions.budget import Run
from tidemill.expressions.numbers import checked
from tidemill.expressions.values import described, raised
from tidemill.json import Json

_EXPONENT_MAX: Final = 10_000


def _number(value: Json) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise raised(f"{described(value)} number required")
    return value


def _result(calculate: Callable[..., float], *arguments: Json) -> Json:
    numbers = [_number(argument) for argument in arguments]
    try:
        return checked(calculate(*numbers))
    except (ValueError, OverflowError, ZeroDivisionError):
        raise raised("a calculation gives no finite number") from None


def _unary(calculate: Callable[[float], float]) -> Callable[[Run, Json], Json]:
    return lambda run, value: _result(calculate, value)


def _binary(calculate: Callable[[float, float], float]) -> Callable[[Run, Json, Json, Json], Json]:
    return lambda run, _, left, right: _result(calculate, left, right)


def _whole(rounding: Callable[[float], float]) -> Callable[[Run, Json], Json]:
    """Rounding leaves integers as they are, and doubles too large to have a fraction."""

    def calculate(value: float) -> float:
        return value if isinstance(value, int) else float(rounding(value))

    return lambda run, value: _result(calculate, value)


def _round_half_away(value: float) -> float:
    return math.copysign(math.floor(abs(value) + 0.5), value) if abs(value) < 2.0**52 else value


def _exponent(value: float) -> float:
    if value == 0:
        raise ValueError
    return math.frexp(value)[1] - 1


def _significand(value: float) -> float:
    return value if value == 0 else math.frexp(value)[0] * 2


def _scale(value: float, exponent: float) -> float:
    return math.ldexp(value, int(max(min(exponent, _EXPONENT_MAX), -_EXPONENT_MAX)))


def _scale_by_whole(value: float, exponent: float) -> float:
    if exponent != int(exponent):
        raise ValueError
    return _scale(value, exponent)


def _frexp(run: Run, value: Json) -> Json:
    mantissa, exponent = math.frexp(_number(value))
    return [checked(mantissa), exponent]


def _modf(run: Run, value: Json) -> Json:
    fraction, whole = math.modf(_number(value))
    return [checked(fraction), checked(whole)]


def _lgamma_r(run: Run, value: Json) -> Json:
    number = _number(value)
    negative = number < 0 and math.floor(number) % 2 != 0
    return [_result(math.lgamma, number), -1 if negative else 1]


FUNCTIONS: Final[dict[str, Callable[..., Json]]] = {
    "floor/0": _whole(math.floor),
    "ceil/0": _whole(math.ceil),
    "trunc/0": _whole(math.trunc),
    "round/0": _whole(_round_half_away),
    "rint/0": _whole(round),
    "nearbyint/0": _whole(round),
    "fabs/0": _unary(abs),
    "sqrt/0": _unary(math.sqrt),
    "cbrt/0": _unary(math.cbrt),
    "exp/0": _unary(math.exp),
    "exp2/0": _unary(math.exp2),
    "exp10/0": _unary(lambda value: math.pow(10, value)),
    "expm1/0": _unary(math.expm1),
    "log/0": _unary(math.log),
    "log2/0": _unary(math.log2),
    "log10/0": _unary(math.log10),
    "log1p/0": _unary(math.log1p),
    "logb/0": _unary(_exponent),
    "significand/0": _unary(_significand),
    "gamma/0": _unary(math.lgamma),
    "lgamma/0": _unary(math.lgamma),
    "lgamma_r/0": _lgamma_r,
    "tgamma/0": _unary(math.gamma),
    "frexp/0": _frexp,
    "modf/0": _modf,
    "erf/0": _unary(math.erf),
    "erfc/0": _unary(math.erfc),
    "sin/0": _unary(math.sin),
    "cos/0": _unary(math.cos),
    "tan/0": _unary(math.tan),
    "asin/0": _unary(math.asin),
    "acos/0": _unary(math.acos),
    "atan/0": _unary(math.atan),
    "sinh/0": _unary(math.sinh),
    "cosh/0": _unary(math.cosh),
    "tanh/0": _unary(math.tanh),
    "asinh/0": _unary(math.asinh),
    "acosh/0": _unary(math.acosh),
    "atanh/0": _unary(math.atanh),
    "pow/2": _binary(math.pow),
    "atan2/2": _binary(math.atan2),
    "fmin/2": _binary(min),
    "fmax/2": _binary(max),
    "fmod/2": _binary(math.fmod),
    "fdim/2": _binary(lambda left, right: max(left - right, 0)),
    "hypot/2": _binary(math.hypot),
    "copysign/2": _binary(math.copysign),
    "drem/2": _binary(math.remainder),
    "remainder/2": _binary(math.remainder),
    "nextafter/2": _binary(math.nextafter),
    "nexttoward/2": _binary(math.nextafter),
    "ldexp/2": _binary(_scale),
    "scalb/2": _binary(_scale_by_whole),
    "scalbln/2": _binary(_scale),
    "fma/3": lambda run, _, one, two, three: _result(lambda x, y, z: x * y + z, one, two, three),
}
