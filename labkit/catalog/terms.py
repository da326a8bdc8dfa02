"""Terms of a model that a reader accepts before the first fetch."""

import os
from datetime import UTC, datetime

from ..errors import CatalogError, near
from .cache import cache_root, writing
from .entries import model_entry, models
from .kinds import ModelEntry


def require_terms(entry: ModelEntry) -> None:
    """Refuse to fetch a model whose terms nobody here has accepted yet."""
    if entry.terms_url is None or is_accepted(entry):
        return
    if entry.name in os.environ.get("LABKIT_ACCEPT", "").replace(",", " ").split():
        accept_terms(entry.name)
        return
    raise CatalogError(
        f"{entry.title} is under terms that you accept before it is fetched: {entry.terms_url}",
        hint=f"Read them; accept with `labkit models --accept {entry.name}`, "
        f"or set LABKIT_ACCEPT={entry.name}.",
    )


def accept_terms(name: str) -> None:
    """Remember in the cache folder that the terms of a model of the catalogue are accepted."""
    entry = model_entry(name)
    if entry is None:
        known = [entry.name for entry in models()]
        hint = near(name, known, f"Models: {', '.join(known)}.")
        raise CatalogError(f"There is no model {name!r} in the catalogue.", hint=hint)
    path = cache_root() / "accepted" / entry.name
    with writing():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{entry.terms_url} {datetime.now(UTC):%Y-%m-%d}\n", encoding="utf-8")


def is_accepted(entry: ModelEntry) -> bool:
    """Tell whether the terms of `entry` were accepted before."""
    return (cache_root() / "accepted" / entry.name).is_file()
