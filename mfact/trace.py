"""What a run records at each step, by column name."""

from __future__ import annotations

COLUMNS: dict[str, str] = {
    "step": "t, the number of steps taken so far",
    "log10_step": "log₁₀ t, also when t is too large for an integer",
    "step_size": "η_t, the step size used from step t to t + 1",
    "flow_time": "Ση, the sum of the step sizes so far",
    "loss": "f = ½‖UVᵀ − M‖_F²",
    "penalty": "(λ/8)‖UᵀU − VᵀV‖_F², zero for the plain objective",
    "relative_residual": "‖UVᵀ − M‖_F / ‖M‖_F",
    "gap": "max(0, f − ½Σ_{i>k}σ_i²) / ½σ_k², σ_k the weakest of the r that is not zero",
    "gradient_norm": "norm of the gradient of the objective in both factors",
    "imbalance": "‖D‖_F, D = UᵀU − VᵀV, how far the factors are from balanced",
    "relative_imbalance": "‖D‖_F / ‖M‖_F",
    "drift": "‖D − D₀‖_F, how far D has moved from the start",
    "norm_ratio": "‖U‖_F² / ‖V‖_F²",
    "size_U": "‖U‖_F²",
    "size_V": "‖V‖_F²",
    "ledger": "‖Σ η²(G_UᵀG_U − G_VᵀG_V) …‖_F, what the drift must be by the exact law",
    "audit": "‖(D − D₀) − ledger‖_F, zero but for rounding",
    "leak": "weight that this step left outside the reduced basis",
    "alignment_U": "|uᵀu*| for rank 1, u* the leading left singular vector of M",
    "alignment_V": "|vᵀv*| for rank 1, v* the leading right singular vector of M",
}
