"""What a run leaves of its training: where, in which form, and the proof of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from ..spec import FinetuneSpec
from . import checkpoints, proof
from .methods import changes_the_base, state_of, write_labels
from .methods.starts import difference, widen

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Learned:
    """The weights that a run will save, looked at before its first step."""

    model: nn.Module
    """The model, ready to learn."""

    path: Path
    """Folder to write: `adapter`, or of a whole model `model`."""

    before: proof.Before
    """Fingerprints of the weights before the first step."""

    start: dict[str, Tensor] | None
    """The first weights, where the saved adapter is the difference to them."""

    tokenizer: "PreTrainedTokenizerBase | None"
    """Goes with a whole model, so that it loads by itself."""

    labels: tuple[str, ...]
    """What a head tells apart."""

    @classmethod
    def of(
        cls,
        model: nn.Module,
        spec: FinetuneSpec,
        output_dir: Path,
        tokenizer: "PreTrainedTokenizerBase | None",
        labels: Sequence[str],
    ) -> "Learned":
        """Look at a model before it learns."""
        is_whole = spec.method == "full"
        start = None
        if changes_the_base(spec):
            start = {name: tensor.clone() for name, tensor in state_of(model).items()}
        return cls(
            model=model,
            path=output_dir / ("model" if is_whole else "adapter"),
            before=proof.Before.of(model),
            start=start,
            tokenizer=tokenizer if is_whole else None,
            labels=tuple(labels) if spec.head else (),
        )

    def keep(self, checkpoint: Path, *, is_done: bool) -> int:
        """Save what a checkpoint learned, prove it, and return the step it is of."""
        proof.keep(checkpoint, self.path, self._finish)
        proof.prove(
            self.model, checkpoint, self.path, self.before, is_done=is_done, form=self._form
        )
        return checkpoints.step_of(checkpoint)

    def _finish(self, folder: Path) -> None:
        """Add to a copy of a checkpoint what makes it usable by itself."""
        from safetensors.torch import load_file, save_file

        if self.start is not None:
            file = folder / "adapter_model.safetensors"
            save_file(self._form(load_file(file)), file, metadata={"format": "pt"})
            widen(folder / "adapter_config.json")
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(str(folder))
        if self.labels:
            write_labels(folder, self.labels)

    def _form(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights as they are saved."""
        return state if self.start is None else difference(state, self.start)
