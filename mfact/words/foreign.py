"""What other tools call our options and commands, and which of ours a word may have meant."""

from __future__ import annotations

from collections.abc import Mapping

# From scikit-learn, scanpy, SciPy, PyTorch, and R (irlba, NMF, softImpute, optim).
# A value after our name is what theirs, a flag, says.
_OPTIONS = {
    "rank": "k n_components num_components components n_factors n_latent latent_dim dim "
            "nv nu ncomp n_comp rank_max",
    "center": "centre centered centred centering zero_center with_mean demean",
    "objective": "loss beta_loss criterion",
    "balance_weight": "lambda lam reg regularization balance",
    "method": "optimizer algorithm algo solver update",
    "schedule": "lr_schedule lr_scheduler learning_rate_schedule decay",
    "step_size": "lr learning_rate learning_rate_init stepsize step eta eta0",
    "eps": "epsilon",
    "start": "init initial initialization x0 v0",
    "start_scale": "std init_std init_scale sigma",
    "seed": "random_state rng random_seed",
    "seeds": "n_init n_starts n_runs nrun restarts n_restarts",
    "tol": "tolerance atol ftol xtol abstol thresh threshold",
    "tol_residual": "rtol reltol",
    "tol_gradient": "gtol pgtol",
    "patience": "n_iter_no_change early_stopping",
    "max_iter": "epochs n_epochs num_epochs max_epochs n_iter niter num_iter iter iterations "
                "num_iterations max_iterations maxiter maxit steps n_steps num_steps max_steps",
    "max_time": "timeout time_limit max_seconds walltime",
    "time": "t_end t_max duration",
    "compare gradient-descent": "compare_gd",
    "points": "n_points",
    "every": "log_every record_every print_every",
    "engine": "backend",
    "dtype": "precision",
    "threads": "n_jobs num_threads n_threads nthreads cores",
    "workers": "num_workers n_workers nworkers processes num_processes n_processes nproc nprocs",
    "scheduler": "dask cluster client scheduler_address scheduler_file",
    "device": "accelerator",
    "device cuda": "gpu use_gpu gpus use_cuda cuda",
    "checkpoint": "ckpt save_checkpoint",
    "checkpoint_every": "save_every",
    "dataset": "key group",
    "output": "out outfile output_file save",
    "format": "fmt output_format json",
    "log_file": "log logfile",
    "quiet": "silent",
    "verbose": "debug verbosity",
    "noise": "noise_std",
    "spectrum": "singular_values",
    "condition": "cond kappa",
    "shape": "size",
}  # fmt: skip
ALS = "'alternating-scaled' with --step-size 1"
"""How what others call alternating least squares is asked for."""

_METHODS = {
    "gradient-descent": "gd sgd bgd gradient steepest-descent plain vanilla",
    "alternating": "alternating-gd altgd bcd block-coordinate-descent",
    "momentum": "heavy-ball heavy_ball heavyball polyak",
    "nesterov": "nag agd accelerated accelerated-gradient",
    "scaled": "scaledgd scaled-gd scaled-gradient-descent preconditioned",
    "alternating-scaled": "alternating-scaledgd altscaledgd alternating-scaled-gd",
    ALS: "als alternating-least-squares",
}  # fmt: skip
_COMMANDS = {
    "solve": "fit factor factorize fit_transform train run optimize minimize svd svds nmf mf",
    "resume": "continue restart",
    "inspect": "info describe spectrum stat stats summary",
    "check": "verify validate test",
    "diff": "cmp",
    "show": "print view cat report",
    "sweep": "ensemble multistart",
    "flow": "gradient-flow ode",
    "generate": "make create simulate synth random",
    "help": "man topics docs doc",
}


def _ours(words: Mapping[str, str]) -> dict[str, str]:
    return {theirs: ours for ours, those in words.items() for theirs in those.split()}


METHODS = _ours(_METHODS)
"""What others call a method -> ours."""


OPTIONS = _ours(_OPTIONS)
"""What another tool calls an option -> ours, both as names of Python."""

COMMANDS = _ours(_COMMANDS)
"""The same of commands."""


def way_out(word: str, known: Mapping[str, str], foreign: Mapping[str, str]) -> str:
    """Which name that there is a word stands for elsewhere, or looks like; nothing for none.

    known: the names there are -> how they are written here.

    >>> known = {"rank": "'-r'", "seed": "'--seed'"}
    >>> way_out("n_components", known, OPTIONS), way_out("sede", known, OPTIONS)
    ("mfact calls it '-r'", "did you mean '--seed'?")
    >>> way_out("lr", known, OPTIONS)
    ''
    """
    from difflib import get_close_matches

    word = word.lower()
    theirs = foreign.get(word, "")
    ours, _, value = (theirs, "", "") if theirs in known else theirs.partition(" ")
    if ours in known:
        name = known[ours].strip("'")
        joined = f"'{name} {value}'" if name.startswith("-") else f"{name}='{value}'"
        return f"mfact calls it {joined if value else known[ours]}"
    near = get_close_matches(word, known, 1)
    return f"did you mean {known[near[0]]}?" if near else ""
