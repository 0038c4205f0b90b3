"""Lemma 3.2 as a certificate: is this point a global optimum, a strict saddle, or neither?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mfact.core import Array, Claim, Factors, Optimum, Target, Verdict
from mfact.problems.resolved import Resolved
from mfact.theory.facts import Facts
from mfact.theory.hessian import line_minimum
from mfact.theory.second_order import SecondOrder, look
from mfact.words import brief

GLOBAL_OPTIMUM = "global optimum"
STRICT_SADDLE = "strict saddle"
INCONCLUSIVE = "inconclusive"
SOURCE = "Du, Hu, Lee 2018, Lemma 3.2"
STATIONARY = 1e-4  # the relative gradient that counts as


@dataclass(frozen=True)
class Certificate(SecondOrder):
    """What the first two derivatives and the Eckart–Young theorem say of a point (U, V).

    kind: "global optimum", "strict saddle" or "inconclusive"; reason: with the numbers
    that decided. relative_gradient: ‖∇F‖ / scale^{3/2}. The other fields: see SecondOrder.
    """

    kind: str
    reason: str
    relative_gradient: float


def certify(
    target: Target,
    U: Array,
    V: Array,
    *,
    weight: float = 0.0,
    optimum: Optimum | None = None,
    loss: float | None = None,
    tol: float = 1e-8,
    accuracy: float = 1e-2,
    refine: bool = False,
) -> Certificate:
    """The certificate of (U, V) for the matrix behind target.

    U: d1×r, V: d2×r. weight: λ of the objective, 0 for (1).
    optimum: where it is known: it makes the gap exact to its error. Without it the gap is
        bounded from the factors themselves, see excess_bounds in mfact.theory.eckart_young.
        loss: f where known, saves a pass.
    tol: gap that counts as optimal. accuracy: of the curvature, relative. refine: where the
        curvature is less accurate, because the point is not near a stationary one, go on with
        Lanczos on the whole Hessian, at a pass of r columns an iteration.

    - global optimum: gap + gap_error ≤ tol, and below the gap of every saddle.
    - strict saddle: relative_gradient ≤ 1e-4, and negative curvature θ that the gradient
      cannot explain, θ² ≥ ‖∇F‖ √σ₁: a stationary point within the distance over which the
      Hessian, whose Lipschitz constant is of the order of √σ₁, keeps the sign of θ.
    - otherwise inconclusive.

    Near a stationary point with RV = 0 and RᵀU = 0 the Hessian falls apart: with (τ, x, y) the
    leading singular pair of R off the spaces of U and V, its smallest eigenvalue is 0 or less
    inside (along rotations), and outside, on dU = xαᵀ, dV = yβᵀ, that of
    [[VᵀV + (λ/2)D, −τI], [−τI, UᵀU − (λ/2)D]]. One pass gives the gradient, a few passes of one
    column τ by Lanczos, and one pass verifies the direction against the whole Hessian.
    Source: mfact, derived; the dichotomy: Du, Hu, Lee 2018, Lemma 3.2.

    >>> from mfact.targets.dense import DenseTarget
    >>> M = np.diag([3.0, 2.0, 1.0])
    >>> e1, e2 = np.eye(3)[:, :1], np.eye(3)[:, 1:2]
    >>> certify(DenseTarget(M), 3**0.5 * e1, 3**0.5 * e1).kind
    'global optimum'
    >>> saddle = certify(DenseTarget(M), 2**0.5 * e2, 2**0.5 * e2)
    >>> saddle.kind, round(saddle.curvature, 9)
    ('strict saddle', -1.0)
    """
    seen = look(
        target, U, V, weight=weight, optimum=optimum, loss=loss, accuracy=accuracy, refine=refine
    )
    return _judge(seen, tol)


def certify_spectral(
    X: Array,
    Y: Array,
    sigma: Array,
    *,
    unresolved: float,
    coupling: float = 0.0,
    norm: float | None = None,
    offset: float = 0.0,
    weight: float = 0.0,
    optimum: Optimum | None = None,
    tol: float = 1e-8,
) -> Certificate:
    """The same in SVD coordinates, without a pass over M.

    X = ΦᵀU and Y = ΨᵀV, k×r, where U = ΦX, V = ΨY and M = Φ diag(σ) Ψᵀ + E.
    sigma: k values in decreasing order. unresolved: a bound on ‖E‖₂ between the complements of
    Φ and Ψ. coupling: a bound on ‖ΦᵀE‖₂ and ‖EΨ‖₂, zero when they are exact singular vectors.
    norm: ‖M‖_F; that of sigma when not given. offset: see mfact.core.Target. optimum: where more is
    known of it than sigma, unresolved and coupling tell.

    The direction is in the same coordinates, (ΦᵀdU, ΨᵀdV). What E could add is in the bounds:
    outside of Φ, Ψ the Hessian's least eigenvalue is that of the 2r×2r matrix of certify with
    τ = unresolved, and coupling moves any eigenvalue by at most itself.
    The gap is summed by blocks of XYᵀ = [[Z₁₁, Z₁₂], [Z₂₁, Z₂₂]] (leading r, rest), so
    that nothing cancels: ½(‖Z₁₁ − Σ₁‖² + ‖Z₁₂‖² + ‖Z₂₁‖² + ‖Z₂₂‖² − 2⟨Z₂₂, Σ₂⟩).
    Source: mfact, derived.

    >>> root = np.diag([3.0, 2.0])[:, :1] ** 0.5
    >>> certify_spectral(root, root, np.array([3.0, 2.0]), unresolved=0.5).kind
    'global optimum'
    """
    M = Resolved(np.asarray(sigma, float), unresolved, coupling, norm, offset)
    seen = look(M, X, Y, weight=weight, optimum=optimum, accuracy=1e-10, resolved=M)
    return _judge(seen, tol)


def _judge(seen: SecondOrder, tol: float) -> Certificate:
    relative = math.inf if seen.gradient_norm > 0 else 0.0  # for M = 0
    if seen.scale > 0:
        relative = seen.gradient_norm / seen.scale**1.5
    depth = -seen.curvature
    dominant = depth > seen.rounding and depth**2 >= seen.gradient_norm * seen.scale**0.5
    if seen.gap + seen.gap_error <= min(tol, math.nextafter(seen.saddle, 0.0)):
        kind = GLOBAL_OPTIMUM
        reason = f"the gap is at most {brief(seen.gap + seen.gap_error)}"
    elif relative <= STATIONARY and dominant:
        kind = STRICT_SADDLE
        reason = (
            f"stationary to {brief(relative)} (relative), and the Hessian has negative curvature"
            f" {brief(seen.curvature)}"
        )
        if not math.isnan(seen.gap):
            reason += f"; the gap is {brief(seen.gap)}"
    else:
        kind = INCONCLUSIVE
        reason = f"the gap is {brief(seen.gap)} ± {brief(seen.gap_error)}, "
        if math.isnan(seen.gap):
            reason = "the gap is not known, "
        elif seen.gap + seen.gap_error <= tol:
            reason += f"and a saddle may have {brief(seen.saddle)}; "
        else:
            reason += f"above {tol:g}; "
        if relative > STATIONARY:
            reason += f"and the point is not stationary: relative gradient {brief(relative)}"
        else:
            reason += (
                f"the least curvature found, {brief(seen.curvature)}, is not negative enough"
                f" against the relative gradient {brief(relative)}"
            )
    return Certificate(**vars(seen), kind=kind, reason=reason, relative_gradient=relative)


def escape(U: Array, V: Array, certificate: Certificate) -> Factors:
    """(U, V) moved along the escape direction to the exact minimum of the objective on it.

    Along the line F is a quartic with known coefficients (certificate.line); its global
    minimizer is a root of a cubic. From a strict saddle this decreases F, by at least
    θ²/(16 c₄) when slope and cubic term vanish. Apply it to factors in the coordinates
    of the certificate.
    Returns (U, V) itself when no step along the line decreases F.
    Source: mfact, derived.

    >>> from mfact.targets.dense import DenseTarget
    >>> M, zero = np.diag([4.0, 1.0]), np.zeros((2, 1))
    >>> U, V = escape(zero, zero, certify(DenseTarget(M), zero, zero))
    >>> np.round(U @ V.T, 9) + 0.0
    array([[4., 0.],
           [0., 0.]])
    """
    s, _ = line_minimum(certificate.line)
    return Factors(U + s * certificate.direction.U, V + s * certificate.direction.V)


def global_optimum(certificate: Certificate) -> Claim:
    """That the point is a global optimum."""
    verdicts = {GLOBAL_OPTIMUM: Verdict.HOLDS, STRICT_SADDLE: Verdict.VIOLATED}
    names = ("gap", "gap_error", "relative_gradient", "curvature", "curvature_residual")
    return Claim(
        "global-optimum",
        "the end point is a global optimum",
        verdicts.get(certificate.kind, Verdict.INCONCLUSIVE),
        certificate.reason,
        "Eckart and Young 1936; Du, Hu, Lee 2018, Lemma 3.2",
        {name: getattr(certificate, name) for name in names},
    )


def lemma_3_2(certificate: Certificate, facts: Facts) -> Claim:
    """Lemma 3.2 with this point's numbers: ε is the measured ‖D‖_F; r, rank and σ of M if known.

    A stationary point with ‖D‖_F ≤ ε has ‖UVᵀ − M‖_F ≤ ε or is a strict saddle (M of rank r).
    Proof that shows a little more, R = 0 or a strict saddle: RV = 0 and RᵀU = 0 make the
    singular values of M those of UVᵀ together with those of R. So when R ≠ 0, with leading triple
    (τ, x, y), UVᵀ has rank below r, and one factor has a null vector, say Uw = 0 with ‖w‖ = 1.
    On dU = a·xwᵀ, dV = b·ywᵀ the Hessian's form is a²‖Vw‖² − 2τab (x ⟂ U, y ⟂ V), with least value
    (v − √(v² + 4τ²))/2 < 0 at a² + b² = 1, v = ‖Vw‖² = −wᵀDw ≤ ‖D‖_F. ∎ So ε only decides
    how negative the curvature is. Source: Du, Hu, Lee 2018, Lemma 3.2; proof: mfact, derived.
    """
    residual, eps = math.sqrt(2 * certificate.loss), certificate.imbalance
    numbers = {
        "eps": eps,
        "residual": residual,
        "gradient_norm": certificate.gradient_norm,
        "curvature": certificate.curvature,
    }
    statement = (
        f"a stationary point with ‖UᵀU − VᵀV‖_F ≤ ε = {brief(eps)} has ‖UVᵀ − M‖_F ≤ ε"
        " or is a strict saddle"
    )
    # Stationary to a relative g means: within about √g of a stationary point in ‖R‖/‖M‖.
    allowed = eps + 1e-8 * certificate.norm
    lacks = []
    if certificate.weight:
        lacks.append("the objective has a balancing term, the lemma is about (1)")
    lacks += facts.missing_rank()
    if certificate.relative_gradient > STATIONARY:
        lacks.append(f"not stationary: relative gradient {brief(certificate.relative_gradient)}")
    measured = f"‖UVᵀ − M‖_F = {brief(residual)}, curvature {brief(certificate.curvature)}"
    if lacks:
        verdict, detail = Verdict.NOT_MET, "; ".join(lacks) + f". Measured: {measured}"
    elif residual <= allowed:
        verdict, detail = Verdict.HOLDS, f"within ε: {measured}"
    elif certificate.kind == STRICT_SADDLE:
        verdict, detail = Verdict.HOLDS, f"a strict saddle: {measured}"
    elif certificate.relative_gradient <= 1e-12:
        verdict, detail = Verdict.VIOLATED, f"stationary, and neither: {measured}"
    else:
        verdict, detail = Verdict.INCONCLUSIVE, f"not stationary enough to tell: {measured}"
    return Claim("lemma-3.2", statement, verdict, detail, SOURCE, numbers)
