"""All settings of one fine-tuning."""

from dataclasses import dataclass, fields
from typing import Any

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

    def changed(self) -> dict[str, Any]:
        """Return the settings that differ from the defaults of this method and loss."""
        defaults = {item.name: item.default for item in fields(self)}
        defaults |= {**METHODS[self.method].defaults, **loss_defaults(self.loss)}
        return {name: value for name, value in self.as_dict().items() if value != defaults[name]}
