"""A spec with other settings, another method among them."""

from typing import Any

from ...spec import METHODS, FinetuneSpec
from ...spec.method import MethodSettings


def changed(spec: FinetuneSpec, changes: dict[str, Any]) -> FinetuneSpec:
    """Return a spec with other settings; of another method it keeps what that one takes too."""
    kept = spec.changed() | changes
    if "method" in changes:
        takes, own = METHODS[changes["method"]].defaults, MethodSettings.__dataclass_fields__
        kept = {n: v for n, v in kept.items() if n == "method" or n not in own or n in takes}
        if spec.method == "full":
            kept.pop("learning_rate", None)
    return FinetuneSpec.from_mapping(kept)
