"""Stand-ins: what is taken here for a name of the pasted text, because somebody asked for it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import SpecError
from .understood import Notes

MODEL, DATA = "model", "data"
"""Names that stand for what a command does not name at all."""

FILE = "pyproject.toml"


@dataclass(frozen=True)
class StandIns:
    """What is taken for what."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Stand-in by the name in the pasted text."""

    def of(self, name: str, notes: Notes) -> str:
        """Return what is taken for a name, and say so; the name itself where nothing is."""
        taken = self.names.get(name)
        if taken is None:
            return name
        notes.add("stand-in", f"{taken} is taken for {name}, as you asked.")
        return taken

    def missing(self, kind: str, asked: str, notes: Notes) -> str:
        """Return what is taken where a command names no model or no data.

        Args:
            kind: `model` or `data`.
            asked: What the command says instead, as the name of a task; may be empty.
            notes: Gets a remark.

        Raises:
            SpecError: Nothing is.
        """
        for key in (asked, kind):
            if key and key in self.names:
                what = f"{kind} for {key}" if key != kind else f"{kind}, which is not named"
                notes.add("stand-in", f"{self.names[key]} is taken as {what}, as you asked.")
                return self.names[key]
        usual = "smollm2-135m" if kind == MODEL else "phrases"
        raise SpecError(
            f"The {kind} is not named; Olive needs it too.",
            hint=f"Name it, or take a stand-in: --map {asked or kind}={usual}",
        )


def read_standins(asked: Mapping[str, str], folder: Path | None = None) -> StandIns:
    """Return the stand-ins of `[tool.labkit.olive.map]` in the nearest pyproject.toml, and others.

    Args:
        asked: Stand-ins by name, which win over the table.
        folder: Where the file is looked for, and above; left out, the current folder.

    Raises:
        SpecError: The file cannot be read.
    """
    return StandIns({**_table((folder or Path.cwd()).resolve()), **asked})


def _table(folder: Path) -> Mapping[str, str]:
    for parent in (folder, *folder.parents):
        file = parent / FILE
        if not file.is_file():
            continue
        try:
            tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
        except (OSError, ValueError) as error:
            raise SpecError(
                f"{file} cannot be read: {error}.", hint="Mend it, or use --map."
            ) from error
        found = tools.get("labkit", {}).get("olive", {}).get("map")
        if found is not None:
            return {str(name): str(taken) for name, taken in found.items()}
    return {}
