"""Settings that depend on another one, as those of a method or of a loss: who takes them, and how.

Each value of the deciding setting takes some of them, with defaults of its own; the rest are None.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ..errors import SpecError, listed
from ..settings import Spec, setting


def dependent(**rule: Any) -> Any:  # noqa: ANN401 - a dataclass field of any type
    """Return a setting that another one gives its default, or that goes with another value."""
    return setting(None, is_dependent=True, **rule)


def settle(
    spec: Spec,
    names: Collection[str],
    decides: str,
    defaults: Mapping[str, Any],
    takers: Callable[[str], Sequence[str]],
) -> None:
    """Give the dependent settings of a spec their defaults.

    Args:
        spec: The settings.
        names: The settings that depend, and the one that decides.
        decides: The name of that one.
        defaults: What its value takes, with the defaults.
        takers: Returns the values that take a setting.

    Raises:
        SpecError: A setting was given that the value does not take.
    """
    chosen = getattr(spec, decides)
    for name in names:
        value = getattr(spec, name)
        if name == decides:
            continue
        if name not in defaults and value is not None:
            raise SpecError(
                f"The {decides} {chosen} has no setting {name}; got {value!r}.",
                hint=f"Leave it out, or take {listed(takers(name))}; {chosen} has "
                f"{', '.join(defaults) or 'none'}.",
            )
        if value is None:
            object.__setattr__(spec, name, defaults.get(name))


def default_hint(
    names: Collection[str], decides: str, chosen: str, defaults: Mapping[str, Any], name: str
) -> str | None:
    """Return what a dependent setting is when it is left out; None for any other setting."""
    if name == decides or name not in names:
        return None
    if name not in defaults:
        return f"The {decides} {chosen} has no such setting."
    return f"The default is {defaults[name]!r}."
