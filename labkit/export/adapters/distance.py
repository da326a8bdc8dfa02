"""How far an adapter is from the weighted sum of others."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from .lora import Lora


def distance(
    made: Mapping[str, Lora], parts: Sequence[Mapping[str, Lora]], weights: Sequence[float]
) -> float:
    """Return the norm of the difference to the sum of `weight * A B`, as a share of the sum's.

    Args:
        made: The products of an adapter by module.
        parts: Those of the adapters that it was made of.
        weights: How much each counts.
    """
    off = whole = 0.0
    for module in dict.fromkeys(name for of in (made, *parts) for name in of):
        terms = [
            (-weight, part[module])
            for weight, part in zip(weights, parts, strict=True)
            if module in part
        ]
        whole += _square(terms)
        off += _square([*terms, (1.0, made[module])] if module in made else terms)
    return math.sqrt(off / whole) if whole else 0.0


def _square(terms: Sequence[tuple[float, Lora]]) -> float:
    """Return the squared Frobenius norm of a sum of products; no product is multiplied out."""
    if not terms:
        return 0.0
    a = np.concatenate([weight * of.a.astype(np.float64) for weight, of in terms], axis=1)
    b = np.concatenate([of.b.astype(np.float64) for _, of in terms], axis=0)
    return max(0.0, float(((a.T @ a) * (b @ b.T)).sum()))
