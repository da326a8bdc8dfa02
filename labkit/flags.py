"""Flags made from a spec's settings, for the magics and the command line alike."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NoReturn, get_args, get_origin

from .errors import SpecError, near
from .settings import Rule, Spec, docs_of, types_of
from .spec import CombineSettings, CrossSpec, FinetuneSpec, SweepSpec
from .yaml import parse_yaml


class Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are `SpecError`s with the nearest flag."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's
        super().__init__(
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **options,
        )

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print and exit on."""
        unknown = re.search(r"unrecognized arguments: (\S+)", message)
        flags = [action.option_strings[0] for action in self._actions if action.option_strings]
        hint = f"{self.prog} --help lists what there is."
        if unknown:
            name = unknown[1].split("=")[0]
            raise SpecError(
                f"There is no option {name!r}.",
                hint=near(name, [flag for flag in flags if "_" not in flag], hint),
            )
        raise SpecError(f"{message[:1].upper()}{message[1:]}.", hint=hint)


def add_settings(
    parser: argparse.ArgumentParser, spec: type[Spec], skip: Sequence[str] = ()
) -> None:
    """Add one `--flag` for each setting of `spec`; flags not given stay out of the result."""
    group = parser.add_argument_group("settings")
    for name, text in docs_of(spec).items():
        if name in skip:
            continue
        flags = list(dict.fromkeys((f"--{name.replace('_', '-')}", f"--{name}")))
        extra: dict[str, Any] = {"type": _reader(name, types_of(spec)[name]), "metavar": "VALUE"}
        if types_of(spec)[name] is bool:
            extra |= {"nargs": "?", "const": True}
        help_text = f"{text} {_facts(spec, name)}".strip().replace("%", "%%")
        group.add_argument(*flags, dest=name, default=argparse.SUPPRESS, help=help_text, **extra)


def _facts(spec: type[Spec], name: str) -> str:
    """Return a setting's default and rule in brackets; nothing where there are none to tell."""
    field = next(one for one in fields(spec) if one.name == name)  # type: ignore[arg-type]
    rule = field.metadata.get("rule", Rule())
    default = "" if rule.is_dependent else _shown(field.default)
    facts = [f"default: {default}" if default else "", str(rule)]
    return f"[{'; '.join(filter(None, facts))}]" if any(facts) else ""


def _shown(default: object) -> str:
    """Return a default as it is written on a line; nothing where it is left out or off."""
    if default is None or default is False or default is MISSING:
        return ""
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def settings_of(
    parsed: argparse.Namespace, spec: type[Spec], skip: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the settings that were given as flags."""
    return given(parsed, *(name for name in docs_of(spec) if name not in skip))


def given(parsed: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the options of these names that were given."""
    return {name: value for name, value in vars(parsed).items() if name in names}


def sweep_settings_of(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of a search and of its fine-tunings that were given as flags."""
    return settings_of(parsed, SweepSpec) | settings_of(parsed, FinetuneSpec)


def adapters_settings_of(parsed: argparse.Namespace) -> dict[str, Any]:
    """Return the settings given as flags of what is done with several adapters, but their names."""
    names = ("adapters",)
    return settings_of(parsed, CombineSettings, names) | settings_of(parsed, CrossSpec, names)


def resumable(name: str | None, settings: Mapping[str, Any]) -> str:
    """Return the name of the run to resume; nothing else may be asked with it."""
    if not name:
        raise SpecError("--resume needs the name of a run.", hint="%runs lists the runs there are.")
    if settings:
        raise SpecError(
            f"A run that is resumed keeps its settings; got {', '.join(settings)}.",
            hint="Leave them out, or start a new run.",
        )
    return name


def resuming(name: str | None, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `api.resume` is given: the run, and whether a loss in it may be run."""
    others = {key: value for key, value in settings.items() if key != "trust_remote_code"}
    trusts = bool(settings.get("trust_remote_code", False))
    return {"name": resumable(name, others), "trust_remote_code": trusts}


def named(name: str | None) -> str:
    """Return the name of the run whose program is to be shown."""
    if not name:
        raise SpecError("--show-code needs the name of a run.", hint="Or settings: see finetune.")
    return name


def read_settings(file: str) -> dict[str, Any]:
    """Return the settings in a YAML file."""
    try:
        return parse_yaml(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"The file {file!r} cannot be read: {error}.", hint="Give the path of a YAML file."
        ) from error


def _reader(name: str, kind: Any) -> Any:  # noqa: ANN401 - a type form
    """Return the function that reads a flag's text as YAML would read the setting's value."""
    options = (kind,) if get_origin(kind) is tuple else get_args(kind) or (kind,)
    takes_list = any(get_origin(option) is tuple for option in options)

    def read(text: str) -> Any:  # noqa: ANN401 - any setting
        if takes_list:
            return tuple(part.strip() for part in text.split(",")) if "," in text else text
        if name.endswith("_template"):  # a shell hands \n over as it is typed
            return text.replace("\\n", "\n").replace("\\t", "\t")
        if str in options:
            return text
        return parse_yaml(f"{name}: {text}")[name]

    return read
