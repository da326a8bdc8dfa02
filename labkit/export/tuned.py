"""A model as a run left it: what every step of an export or a merge starts from."""

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..errors import ExportError
from ..spec import METHODS, FinetuneSpec
from .architectures import read_config, refuse_quantized

BNB = "bnb_4bit_"
"""How the settings of a base kept in 4 bits begin."""

CANNOT = {
    "adapter": "its bottleneck is not linear, and no weight can hold it",
    "prompt_tuning": "it learned tokens before the prompt and changed no weight",
    "prefix_tuning": "it learned keys and values before the prompt and changed no weight",
    "full": "its weights are a whole model already",
}
"""Why what a method learned is not added into the base model's weights."""


@dataclass(frozen=True)
class Tuned:
    """A base model and what a run learned on top of it."""

    base: Path
    """Hugging Face folder, not quantised; of a full fine-tuning the folder it wrote."""

    learned: Path | None = None
    """PEFT folder; None for the base alone."""

    spec: FinetuneSpec = field(default_factory=FinetuneSpec)
    """Settings of the run."""

    @property
    def merges(self) -> bool:
        """Whether there is something to add into the base's weights, and it can be."""
        if self.learned is None:
            return False
        return METHODS[self.spec.method].merges or (self.spec.head and self.spec.method == "full")

    @property
    def is_exact(self) -> bool:
        """Whether merging keeps what was trained; a base in 4 bits is another than in fp32."""
        return self.spec.method != "qlora"

    @property
    def labels(self) -> tuple[str, ...]:
        """What the model's classification head tells apart; empty where it has none."""
        from ..training import read_labels

        return read_labels(self.learned) if self.learned and self.spec.head else ()

    @property
    def unquantised(self) -> "Tuned":
        """The same adapter on the base in fp32: what a merge of a 4-bit run can keep."""
        if self.is_exact:
            return self
        settings = _settings(self.spec) | {"method": "lora"}
        kept = {name: value for name, value in settings.items() if not name.startswith(BNB)}
        return replace(self, spec=FinetuneSpec.from_mapping(kept))

    def load(self) -> Any:  # noqa: ANN401 - a torch module
        """Return the model as its run tuned it, on the processor and ready to answer."""
        if self.learned is None:
            return load_plain(self.base, self.spec.trust_remote_code)
        from ..training import load_tuned

        model: Any = load_tuned(self.base, self.learned, self.spec)
        return model.cpu() if self.is_exact else model

    def as_json(self) -> dict[str, Any]:
        """Return values that `from_json` reads in another process."""
        learned = str(self.learned) if self.learned else None
        return {"base": str(self.base), "learned": learned, "spec": _settings(self.spec)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Tuned":
        """Return what `as_json` was called on."""
        learned = Path(values["learned"]) if values["learned"] else None
        return cls(Path(values["base"]), learned, FinetuneSpec.from_mapping(values["spec"]))


def _settings(spec: FinetuneSpec) -> dict[str, Any]:
    """Return the settings that any fine-tuning has, of one that has more of its own, too."""
    values = spec.as_dict()
    return {item.name: values[item.name] for item in fields(FinetuneSpec)}


def load_plain(folder: Path, trust_remote_code: bool = False) -> Any:  # noqa: ANN401 - a module
    """Return the model of a Hugging Face folder in fp32, ready to answer."""
    import torch
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        local_files_only=True,
        trust_remote_code=trust_remote_code,
    )
    return model.eval()


def refuse_unexportable(spec: FinetuneSpec) -> None:
    """Refuse a run whose model has no place in an ONNX graph.

    Raises:
        ExportError: It has virtual tokens.
    """
    if "num_virtual_tokens" in METHODS[spec.method].defaults:
        raise ExportError(
            f"A model of the method {spec.method} cannot be exported: its virtual tokens are not "
            "in the graph.",
            hint="Let PyTorch answer with %generate, or fine-tune with method lora or adapter.",
        )


def refuse_unmergeable(spec: FinetuneSpec) -> None:
    """Refuse a run whose learned part cannot be added into its base model's weights.

    Raises:
        ExportError: The method does not merge, or the model has a classification head.
    """
    if spec.head:
        raise ExportError(
            "A model with a classification head cannot be merged into a language model.",
            hint="Fine-tune with head: false, or load the adapter on its base model.",
        )
    if spec.method == "full" or not METHODS[spec.method].merges:
        raise ExportError(
            f"A run of the method {spec.method} cannot be merged: {CANNOT[spec.method]}.",
            hint="Use its model/ folder as it is."
            if spec.method == "full"
            else "Load the adapter on its base model, as README.md in the run's folder shows.",
        )


def check_parts(tuned: Tuned) -> None:
    """Refuse a base that is quantised, and a folder that is no adapter."""
    refuse_quantized(tuned.base, read_config(tuned.base))
    if tuned.learned and not (tuned.learned / "adapter_config.json").is_file():
        hint = "Name the adapter/ folder of a finished run."
        raise ExportError(f"{tuned.learned} holds no adapter_config.json.", hint)
