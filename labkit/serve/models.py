"""The models that a server offers, by the names under which they are asked for."""

from collections.abc import Mapping
from pathlib import Path

from ..api.load import load
from ..runtime import Loaded
from ..spec import ServeSpec
from ..spec.optimize import PRECISIONS


def models_of(spec: ServeSpec) -> Mapping[str, Loaded]:
    """Return a run's exported model under its name, and under each adapter's with that on."""
    loaded = load(spec.run, precision=spec.precision, threads=spec.threads)
    return {base_name(spec.run): loaded} | {name: loaded.using(name) for name in loaded.adapters}


def base_name(run: str) -> str:
    """Return the name of a run: the last part of a path that is not part of its export."""
    parts = [*Path(run).resolve().parts]
    while len(parts) > 2 and (parts[-1] in PRECISIONS or parts[-1].split("-")[0] == "onnx"):
        parts.pop()
    return parts[-1]
