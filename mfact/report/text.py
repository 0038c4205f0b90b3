"""Numbers, names and symbols as text that any terminal can show."""

from __future__ import annotations

import math
import re
from typing import Any

from mfact.words import known_digits, shown

_SYMBOLS = {
    "‖": "||", "½": "1/2", "⅛": "1/8", "ᵀ": "'", "×": "x", "·": "*", "√": "sqrt", "∇": "grad",
    "≤": "<=", "≥": ">=", "≈": "~", "→": "->", "∞": "inf", "±": "+-", "∈": "in", "⟨": "<", "⟩": ">",
    "σ": "sigma", "Σ": "sum", "λ": "lambda", "η": "eta", "ε": "eps", "δ": "delta", "κ": "kappa",
    "τ": "tau", "β": "beta", "Δ": "Delta", "Φ": "Phi", "Ψ": "Psi", "ζ": "zeta", "φ": "phi",
    "…": "...", "–": "-", "—": "-", "−": "-", "’": "'", "‘": "'", "“": '"', "”": '"',
    "─": "-", "━": "=", "│": "|", "█": "#", "▌": "#", "é": "e",
    "ℓ": "l", "∂": "d", "μ": "mu",
}  # fmt: skip
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ᵢᵣ", "0123456789+-ir")
_RUNS = re.compile("([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)|([₀₁₂₃₄₅₆₇₈₉₊₋ᵢᵣ]+)")
_GREEK = re.compile("([σΣληεδκτβΔΦΨζφ√∇])(?=[A-Za-zα-ωΑ-Ω])")
_TABLE = str.maketrans(_SYMBOLS)


def ascii_text(text: str) -> str:
    r"""The same text in ASCII: each symbol spelled out, anything else as an escape.

    >>> ascii_text("‖UVᵀ − M‖ ≤ 10⁻³σ₁")
    "||UV' - M|| <= 10^-3sigma_1"
    >>> ascii_text("1 − ησ_r, Σ_{i>r}σ_i², ∇f, √r")
    '1 - eta sigma_r, sum_{i>r}sigma_i^2, grad f, sqrt r'
    >>> ascii_text("naïve")
    'na\\xefve'
    """
    text = _RUNS.sub(
        lambda run: "^" + run[1].translate(_RAISED) if run[1] else "_" + run[2].translate(_LOWERED),
        text,
    )
    text = _GREEK.sub(r"\1 ", text)  # ησ is two names
    return text.translate(_TABLE).encode("ascii", "backslashreplace").decode("ascii")


def number(value: Any, digits: int = 6) -> str:
    """A value of any JSON kind, in the fewest characters that keep `digits` digits.

    >>> number(0.00012345678), number(3), number(None), number(float("nan")), number(True)
    ('0.000123457', '3', '-', 'nan', 'yes')
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return shown(value)
    if isinstance(value, float):
        return f"{value:.{digits}g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(number(item, digits) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{k} {number(v, digits)}" for k, v in value.items())
    return str(value)


def share_text(share: float) -> str:
    """A share in percent, its digits cut and not rounded: 100 % is all, and nothing less.

    >>> share_text(0.95318), share_text(0.9999999), share_text(1.0), share_text(-3e5)
    ('95.31 %', '99.99 %', '100 %', '-3e+07 %')
    """
    if not -100 <= share < 1:
        return f"{100 * share:.4g} %"
    return f"{math.floor(1e4 * share) / 100:.2f} %"


def measured(value: float, error: float, digits: int = 6) -> str:
    """A value that is known to ± error, in no more digits than that.

    >>> measured(9.51439, 0.17), measured(9.51439, 1e-9), measured(0.1, 0.3), measured(2.0, 0.0)
    ('9.5 ± 0.2', '9.51439', 'at most 0.4', '2')
    """
    known = known_digits(value, error, digits)
    if known == 0:
        return f"at most {number(value + error, 2)}"
    return number(value, known) + (f" ± {number(error, 1)}" if known < digits else "")


def exponent(value: float) -> str:
    """A number of a column: four digits, always ten characters or fewer.

    >>> exponent(0.0123456), exponent(float("nan")), exponent(0.0), exponent(-1e-300)
    ('1.235e-02', '-', '0', '-1.000e-300')
    """
    if math.isnan(value):
        return "-"
    return "0" if value == 0 else f"{value:.3e}"


def step_text(step: float, log10_step: float = math.nan) -> str:
    """A step number, as a power of ten where it is too large to be written.

    >>> step_text(1500.0), step_text(float("inf"), 12890.25)
    ('1500', '10^12890.25')
    """
    if math.isfinite(step) and abs(step) < 1e15:
        return str(int(step))
    if math.isfinite(log10_step):
        return f"10^{log10_step:.2f}"
    return f"10^{math.log10(step):.2f}" if math.isfinite(step) else "-"


def duration(seconds: float) -> str:
    """A time span, three digits or whole seconds.

    >>> duration(0.01234), duration(75), duration(7384), duration(float("inf"))
    ('0.0123 s', '1 min 15 s', '2 h 03 min', 'unknown')
    """
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 60:
        return f"{seconds:.3g} s"
    if seconds < 3600:
        return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"
    return f"{int(seconds) // 3600} h {int(seconds) % 3600 // 60:02d} min"
