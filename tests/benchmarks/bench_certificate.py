"""What a certificate costs beside the solve that it certifies: 2000×1500, r = 10.

Run it with `python tests/benchmarks/bench_certificate.py`. Each number is the median of paired
runs in this process; set OPENBLAS_NUM_THREADS for the number of threads.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from mfact.run.solve import solve
from mfact.targets.dense import DenseTarget
from mfact.theory.lemma_3_2 import certify, certify_spectral


def timed(function, *arguments, **options):
    begun = time.perf_counter()
    value = function(*arguments, **options)
    return time.perf_counter() - begun, value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    (d1, d2), r = (2000, 1500), 10
    Phi, Psi = (np.linalg.qr(rng.standard_normal((d, r)))[0] for d in (d1, d2))
    sigma = np.linspace(1, 0.3, r)
    print("| noise | solve | certify (passes) | ratio | in SVD coordinates, k = 60 |")
    print("| --- | --- | --- | --- | --- |")
    for noise in (0.0, 0.5):
        M = Phi * sigma @ Psi.T + noise * rng.standard_normal((d1, d2)) / np.sqrt(d1 * d2)
        target = DenseTarget(M)
        times = []
        for seed in range(options.repeats):
            first, run = timed(solve, target, rank=r, schedule="constant", seed=seed)
            second, found = timed(certify, target, run.U, run.V)
            values = np.linspace(1, 0.01, 60)
            X = np.diag(values**0.5)[:, :r]
            third, _ = timed(certify_spectral, X, X, values, unresolved=0.005)
            times.append((first, second, third, second / first))
        a, b, c, ratio = (1e3 * np.median(column) for column in zip(*times, strict=True))
        assert found.kind == "global optimum"
        print(
            f"| {noise:g} | {a:.0f} ms | {b:.0f} ms ({found.passes}) | {ratio / 1e3:.2f} "
            f"| {c:.1f} ms |"
        )


if __name__ == "__main__":
    main()
