"""Where an axis has ticks, and what stands at them; text alone, no formulas to be set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_STRIDES = (1, 2, 3, 5, 10, 20, 50, 100, 200)  # decades from one tick to the next
_FEW = 4  # decades within which each has its small ticks


class Scale(NamedTuple):
    """places, words: of the ticks that have words. small: where the others stand."""

    places: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    small: tuple[float, ...] = ()


def even(low: float, high: float, most: int) -> Scale:
    """At most so many ticks, but at least 2, at the multiples of 1, 2 or 5 times a power of ten.

    >>> even(0.0, 10_500.0, 6).words, even(-0.5, 0.25, 4).words, even(0.0, 4e7, 3).words
    (('0', '2000', '4000', '6000', '8000', '10000'), ('−0.4', '−0.2', '0', '0.2'),
     ('0', '2·10⁷', '4·10⁷'))
    """
    rough = math.floor(math.log10((high - low) / max(most, 2)))
    power, digit, counts = rough, 1, range(0)
    for coarser in range(9):
        next_power, next_digit = rough + coarser // 3, (1, 2, 5)[coarser % 3]
        step = next_digit * 10.0**next_power
        found = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
        if len(found) < 2 <= len(counts):
            break
        power, digit, counts = next_power, next_digit, found
        if len(counts) <= most:
            break
    # 10^-power is exact in print where 10^power is not: 3 · 0.1 is no tick.
    places = [n * digit / 10.0**-power if power < 0 else n * digit * 10.0**power for n in counts]
    return Scale(tuple(places), tuple(_even_words(places, power)))


def decades(low: float, high: float, most: int) -> Scale:
    """At most so many ticks, but at least 2, on an axis by powers of ten: at every, every second,
    third, fifth, tenth … power; at 1, 2 and 5 times a power where there are less than three;
    evenly on an axis that is too short for these.

    >>> decades(1e-31, 2.0, 7).words
    ('10⁻³⁰', '10⁻²⁵', '10⁻²⁰', '10⁻¹⁵', '10⁻¹⁰', '10⁻⁵', '1')
    >>> decades(0.3, 40.0, 6).words, decades(2.1, 2.9, 3).words
    (('0.5', '1', '2', '5', '10', '20'), ('2.2', '2.4', '2.6', '2.8'))
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 2:
        return _short(low, high, most, first - 1, last + 1)
    for stride in _STRIDES:
        powers = range(-(-first // stride) * stride, last + 1, stride)
        if len(powers) <= max(most, 2):
            break
    if len(powers) < 2:
        powers = range(first, last + 1, last - first)
    if powers.step > 1:
        small = [10.0**power for power in range(first, last + 1) if power not in powers]
    else:
        small = _digits(range(2, 10), range(first - 1, last + 1), low, high)
    plain = powers[0] >= -2 and powers[-1] <= 3
    return Scale(
        tuple(10.0**power for power in powers),
        tuple(_plain(10.0**power) if plain else power_of_ten(power) for power in powers),
        tuple(small if len(small) <= 9 * _FEW else ()),
    )


def power_of_ten(power: int) -> str:
    """
    >>> power_of_ten(-10), power_of_ten(1), power_of_ten(0)
    ('10⁻¹⁰', '10', '1')
    """
    return {0: "1", 1: "10"}.get(power, "10" + str(power).translate(_RAISED))


def _short(low: float, high: float, most: int, first: int, last: int) -> Scale:
    places = _digits((1, 2, 5), range(first, last + 1), low, high)
    if len(places) < 3:
        return even(low, high, most)
    while len(places) > max(most, 2):
        places = places[::2]
    small = _digits(range(2, 10), range(first, last + 1), low, high)
    return Scale(
        tuple(places),
        tuple(map(_plain, places)),
        tuple(place for place in small if place not in places),
    )


def _digits(digits: Sequence[int], powers: range, low: float, high: float) -> list[float]:
    """The digits times the powers of ten between low and high, from below to above."""
    found = (digit * 10.0**power for power in powers for digit in digits)
    return [place for place in found if low * (1 - 1e-9) <= place <= high * (1 + 1e-9)]


def _plain(value: float) -> str:
    """One digit, times a power of ten where it would be long.

    >>> _plain(0.05), _plain(2e-8), _plain(1e-8)
    ('0.05', '2·10⁻⁸', '10⁻⁸')
    """
    power = math.floor(math.log10(value) + 1e-9)
    if -3 <= power <= 4:
        return f"{value:.{max(0, -power)}f}"
    digit = round(value / 10.0**power)
    return power_of_ten(power) if digit == 1 else f"{digit}·{power_of_ten(power)}"


def _even_words(places: Sequence[float], power: int) -> list[str]:
    """Decimals as far as the ticks differ; where they would be long, times one power of ten.

    >>> _even_words([-1e-9, 0.0, 5e-10], -10), _even_words([-1e-9, 0.0], -9)
    (['−1.0·10⁻⁹', '0', '0.5·10⁻⁹'], ['−10⁻⁹', '0'])
    """
    largest = max(map(abs, places), default=0.0)
    of_largest = math.floor(math.log10(largest) + 1e-9) if largest else 0
    if -4 <= of_largest <= 5:
        return [_signed(place, max(0, -power)) for place in places]
    factor, decimals = power_of_ten(of_largest), max(0, of_largest - power)
    found = [_signed(place / 10.0**of_largest, decimals) for place in places]
    alone = {"0": "0", "1": factor, "−1": f"−{factor}"}
    return [alone.get(word, f"{word}·{factor}") for word in found]


def _signed(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}".replace("-", "−") if value else "0"
