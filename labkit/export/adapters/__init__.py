"""Several adapters beside one exported base model: inputs in its graph, files to switch on."""

from .convert import convert
from .sites import add_inputs

__all__ = ["add_inputs", "convert"]
