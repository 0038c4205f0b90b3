"""A start with the seed of a matrix is independent of it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mfact.starts import directions
from mfact.studies.generate import generate_matrix


@given(seed=st.integers(0, 2**32 - 1))
def test_a_start_does_not_lie_in_the_singular_vectors_of_its_seed(seed):
    shape, rank = (120, 80), 3
    M = generate_matrix(shape, [3.0, 2.0, 1.0], seed=seed)
    left, _, right_t = np.linalg.svd(M)
    start = directions("gaussian", shape, rank, seed, "float64")
    for factor, vectors in zip(start, (left[:, :rank], right_t[:rank].T), strict=True):
        share = np.linalg.norm(vectors.T @ factor) ** 2 / np.linalg.norm(factor) ** 2
        # 9 of about 3d squares of N(0, 1): 40 of them in one of 1e-6 draws.
        assert share <= 40 / (rank * len(factor))
