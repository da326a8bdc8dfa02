"""Shares of the rows, drawn by a seed: stratified, grouped, the same on every machine."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from hashlib import sha256

Units = list[list[int]]
"""Lists of row indices that must stay together."""


def units_of(keys: Sequence[Iterable[Hashable]]) -> Units:
    """Return the indices of rows in units: rows that share a key, also through others, are one."""
    parent = list(range(len(keys)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    first: dict[Hashable, int] = {}
    for index, row_keys in enumerate(keys):
        for key in row_keys:
            parent[root(index)] = root(first.setdefault(key, index))
    units = defaultdict(list)
    for index in range(len(keys)):
        units[root(index)].append(index)
    return list(units.values())


def drawn(texts: Sequence[str], seed: int) -> list[int]:
    """Return the indices of texts in an order that depends on each text and the seed alone."""
    return sorted(range(len(texts)), key=lambda i: sha256(f"{seed}\n{texts[i]}".encode()).digest())


def take_share(units: Units, labels: Sequence[str], order: Sequence[int], share: float) -> set[int]:
    """Return the indices of the rows of a share, label by label as near to it as units allow.

    Args:
        units: Rows that stay together.
        labels: A label per row; one and the same where there are none.
        order: Indices of units, in the order in which they are tried.
        share: Share of the rows, from 0 to 1.
    """
    total = Counter(labels)
    want = {label: max(1, round(share * n)) for label, n in total.items()}
    taken: Counter[str] = Counter()
    chosen: set[int] = set()
    for unit in (units[i] for i in order):
        held = Counter(labels[i] for i in unit)
        gain = sum(min(n, want[label] - taken[label]) for label, n in held.items())
        left = all(taken[label] + n < total[label] for label, n in held.items())
        if left and gain > 0 and 2 * gain >= len(unit):
            taken += held
            chosen.update(unit)
    return chosen


def take_limit(labels: Sequence[str], order: Sequence[int], limit: int) -> list[int]:
    """Return the indices of `limit` rows in their own order, each label in proportion.

    Each label keeps at least one row; the caller sees to it that `limit` allows that.
    """
    quota = _quotas(Counter(labels), limit)
    chosen = []
    for index in order:
        if quota[labels[index]] > 0:
            quota[labels[index]] -= 1
            chosen.append(index)
    return sorted(chosen)


def _quotas(total: Counter[str], limit: int) -> dict[str, int]:
    """Return rows per label: one each, the rest by largest remainder."""
    rows = sum(total.values())
    names = sorted(total)
    quota = dict.fromkeys(names, 1)
    for _ in range(limit - len(names)):
        short = max(names, key=lambda n: (total[n] * limit / rows - quota[n], n))
        quota[short] += 1
    return quota
