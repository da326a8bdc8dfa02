"""Data sets through the `datasets` package: from the Hugging Face hub, or saved to disk."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from .. import machine
from ..errors import DataError
from .expressions import canonical
from .tables import Source, Table

PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def read_hub(name: str) -> Source:
    """Return the splits of the Hugging Face data set `name`, from the cache where offline."""
    import datasets

    try:
        with _offline_where_it_must():
            return source_of(datasets.load_dataset(name))
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            f"The Hugging Face data set {name!r} cannot be read: {_reason(error)}.",
            hint="Check the name and the connection, or give a local file or folder.",
        ) from error


def read_saved(folder: Path) -> Source:
    """Return the splits of a folder that `datasets.save_to_disk` wrote."""
    import datasets

    try:
        return source_of(datasets.load_from_disk(str(folder)))
    except (OSError, ValueError, KeyError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            f"The folder {folder.name!r} cannot be read as a saved data set: {_reason(error)}.",
            hint="Save it again with datasets.save_to_disk.",
        ) from error


def source_of(data: Any) -> Source:  # noqa: ANN401 - datasets is not imported here
    """Return the tables of a `datasets.DatasetDict` or `datasets.Dataset`."""
    parts = data if isinstance(data, dict) else {"train": data}
    names = [canonical(str(name)) for name in parts]
    if len(set(names)) < len(names):  # dev beside validation: both keep their own names
        names = [str(name) for name in parts]
    tables = [[Table(str(name), part)] for name, part in parts.items()]
    return Source(dict(zip(names, tables, strict=True)))


def is_offline() -> bool:
    """Tell whether no connection may be tried or none can work."""
    if any(map(machine.is_asked, ("LABKIT_OFFLINE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"))):
        return True
    if any(os.environ.get(name) for name in PROXIES):
        return False
    host = urlparse(os.environ.get("HF_ENDPOINT", "https://huggingface.co")).hostname
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return True
    return False


@contextmanager
def _offline_where_it_must() -> Iterator[None]:
    """Put `datasets` in offline mode where that is asked for or no name resolves.

    Without it, an unreachable hub is tried again for half a minute before the cache is used.
    """
    import datasets
    import huggingface_hub.constants as hub

    before = (hub.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE)
    if is_offline():
        hub.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        hub.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = before


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".:")
