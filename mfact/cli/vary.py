"""Options that are varied from one run to the next, and their values as they are typed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mfact.errors import SettingsError
from mfact.options import options_of
from mfact.settings import RANK, RunSettings
from mfact.words import shown

VARIABLE = {name: each for name, each in options_of(RunSettings).items()
             if not name.startswith("checkpoint")}  # fmt: skip
VARIABLE["rank"] = replace(RANK, default=None, unset="varied")


class Vary:
    """NAME=VALUE,VALUE…, each value as the option NAME takes it, or NAME=all."""

    name = "NAME=V,V…"

    def read(self, value: Any) -> tuple[str, tuple[Any, ...]]:
        name, mark, words = str(value).partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        if not mark or name not in VARIABLE:
            from mfact.words.foreign import OPTIONS, way_out

            known = {each: f"'{each.replace('_', '-')}'" for each in VARIABLE}
            found = way_out(name, known, OPTIONS) if mark else ""
            raise ValueError(
                f"{shown(value)} is not NAME=VALUE,VALUE… of an option of solve. {found}".rstrip()
            )
        if words.strip().casefold() == "all":
            from mfact.studies.variations import choices

            try:
                return name, choices(name)
            except SettingsError as error:
                raise ValueError(f"{error}.") from error
        asked = VARIABLE[name]
        read = [word.strip() for word in words.split(",")]
        unset = ("none", "auto") if asked.default is None and name != "rank" else ()
        return name, tuple(None if word in unset else asked.kind.read(word) for word in read)
