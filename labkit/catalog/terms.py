"""Terms of a model that a reader accepts before the first fetch."""

import os
from datetime import UTC, datetime

from ..errors import CatalogError
from .cache import cache_root, writing
from .kinds import ModelEntry


def require_terms(entry: ModelEntry) -> None:
    """Refuse to fetch a model whose terms nobody here has accepted yet."""
    if entry.terms_url is None or is_accepted(entry):
        return
    if entry.name in os.environ.get("LABKIT_ACCEPT", "").replace(",", " ").split():
        accept_terms(entry)
        return
    raise CatalogError(
        f"{entry.title} is under terms that you accept before it is fetched: {entry.terms_url}",
        hint=f"Read them; accept with `labkit models --accept {entry.name}`, "
        f"or set LABKIT_ACCEPT={entry.name}.",
    )


def accept_terms(entry: ModelEntry) -> None:
    """Remember in the cache folder that the terms of `entry` are accepted."""
    path = cache_root() / "accepted" / entry.name
    with writing():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{entry.terms_url} {datetime.now(UTC):%Y-%m-%d}\n", encoding="utf-8")


def is_accepted(entry: ModelEntry) -> bool:
    """Tell whether the terms of `entry` were accepted before."""
    return (cache_root() / "accepted" / entry.name).is_file()
