"""Settings of taking in a model that was trained elsewhere."""

from dataclasses import dataclass, fields

from ..settings import Spec
from .finetune import FinetuneSpec
from .source import SourceSettings


@dataclass(frozen=True, kw_only=True)
class AdoptSettings(Spec):
    """Which folder is taken in."""

    folder: str
    """An adapter that PEFT saved, a model that Transformers saved, or the name of a model."""


@dataclass(frozen=True, kw_only=True)
class AdoptSpec(FinetuneSpec, AdoptSettings):
    """A model that was trained elsewhere, and the rows that it is measured on.

    For all that can be done with a tuned model it is a fine-tuning.
    """


SOURCE = (*(item.name for item in fields(SourceSettings)), "seed", "trust_remote_code")
"""Settings that somebody gives for a model that was trained elsewhere."""
