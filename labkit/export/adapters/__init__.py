"""Several adapters beside one exported base model: inputs in its graph, files to switch on."""

from .asked import Addition, Sharing
from .convert import convert
from .lora import refuse_unswitchable
from .shared import share
from .sites import add_inputs

__all__ = ["Addition", "Sharing", "add_inputs", "convert", "refuse_unswitchable", "share"]
