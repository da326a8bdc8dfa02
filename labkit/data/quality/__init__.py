"""The data before training: duplicates, labels, lengths, personal data, how the splits differ."""

from .balance import Balance
from .findings import Finding, Place
from .inspection import Quality, inspect_data
from .lengths import Lengths
from .personal import Personal
from .shift import Shift
from .twins import Pair, Twins

__all__ = [
    "Balance",
    "Finding",
    "Lengths",
    "Pair",
    "Personal",
    "Place",
    "Quality",
    "Shift",
    "Twins",
    "inspect_data",
]
