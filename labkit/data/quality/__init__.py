"""The data before training: duplicates, labels, lengths, personal data, how the splits differ."""

from .balance import Balance
from .findings import Finding, Place
from .inspection import Quality, inspect_data, inspected
from .lengths import Lengths
from .material import Material, material_of
from .personal import Personal
from .shift import Shift
from .twins import Pair, Twins

__all__ = [
    "Balance",
    "Finding",
    "Lengths",
    "Material",
    "Pair",
    "Personal",
    "Place",
    "Quality",
    "Shift",
    "Twins",
    "inspect_data",
    "inspected",
    "material_of",
]
