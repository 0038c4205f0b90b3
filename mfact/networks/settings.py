"""What is asked of a network's run: every option of `mfact network`, stated once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from mfact.options import REQUIRED, KeptSettings, Option, options_of
from mfact.ranges import MOST_INDEX, Count, File, Flag, Name, OneOf, Real
from mfact.settings import METHODS as FACTORIZING
from mfact.settings import SEED, RunSettings

STARTS = ("paper-balanced", "paper-unbalanced", "xavier", "kaiming")
LOSSES = ("squared", "logistic", "softmax")
METHODS = ("gradient-descent", "momentum", "nesterov", "adam")
MOMENTUM = ("momentum", "nesterov")
NONLINEAR = ("adam",)
"""Methods whose steps are not linear in the gradients so far."""
_ELSEWHERE = tuple(
    (name, "steps two factors (mfact solve), and no network")
    for name in FACTORIZING if name not in METHODS
)  # fmt: skip
FORMS = ("auto", "primal", "dual")
DATA = ("uniform", "gaussian")
BROKEN = ("tanh", "sigmoid", "gelu", "silu", "elu", "softplus", "relu6")
"""Activations without homogeneity that are run for contrast."""
TARGETS = ("gaussian", "linear", "network")

ARRAYS_LAYERS = "given"
"""What --layers is called of a network that was given in Python as layers."""

_RUN = options_of(RunSettings)
_POSITIVE = Real(above=0)
_INDEX = Count(least=1, most=MOST_INDEX)
_GENERATED = ("data", DATA)
_FLOW = ("flow", (True,))


def _shared(name: str, **changes: Any) -> Any:
    """The field of an option that runs of both kinds have."""
    return replace(_RUN[name], **changes).field()


@dataclass(frozen=True)
class NetworkSettings(KeptSettings):
    """The options of a network's run, as typed; None means: chosen, or not used."""

    # fmt: off
    layers: str = Option(
        REQUIRED, "Model",
        "The network, as 100r-100r-10 (mfact help network), or a .toml file.",
        File(), metavar="SPEC|FILE").field()
    loss: str = Option(
        "squared", "Model",
        "squared: ½‖f − y‖²; logistic: labels ±1; softmax: labels 0 … p − 1.",
        OneOf(LOSSES)).field()
    show_broken: str | None = Option(
        None, "Model", "Put an activation without homogeneity in place, to see the laws break: "
        f"{', '.join(BROKEN)}.", Name(), metavar="NAME", unset="none").field()
    points: str = Option(
        "rows", "Input", "Whether points are the rows or the columns of X and Y.",
        OneOf(("rows", "columns"))).field()
    data: str | None = Option(
        None, "Input", "Generate X: uniform in [−½, ½], or gaussian N(0, 1).", OneOf(DATA),
        metavar="[uniform|gaussian]", unset="X and Y are files").field()
    targets: str = Option(
        "gaussian", "Input", "Generate Y: gaussian N(0, 1), a linear map of X, or a network's "
        "answers.", OneOf(TARGETS), belongs=_GENERATED).field()
    target_scale: float = Option(
        1.0, "Input", "Factor of the generated targets.", _POSITIVE, belongs=_GENERATED).field()
    points_count: int = Option(
        1000, "Input", "m, how many points are generated.", _INDEX, belongs=_GENERATED).field()
    inputs: int | None = Option(
        None, "Input", "n₀, how long a generated point is.", _INDEX,
        unset="that of --layers, else 1000", belongs=_GENERATED).field()
    method: str = Option(
        "gradient-descent", "Model", "gradient-descent, momentum (heavy ball), nesterov or adam.",
        OneOf(METHODS, _ELSEWHERE)).field()
    momentum: float = Option(
        0.9, "Model", "μ of momentum and nesterov.", Real(above=0, most=0.9999),
        belongs=("method", MOMENTUM)).field()
    weight_decay: float = Option(
        0.0, "Model", "λ: adds λv to the gradient of every weight and bias.", Real(least=0)).field()
    batch: int | None = Option(
        None, "Model", "Points a step, drawn by the seed.", _INDEX, unset="all").field()
    schedule: str = Option(
        "constant", "Step size", "constant: η. power: η(t+1)^−(½+δ).",
        OneOf(("constant", "power"))).field()
    step_size: float | None = Option(
        None, "Step size", "η; a run needs one.", _POSITIVE, unset="none").field()
    delta: float = _shared("delta")
    start: str = Option(
        "paper-balanced", "Start", f"{', '.join(STARTS)}, or a run file of a network.",
        File(STARTS), metavar="KIND|FILE").field()
    start_scale: float | None = Option(
        None, "Start", "Standard deviation of the last layer's entries (paper-…), or a factor.",
        _POSITIVE, unset="0.01, or 1", belongs=("start", STARTS)).field()
    seed: int | None = replace(
        SEED, words="Seed of generated data, start and batches; printed and stored.",
        belongs=None).field()
    tol_loss: float | None = Option(
        None, "Stopping", "Tolerance on the loss L.", Real(least=0), unset="not used").field()
    tol_gradient: float | None = _shared("tol_gradient", words="Tolerance on ‖∇L‖.")
    patience: int | None = _shared("patience")
    min_iter: int = _shared("min_iter")
    max_iter: int = Option(10_000, "Stopping", "Step limit.", Count()).field()
    max_time: float | None = _shared("max_time")
    form: str = Option(
        "auto", "Computation",
        "Of the first layer. dual: steps on W₁X by K = XᵀX; auto: dual where it is faster.",
        OneOf(FORMS)).field()
    every: int | None = _shared("every")
    dtype: str = _shared("dtype")
    threads: int | None = _shared("threads")
    checkpoint: str | None = _shared("checkpoint")
    checkpoint_every: str | None = _shared("checkpoint_every")
    flow: bool = Option(
        False, "Computation", "Follow the gradient flow instead, by an ODE solver.",
        Flag()).field()
    time: float | None = Option(
        None, "Stopping", "Flow time to reach.", _POSITIVE, unset="1", belongs=_FLOW).field()
    times: int = Option(
        11, "Output", "Number of times shown, evenly spaced.",
        Count(least=2, most=10_000), belongs=_FLOW).field()
    rtol: float | None = Option(
        None, "Computation", "Error of a step of the flow's solver, relative to the weights.",
        Real(above=0, most=0.1), unset="1e-10; 1e-5 where the gradient jumps, as with ReLU",
        belongs=_FLOW).field()
    # fmt: on

    @property
    def mu(self) -> float:
        """μ of the method, 0 for one without."""
        return self.momentum if self.method in MOMENTUM else 0.0

    @property
    def is_linear(self) -> bool:
        """Whether steps are linear in the gradients so far."""
        return self.method not in NONLINEAR
