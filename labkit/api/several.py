"""Several adapters on one base model: the folders of their runs, all made or none."""

import shutil
from pathlib import Path
from typing import Any

from ..run import Run, create
from ..spec import AdaptersSpec, FinetuneSpec
from ..spec.adapters import own_settings
from . import own_loss
from .staging import new_run


def new_adapters(name: str, spec: FinetuneSpec | None, settings: dict[str, Any]) -> Run:
    """Make the run that trains several adapters, and a run for each; or nothing at all.

    Args:
        name: Name of the run that trains them.
        spec: Settings that are the same for all.
        settings: Changes to them, and `adapters` with each one's own.
    """
    made: list[Run] = []
    try:
        for adapter, own in each_settings(spec, settings).items():
            made.append(new_run(adapter, "finetune", None, own))
        specs = {run.name: run.spec.changed() for run in made}
        return create(name, "adapters", AdaptersSpec(adapters=specs))
    except BaseException:
        for run in made:
            shutil.rmtree(run.path)
        raise


def each_settings(spec: FinetuneSpec | None, settings: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the whole settings of each adapter by its name, checked; rows may be objects."""
    given = {**(spec.changed() if spec else {}), **settings}
    shared = {key: value for key, value in given.items() if key != "adapters"}
    every = {name: shared | own for name, own in own_settings(given).items()}
    AdaptersSpec(adapters={name: _as_text(own) for name, own in every.items()})
    return every


def _as_text(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings as a spec holds them; rows and functions are named."""
    rows = settings.get("data", "phrases")
    text = str(rows) if isinstance(rows, str | Path) else "rows"
    return {**own_loss.named(own_loss.found(settings)), "data": text}
