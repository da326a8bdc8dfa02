"""`LICENSES.md`: whose work a model was made from, and under which licences."""

import shutil
from pathlib import Path

from ...catalog.entries import data_entry, model_entry
from ...catalog.licences import Licence, licence_in

FILE = "LICENSES.md"

BROUGHT = ("NOTICE*", "LICENSE*", "LICENCE*", "USE_POLICY*")
"""Files that a base model's licence wants to go along."""


def write_notices(folder: Path, *, model: str, data: str | None, base: Path | None) -> None:
    """Write the licences of base model and data, and bring along the base's own notices.

    Args:
        folder: Where they are written.
        model: The base model as the run named it.
        data: The data set as the run named it; None where nothing was learned.
        base: The base model's folder, whose card may name a licence.
    """
    files = _copied(folder, base)
    parts = [of_model(model, base), *([of_data(data)] if data else [])]
    more = [f"- The base model's own notices lie beside this file: {', '.join(files)}."]
    lines = [*(f"- {part}" for part in parts), *(more if files else [])]
    text = "# Licences\n\nThis model was made from the work of others. Their terms go with it.\n\n"
    (folder / FILE).write_text(text + "\n".join(lines) + "\n", encoding="utf-8")


def of_model(name: str, base: Path | None) -> str:
    """Return a sentence on who made a base model and under which licence it is."""
    entry = model_entry(name)
    if entry:
        licence = Licence(entry.licence, entry.licence_url)
        said = f"Base model: {entry.title}, made by {entry.made_by}."
    else:
        licence = licence_in(base) if base else Licence(None)
        said = f"Base model: `{Path(name).name if Path(name).is_dir() else name}`."
    warning = f" {licence.warning}" if licence.warning else ""
    return f"{said} Licence: {licence.words}.{warning}"


def of_data(name: str) -> str:
    """Return a sentence on who made the training rows and under which licence they are."""
    entry = data_entry(name)
    if entry is None:
        shown = Path(name).name if Path(name).exists() else name
        return f"Training rows: `{shown}`. Licence: unknown here, ask who made them."
    licence = Licence(entry.licence, entry.licence_url)
    warning = f" {licence.warning}" if licence.warning else ""
    by = f"{entry.title} (`{entry.name}`), made by {entry.made_by}"
    return f"Training rows: {by}. Licence: {licence.words}.{warning}"


def _copied(folder: Path, base: Path | None) -> list[str]:
    """Copy a base model's notices; return their names."""
    if base is None:
        return []
    found = sorted({path for pattern in BROUGHT for path in base.glob(pattern) if path.is_file()})
    for path in found:
        shutil.copyfile(path, folder / path.name)
    return [path.name for path in found]
