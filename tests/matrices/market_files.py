"""MatrixMarket files as SciPy writes them."""

import io

import scipy.io
import scipy.sparse
from matrix_files import Form


def market(M) -> bytes:
    stream = io.BytesIO()
    scipy.io.mmwrite(stream, scipy.sparse.coo_array(M))
    return stream.getvalue()


def form(write, format="matrix-market") -> Form:
    """One that is written as a MatrixMarket file of coordinates."""
    return Form(format, "COO", write, ("<f8",), True)
