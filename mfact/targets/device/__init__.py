"""An accelerator: M as an array that stays on it, by the array API."""
