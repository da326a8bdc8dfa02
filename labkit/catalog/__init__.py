"""Names to models and data sets: hub, package index or local folder; checked by hash, cached."""

from .at_hand import data_at_hand, model_at_hand
from .cache import cache_root
from .datasets import data_files, resolve_data
from .entries import DataEntry, ModelEntry, data_entry, data_sets, model_entry, models
from .licences import model_notes
from .listing import data_table, models_table
from .names import check_model_name
from .resolve import cached, resolve_entry, resolve_model
from .terms import accept_terms
from .untrained import untrained

__all__ = [
    "DataEntry",
    "ModelEntry",
    "accept_terms",
    "cache_root",
    "cached",
    "check_model_name",
    "data_at_hand",
    "data_entry",
    "data_files",
    "data_sets",
    "data_table",
    "model_at_hand",
    "model_entry",
    "model_notes",
    "models",
    "models_table",
    "resolve_data",
    "resolve_entry",
    "resolve_model",
    "untrained",
]
