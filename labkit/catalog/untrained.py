"""A model that knows nothing: the architecture of one that does, with random weights."""

import json
import tempfile
from pathlib import Path
from typing import Any

from ..errors import CatalogError
from .child import run_module, unseen
from .resolve import resolve_model

UNKNOWN = "is no setting of"
"""How the child names a setting that the architecture has not."""


def untrained(
    model: str,
    folder: str | Path,
    *,
    seed: int = 0,
    config: dict[str, Any] | None = None,
) -> Path:
    """Write a model with the architecture and the tokenizer of `model`, and random weights.

    What is trained from it was trained from scratch; its folder is named as any model's.

    Args:
        model: Whose architecture; a name in the catalogue, a folder or a hub id.
        folder: Where to; must be empty or not there.
        seed: Of the weights.
        config: Settings of the architecture to change, as `num_hidden_layers`, `hidden_size`.

    Returns:
        The folder.

    Raises:
        CatalogError: The folder has files, or a setting is none of the architecture's.
    """
    target = Path(folder).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        problem = f"An untrained model needs an empty folder; {target} is there."
        raise CatalogError(problem, hint="Name another, or delete it.")
    source = resolve_model(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    job = json.dumps({"seed": seed, "config": config or {}})
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as making:
        made = Path(making) / "model"
        made.mkdir()
        status, stderr = run_module(
            ["labkit.catalog.random_weights", str(source), str(made), job],
            environment={"HF_HUB_OFFLINE": "1"},
            watch=Path(making),
            report=lambda size: unseen("convert", size, 0),
        )
        if status:
            raise _failed(model, stderr)
        if target.exists():
            target.rmdir()
        made.rename(target)
    return target


def _failed(model: str, stderr: str) -> CatalogError:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    reason = (lines[-1] if lines else "its process was ended").rstrip(".")
    if UNKNOWN in reason:
        hint = "The settings stand in the model's config.json."
        return CatalogError(f"{reason}.", hint=hint)
    hint = "num_attention_heads must divide hidden_size, num_key_value_heads the heads."
    problem = f"No model like {model} could be made with these settings: {reason[:300]}."
    return CatalogError(problem, hint=hint)
