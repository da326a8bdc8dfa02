"""Several adapters beside one exported base model: inputs in its graph, files to switch on."""

from .asked import Addition, Sharing
from .convert import convert
from .distance import distance
from .lora import obstacle, read_lora, refuse_unswitchable
from .shared import share
from .sites import add_inputs

__all__ = [
    "Addition",
    "Sharing",
    "add_inputs",
    "convert",
    "distance",
    "obstacle",
    "read_lora",
    "refuse_unswitchable",
    "share",
]
