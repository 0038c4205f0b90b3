"""Theorem 3.1 with its own step sizes, as a table: python tests/benchmarks/bench_theorem_3_1.py

M is 50×50 of rank 3 with ‖M‖_F = 1 and σ₁/σ₃ = κ; the start is gaussian with standard deviation
1e-3, the run ends at a relative residual of 1e-3·ε.
"""

from __future__ import annotations

import numpy as np

from mfact.run.solve import solve
from mfact.studies.generate import generate_matrix, geometric_spectrum


def matrix(condition: float) -> np.ndarray:
    """A 50×50 matrix of rank 3 with norm 1."""
    M = generate_matrix((50, 50), geometric_spectrum(3, condition), seed=1)
    return M / np.linalg.norm(M)


def main() -> None:
    solve(matrix(2.0), rank=3, schedule="theorem-3.1", eps=0.5, seed=1)  # what loads once
    head = ("κ", "ε", "steps", "seconds", "‖R‖/‖M‖", "largest ‖D‖", "largest rise of f",
            "largest ‖U‖², ‖V‖²", "bound 5√r‖M‖", "error ≤", "claims")  # fmt: skip
    print(f"| {' | '.join(head)} |")
    print(f"| {' | '.join('---' for _ in head)} |")
    for condition in (1.5, 5.0):
        for eps in (0.1, 0.01):
            result = solve(
                matrix(condition), rank=3, schedule="theorem-3.1", eps=eps, start_scale=1e-3,
                seed=1, tol=0.0, tol_residual=1e-3 * eps,
            )  # fmt: skip
            s, t = result.summary, result.trace
            names = ("lemma-3.1-i", "lemma-3.1-ii", "lemma-3.1-iii", "theorem-3.1")
            held = all(c.verdict == "holds" for c in result.claims if c.name in names)
            print(
                f"| {condition:g} | {eps:g} | 10^{s['log10_iterations']:.1f} | {s['seconds']:.2f} "
                f"| {s['relative_residual']:.1e} | {t['drift'].max():.1e} "
                f"| {max(np.diff(t['loss']).max(), 0):.0e} "
                f"| {max(t['size_U'].max(), t['size_V'].max()):.3f} | {5 * 3**0.5:.2f} "
                f"| {s['fast_forward_error']:.1e} | {'hold' if held else 'do not hold'} |"
            )


if __name__ == "__main__":
    main()
