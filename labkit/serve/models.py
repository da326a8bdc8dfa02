"""The models that a server offers, by the names under which they are asked for."""

from collections.abc import Mapping
from pathlib import Path

from ..api.load import load
from ..errors import ExportError
from ..runtime import Loaded
from ..runtime.folder import section
from ..spec import ServeSpec
from ..spec.optimize import PRECISIONS, TARGETS

EXPORTS = ("onnx", *(f"onnx-{target}" for target in TARGETS), *PRECISIONS)
"""What the folders of a run's exports are called."""


def models_of(spec: ServeSpec) -> Mapping[str, Loaded]:
    """Return a run's exported model under its name, and under each adapter's with that on.

    Raises:
        RunError: The run has no such export.
        ExportError: The model writes no text.
    """
    loaded = load(spec.run, precision=spec.precision, threads=spec.threads)
    if section(loaded.folder, "model").get("kind") == "classifier":
        hint = "Serve a language model; this one is asked with labkit.load(…).score."
        raise ExportError(f"{spec.run!r} has a classification head and writes no text.", hint)
    return {base_name(spec.run): loaded} | {name: loaded.using(name) for name in loaded.adapters}


def base_name(run: str) -> str:
    """Return the name of a run: the last part of a path that is not part of its export."""
    parts = [*Path(run).resolve().parts]
    while len(parts) > 2 and parts[-1] in EXPORTS:
        parts.pop()
    return parts[-1]
