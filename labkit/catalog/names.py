"""Whether a model's name can mean anything: decided at once, without network or imports."""

import json
import re
from pathlib import Path

from ..errors import CatalogError, near
from .entries import models

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")


def check_model_name(name: str) -> None:
    """Refuse a name that is neither in the catalogue, nor a model's folder, nor like a hub id.

    Raises:
        CatalogError: With the nearest name of the catalogue.
    """
    known = [entry.name for entry in models()]
    if name in known:
        return
    folder = Path(name).expanduser()
    if folder.is_dir() and name:
        _require_config(folder)
    elif not _HUB_ID.fullmatch(name):
        problem = (
            "model must be a name in the catalogue, a folder with config.json "
            f"or a hub id like owner/name; got {name!r}."
        )
        raise CatalogError(problem, near(name, known, f"The catalogue has {', '.join(known)}."))


def check_folder(folder: Path, *, trust_remote_code: bool) -> Path:
    """Return `folder` if it holds a model that can be loaded without running foreign code."""
    _require_config(folder)
    check_weights([path.name for path in folder.iterdir()], str(folder))
    check_remote_code(folder, trust_remote_code=trust_remote_code)
    return folder


def check_weights(names: list[str], where: str) -> None:
    """Refuse a model whose weights are only there as pickles, or not at all."""
    if any(name.endswith(".safetensors") for name in names):
        return
    pickles = sorted(name for name in names if name.endswith(_PICKLES))
    if pickles:
        problem = (
            f"{where} has its weights only as a pickle ({pickles[0]}), which can run any code."
        )
        raise CatalogError(problem, hint="Use a copy of the model saved as safetensors.")
    raise CatalogError(
        f"{where} has no weights: no file ends in .safetensors.",
        hint="A model is saved with model.save_pretrained(folder); an adapter alone is not enough.",
    )


def check_remote_code(folder: Path, *, trust_remote_code: bool) -> None:
    """Refuse a model that brings Python code of its own, unless that is allowed."""
    if "auto_map" in _config(folder) and not trust_remote_code:
        raise CatalogError(
            f"The model in {folder} runs Python code of its own (auto_map in its config.json).",
            hint="Read that code first; then set trust_remote_code: true.",
        )


def _require_config(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise CatalogError(
            f"The folder {folder} has no config.json, so it is not a model.",
            hint="Name the folder that model.save_pretrained wrote.",
        )


def _config(folder: Path) -> dict[str, object]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        problem = f"{folder / 'config.json'} is not JSON: {error}."
        raise CatalogError(problem, hint="Save or fetch the model again.") from error
    return config if isinstance(config, dict) else {}
