"""A natural logarithm with the same bits on every machine.

Libraries compute it in different ways on different processors, and the last digit may differ. This one consists of
additions, multiplications and divisions in float64, whose rounding IEEE 754 fixes. The method is that of fdlibm's
`e_log.c` (Sun Microsystems, 1993), with an error below one unit in the last place: so it never falls between two
numbers of float32.
"""

import numpy as np
from numpy.typing import NDArray

LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""Two parts of ln 2; the first has so few digits that its product with an exponent is exact."""

SERIES = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
"""Coefficients of `(ln((1 + s) / (1 - s)) - 2 s) / s` in powers of `s^2`, from the first."""

ROOT_HALF = 0.7071067811865476


def natural_logarithm(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the natural logarithms of numbers that are not negative; minus infinity of 0."""
    mantissa, exponent = np.frexp(values)
    low = mantissa < ROOT_HALF
    mantissa = np.where(low, 2 * mantissa, mantissa)
    power = (exponent - low).astype(np.float64)
    f = mantissa - 1
    s = f / (2 + f)
    z = s * s
    series = np.full_like(f, SERIES[-1])
    for coefficient in SERIES[-2::-1]:
        series = series * z + coefficient
    half = 0.5 * f * f
    result: NDArray[np.float64] = power * LN2_HIGH - ((half - (s * (half + series * z) + power * LN2_LOW)) - f)
    return np.where(values > 0, result, -np.inf)
