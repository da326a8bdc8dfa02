"""All settings of one fine-tuning."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ..errors import SpecError
from ..settings import setting
from .limits import LimitSettings
from .loss import LossSettings
from .losses import loss_defaults
from .method import MethodSettings
from .methods import METHODS
from .source import SourceSettings
from .steps import StepSettings


@dataclass(frozen=True, kw_only=True)
class FinetuneSpec(
    LimitSettings, StepSettings, LossSettings, MethodSettings, SourceSettings
):  # shown from the last to the first
    """Settings of one fine-tuning run.

    Names are those of PEFT and Transformers, so their documentation applies.
    A spec that exists is valid. Making one loads nothing.
    """

    seed: int = setting(0, at_least=0, at_most=2**32 - 1)
    """Seed of the adapter's weights, of dropout, of the split and of the order of rows."""

    trust_remote_code: bool = False
    """Run code that comes with a model; only for sources you trust."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.learns_pairs:
            self._check_pairs()
        if self.embeds:
            self._check_embeds()
        if self.last_layers is not None and self.dataloader_num_workers:
            raise SpecError(
                "dataloader_num_workers must be 0 with last_layers, whose batches hold what the "
                f"frozen layers computed; got {self.dataloader_num_workers}.",
                hint="Leave dataloader_num_workers out.",
            )
        if self.fsdp and (self.method == "qlora" or self.last_layers is not None):
            name = "last_layers" if self.last_layers is not None else "method"
            raise SpecError(
                "fsdp shares out weights that a block needs whole and as numbers; it does not go "
                f"with {name}: {getattr(self, name)!r}.",
                hint=f"Leave fsdp out (each process then holds the whole model), or {name}.",
            )

        if self.device_map is not None and (self.fsdp or self.processes > 1):
            raise SpecError(
                "device_map is for one process that spreads a model over its devices; got "
                f"processes {self.processes}, fsdp {str(self.fsdp).lower()}.",
                hint="Leave device_map out, or processes and fsdp.",
            )

    def _check_pairs(self) -> None:
        """Refuse what leaves no base model to compare with, or learns no answers."""
        wrong = {
            "method": self.method == "full",
            "head": self.head,
            "init_lora_weights": self.init_lora_weights in ("pissa", "olora"),
            "last_layers": self.last_layers is not None,
            "augment": self.augment is not None,
            "task": self.task == "classification",
        }
        does = "compares answers with those of the base model, the adapter switched off"
        self._refuse(wrong, does)

    def _check_embeds(self) -> None:
        """Refuse what an encoder does not learn with: it has no output layer and no last token."""
        wrong = {
            "method": self.method not in ("lora", "rslora", "dora", "full"),
            "packing": self.packing == "packed",
            "head": self.head,
            "last_layers": self.last_layers is not None,
            "init_lora_weights": self.init_lora_weights == "eva",
        }
        does = "trains the embeddings of an encoder, by lora, rslora, dora or full"
        self._refuse(wrong, does)

    def _refuse(self, wrong: Mapping[str, bool], does: str) -> None:
        """Refuse the first of the settings that are wrong, given what the loss does."""
        for name in (name for name, is_wrong in wrong.items() if is_wrong):
            raise SpecError(
                f"The loss {self.loss} {does}; it does not go with {name}: "
                f"{getattr(self, name)!r}.",
                hint=f"Leave {name} out, or take another loss.",
            )

    def changed(self) -> dict[str, Any]:
        """Return the settings that differ from the defaults of this method and loss."""
        defaults = {item.name: item.default for item in fields(self)}
        defaults |= {**METHODS[self.method].defaults, **loss_defaults(self.loss)}
        return {name: value for name, value in self.as_dict().items() if value != defaults[name]}
