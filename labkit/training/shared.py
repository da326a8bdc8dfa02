"""One base model in memory for several trainings, one after another: each gets an adapter anew."""

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import machine
from ..spec import FinetuneSpec
from . import proof
from .methods import add_adapter, changes_the_base, load_model, load_tuned
from .surroundings import quiet
from .virtual_tokens import learns_a_prompt

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel


class SharedBase:
    """A base model that trainings borrow; it is read from disk again only where it must be."""

    def __init__(self) -> None:
        self.n_loads = 0
        """Times that a base was read from disk."""
        self.tuned: Any = None
        """The model that was lent last, until it is taken back."""
        self._model: PreTrainedModel | None = None
        self._key: tuple[Any, ...] = ()
        self._before, self._keeps = "", False

    def ready(self, folder: Path, spec: FinetuneSpec, n_labels: int | None = None) -> "nn.Module":
        """Return the base with a fresh adapter, as `add_adapter` makes it on one from disk.

        Args:
            folder: The base model.
            spec: The settings of the training.
            n_labels: Outputs of the new head where `spec.head` asks for one.
        """
        base = self.bare(folder, spec)
        self._keeps = _leaves_the_base(spec)
        self.tuned = add_adapter(base, spec, n_labels=n_labels)
        return self.tuned  # type: ignore[no-any-return]

    def bare(self, folder: Path, spec: FinetuneSpec) -> "PreTrainedModel":
        """Return the base without an adapter, as `load_model` gives it.

        Args:
            folder: The base model.
            spec: The settings of a training.
        """
        self.take_back()
        if self._model is None or self._key != _key(folder, spec):
            self.free()
            self._model, self._key = load_model(folder, spec), _key(folder, spec)
            self._before = proof.fingerprint(self._model.parameters())
            self.n_loads += 1
        return self._model

    def learned(self, folder: Path, learned: Path, spec: FinetuneSpec) -> "nn.Module":
        """Return the base with the adapter that a training saved, as `load_tuned` gives it.

        Args:
            folder: The base model.
            learned: What the training saved.
            spec: Its settings.
        """
        base = self.bare(folder, spec)
        self._keeps = not spec.head and not spec.modules_to_save
        self.tuned = load_tuned(folder, learned, spec, base=base)
        return self.tuned  # type: ignore[no-any-return]

    def take_back(self) -> None:
        """Take the adapter off the model that was lent last, or forget a base that it changed."""
        if self.tuned is None:
            return
        if self._keeps:
            self._model = _bare(self.tuned)
        self.tuned = None
        if not self._keeps or self._has_changed():
            self.free()
        gc.collect()  # the trainer and what it kept beside each weight

    def free(self) -> None:
        """Forget the base and give its memory back."""
        self.tuned = self._model = None
        gc.collect()
        machine.give_back_memory()

    def _has_changed(self) -> bool:
        assert self._model is not None
        return proof.fingerprint(self._model.parameters()) != self._before


def _bare(tuned: Any) -> "PreTrainedModel":  # noqa: ANN401 - a PeftModel
    """Return the base of a tuned model, no adapter in its layers."""
    with quiet():
        base = tuned.get_base_model() if learns_a_prompt(tuned) else tuned.unload()
    bare: PreTrainedModel = base.eval()
    return bare


def _leaves_the_base(spec: FinetuneSpec) -> bool:
    """Tell whether a training leaves the base as it was once its adapter is taken off."""
    return not (
        spec.method == "full"
        or spec.head
        or spec.modules_to_save
        or spec.last_layers
        or spec.gradient_checkpointing
        or changes_the_base(spec)
    )


def _key(folder: Path, spec: FinetuneSpec) -> tuple[Any, ...]:
    """Return what a base in memory depends on."""
    four_bit = (spec.bnb_4bit_quant_type, spec.bnb_4bit_use_double_quant)
    return folder, spec.trust_remote_code, spec.method == "qlora" and four_bit
