"""A model that knows nothing: the architecture of one that does, with random weights."""

import json
import tempfile
from pathlib import Path
from typing import Any

from ..errors import CatalogError
from ..files import read_json, write_json
from .child import last_line, run_module
from .resolve import resolve_model

UNKNOWN = "is no setting of"
"""How the child names a setting that the architecture has not."""

MADE_OF = "untrained.json"
"""File in the folder that says what it was made of."""


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
        folder: Where to; must be empty, not there, or hold this very model, which then stays.
        seed: Of the weights.
        config: Settings of the architecture to change, as `num_hidden_layers`, `hidden_size`.

    Returns:
        The folder.

    Raises:
        CatalogError: The folder has files, or a setting is none of the architecture's.
    """
    target = Path(folder).expanduser()
    wanted = {"model": model, "seed": seed, "config": config or {}}
    if (target / MADE_OF).is_file() and read_json(target / MADE_OF) == wanted:
        return target  # a cell that is run again
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        problem = f"An untrained model needs an empty folder; {target} is there."
        raise CatalogError(problem, hint="Name another, or delete it.")
    source = resolve_model(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}-") as making:
        made = Path(making) / "model"
        made.mkdir()
        status, stderr = run_module(
            ["labkit.catalog.random_weights", str(source), str(made), json.dumps(wanted)],
            environment={"HF_HUB_OFFLINE": "1"},
            watch=Path(making),
            report=lambda _: None,
        )
        if status:
            raise _failed(model, stderr)
        write_json(made / MADE_OF, wanted)
        if target.exists():
            target.rmdir()
        made.rename(target)
    return target


def _failed(model: str, stderr: str) -> CatalogError:
    reason = last_line(stderr) or "its process was ended"
    if UNKNOWN in reason:
        hint = "The settings stand in the model's config.json."
        return CatalogError(f"{reason}.", hint=hint)
    hint = "num_attention_heads must divide hidden_size, num_key_value_heads the heads."
    problem = f"No model like {model} could be made with these settings: {reason}."
    return CatalogError(problem, hint=hint)
