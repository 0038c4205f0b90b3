"""What other tools call our options and commands, and which of ours a word may have meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

OPTIONS = {
    "k": "rank",
    "n_components": "rank",
    "components": "rank",
    "n_factors": "rank",
    "factors": "rank",
    "dim": "rank",
    "lr": "step_size",
    "learning_rate": "step_size",
    "stepsize": "step_size",
    "eta": "step_size",
    "lr_schedule": "schedule",
    "init": "start",
    "initial": "start",
    "x0": "start",
    "std": "start_scale",
    "init_std": "start_scale",
    "random_state": "seed",
    "rng": "seed",
    "epochs": "max_iter",
    "n_iter": "max_iter",
    "niter": "max_iter",
    "iterations": "max_iter",
    "maxiter": "max_iter",
    "steps": "max_iter",
    "max_steps": "max_iter",
    "timeout": "max_time",
    "eps_abs": "tol",
    "epsilon": "eps",
    "ftol": "tol",
    "gtol": "tol_gradient",
    "rtol": "tol_residual",
    "lambda": "balance_weight",
    "reg": "balance_weight",
    "regularization": "balance_weight",
    "loss": "objective",
    "optimizer": "method",
    "solver": "method",
    "precision": "dtype",
    "n_jobs": "threads",
    "workers": "threads",
    "out": "output",
    "resume_from": "checkpoint",
}
"""What another tool calls an option -> ours, both as names of Python."""

COMMANDS = {
    "fit": "solve",
    "factor": "solve",
    "factorize": "solve",
    "run": "solve",
    "train": "solve",
    "svd": "solve",
    "nmf": "solve",
    "continue": "resume",
    "restart": "resume",
    "info": "inspect",
    "describe": "inspect",
    "spectrum": "inspect",
    "verify": "check",
    "validate": "check",
    "test": "check",
    "compare": "diff",
    "print": "show",
    "view": "show",
    "cat": "show",
    "make": "generate",
    "create": "generate",
    "man": "help",
    "topics": "help",
}
"""The same of commands."""


def meant(word: str, known: Collection[str], foreign: dict[str, str]) -> str | None:
    """The one of `known` that a word stands for elsewhere, or that it looks like; None for none.

    >>> meant("n_components", ["rank", "seed"], OPTIONS), meant("rnak", ["rank"], OPTIONS)
    ('rank', 'rank')
    >>> meant("zzz", ["rank"], OPTIONS)
    """
    ours = foreign.get(word)
    if ours in known:
        return ours
    near = get_close_matches(word, known, 1)
    return near[0] if near else None
