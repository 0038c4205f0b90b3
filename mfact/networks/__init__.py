"""Deep networks: their architecture, their steps on the BLAS core, the balance laws they keep."""
