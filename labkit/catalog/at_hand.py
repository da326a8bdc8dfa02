"""Where a model or data set lies already; nothing is fetched to find out."""

from pathlib import Path

from .datasets import is_at_hand
from .entries import data_entry, model_entry
from .names import check_model_name
from .resolve import cached


def model_at_hand(name: str) -> Path | None:
    """Return the local folder of a model, or None where it has to be fetched first.

    Raises:
        CatalogError: There is no such model.
    """
    check_model_name(name)
    entry = model_entry(name)
    if entry is not None:
        return cached(entry)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    from .hub import local_folder

    return local_folder(name)


def data_at_hand(name: str) -> bool:
    """Tell whether a data set of the catalogue can be read now; any other name can be tried."""
    entry = data_entry(name)
    return entry is None or is_at_hand(entry)
