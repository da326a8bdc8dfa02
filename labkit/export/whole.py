"""Refuse weights that are cut off, and an adapter that is another model's, before any is loaded."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import ExportError
from .tuned import Tuned

INDEX = "model.safetensors.index.json"
LORA = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each tensor by its name."""


def check_whole(tuned: Tuned) -> None:
    """Refuse a model whose files cannot be what its run left.

    Raises:
        ExportError: Weights are missing or cut off, or the adapter was trained on another model.
    """
    base = shapes_of(tuned.base)
    if tuned.learned:
        _check_fits(shapes_of(tuned.learned), base, tuned)


def shapes_of(folder: Path) -> Shapes:
    """Return the shapes of all tensors of a folder; every file must hold what it says it does."""
    files = sorted(folder.glob("*.safetensors"))
    missing = sorted(_parts(folder) - {file.name for file in files})
    if missing or not files:
        problem = f"{folder} holds no {missing[0] if missing else 'weights (*.safetensors)'}."
        raise ExportError(problem, hint="Fetch or copy the model again.")
    return {name: shape for file in files for name, shape in _shapes(file).items()}


def _parts(folder: Path) -> set[str]:
    """Return the files that a model's index names; none where there is no index."""
    file = folder / INDEX
    if not file.is_file():
        return set()
    return set(json.loads(file.read_text(encoding="utf-8"))["weight_map"].values())


def _shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Read the head of a safetensors file: 8 bytes of its length, then JSON."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        try:
            head = json.loads(stream.read(min(length, size)))
        except ValueError:
            raise _cut(file, size, 8 + length) from None
    tensors = {name: of for name, of in head.items() if name != "__metadata__"}
    needed = 8 + length + max((of["data_offsets"][1] for of in tensors.values()), default=0)
    if size < needed:
        raise _cut(file, size, needed)
    return {name: tuple(of["shape"]) for name, of in tensors.items()}


def _cut(file: Path, size: int, needed: int) -> ExportError:
    return ExportError(
        f"{file} must be a whole safetensors file of at least {needed:,} bytes; it has {size:,}.",
        hint="Fetch or copy it again; of a run, resume it from its last checkpoint.",
    )


def _check_fits(adapter: Shapes, base: Shapes, tuned: Tuned) -> None:
    """Refuse LoRA weights for layers that the base does not have, or has in another size.

    Checkpoints may name layers in other ways than models do; so only an adapter none of whose
    layers is there is refused for their names.
    """
    found = {layer: tuple(base[name]) for layer, name in _layers(adapter, base).items()}
    layers = {match[1] for name in adapter if (match := LORA.fullmatch(name))}
    hint = f"Export it from the model it was trained on; the run names {tuned.spec.model}."
    if layers and not found:
        problem = f"The adapter changes {min(layers)}, which {tuned.base} does not have."
        raise ExportError(problem, hint)
    for layer, shape in found.items():
        for side, axis in (("A", 1), ("B", 0)):
            wide = adapter.get(f"base_model.model.{layer}.lora_{side}.weight", ())
            if len(wide) == 2 and wide[axis] not in shape:
                was = f"{wide[axis]} {'inputs' if side == 'A' else 'outputs'}"
                problem = f"The adapter was trained on a {layer} of {was}; the base's is {shape}."
                raise ExportError(problem, hint)


def _layers(adapter: Shapes, base: Shapes) -> dict[str, str]:
    """Return the base's weight of each layer that carries LoRA, where it has one."""
    layers = {match[1] for name in adapter if (match := LORA.fullmatch(name))}
    places = {
        layer: (f"{layer}.weight", f"{layer.partition('.')[2]}.weight") for layer in sorted(layers)
    }
    return {
        layer: next(name for name in names if name in base)
        for layer, names in places.items()
        if any(name in base for name in names)
    }
