"""torch, the other truth of the networks' tests: `from with_torch import torch`.

It is no need of mfact: without it these tests are skipped. NEEDS_TORCH=1 makes that a failure.
"""

from __future__ import annotations

import os

import pytest

if os.environ.get("NEEDS_TORCH"):
    import torch
else:
    torch = pytest.importorskip("torch", reason="torch is the other truth: pip install torch")

# Its threads spin where mfact's work, and the matrices of the tests are small.
torch.set_num_threads(1)
