"""`python -m mfact`: the same as the command `mfact`."""

from __future__ import annotations

from mfact.cli.main import main

if __name__ == "__main__":
    main()
