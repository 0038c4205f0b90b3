"""NPY files whose headers say what numpy.save would not."""

from __future__ import annotations

import numpy as np


def by_hand(path, descr, array, fortran=False):
    """An NPY file whose header says descr of the bytes of an array."""
    with path.open("wb") as file:
        header = {"descr": descr, "fortran_order": fortran, "shape": array.shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.tobytes("F" if fortran else "C"))
    return path
