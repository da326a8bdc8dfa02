"""The methods: a base model made ready to learn, saved, loaded and merged as its method wants it.

A new method is an entry in `labkit.spec.METHODS` and one in `CONFIGURATIONS`.
"""

from .add import add_adapter, remarks
from .configurations import CONFIGURATIONS
from .devices import placed, spread
from .facts import AdapterFacts, adapter_facts, base_of, embeds, head_of, is_adapted
from .four_bit import compute_in, is_four_bit
from .head import has_head, read_labels, write_labels
from .loading import load_adapter, load_base, load_model, load_tuned
from .merging import load_merged, merge
from .saved import load_weights, save_adapter, state_of
from .starts import changes_the_base, learn_start
from .targets import linear_layers, target_modules

__all__ = [
    "CONFIGURATIONS",
    "AdapterFacts",
    "adapter_facts",
    "add_adapter",
    "base_of",
    "changes_the_base",
    "compute_in",
    "embeds",
    "has_head",
    "head_of",
    "is_adapted",
    "is_four_bit",
    "learn_start",
    "linear_layers",
    "load_adapter",
    "load_base",
    "load_merged",
    "load_model",
    "load_tuned",
    "load_weights",
    "merge",
    "placed",
    "read_labels",
    "remarks",
    "save_adapter",
    "spread",
    "state_of",
    "target_modules",
    "write_labels",
]
