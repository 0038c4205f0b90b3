"""What a command is asked to do: every option of solve, flow and sweep, stated once."""

from mfact.settings.flow import COMPARED, FLOW_OPTIONS, FlowSettings
from mfact.settings.run import (
    ARRAYS,
    ENGINES,
    GIVEN,
    METHODS,
    MOST_PLAIN_STEPS,
    SCHEDULES,
    TAKE_OFF,
    RunSettings,
)
from mfact.settings.shared import (
    BALANCE_WEIGHT,
    C_STEP,
    CENTER,
    CENTERS,
    COUNTED_RANK,
    DTYPE,
    MAX_MEMORY,
    OBJECTIVE,
    PARAMETERS,
    RANK,
    SEED,
    START,
    START_RATIO,
    START_SCALE,
    STARTS,
    parameters_of,
)
from mfact.settings.sweep import BOUNDS, SWEPT, SweepSettings

__all__ = [
    "ARRAYS", "BALANCE_WEIGHT", "BOUNDS", "CENTER", "CENTERS", "COMPARED", "COUNTED_RANK",
    "C_STEP", "DTYPE", "ENGINES", "FLOW_OPTIONS", "GIVEN", "MAX_MEMORY", "METHODS",
    "MOST_PLAIN_STEPS", "OBJECTIVE", "PARAMETERS", "RANK", "SCHEDULES", "SEED", "START", "STARTS",
    "START_RATIO", "START_SCALE", "SWEPT", "TAKE_OFF", "FlowSettings", "RunSettings",
    "SweepSettings", "parameters_of",
]  # fmt: skip
