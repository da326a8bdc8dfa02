"""Olive's commands and passes for ONNX as an export here."""

from collections.abc import Mapping
from typing import Any

from ..errors import SpecError, listed, near
from ..spec.optimize import PRECISIONS
from .export_options import ADAPTERS, ALGORITHMS, DEVICES, IGNORED, PATHS, TARGETS, TUNED
from .options import NOT_NEEDED, REMOTE
from .standins import DATA, MODEL, StandIns
from .understood import Notes, Understood


def read_export(
    said: str, given: Mapping[str, Any], standins: StandIns, *, name: str
) -> Understood:
    """Return the export that `auto-opt`, `optimize` or `quantize` asks for.

    Args:
        said: The command.
        given: Values by option.
        standins: What is taken for names.
        name: Olive's command.
    """
    notes, rest = Notes(), dict(given)
    output = _taken(rest, "output_path", "o")
    settings: dict[str, Any] = {"precision": (_precision(rest, notes, name),)}
    _algorithm(rest, settings, notes)
    _target(rest, settings, notes)
    run = _run(rest, standins, notes)
    _ignore(rest, notes, name)
    if name == "auto-opt":
        notes.add("renamed", "auto-opt is optimize, here and in today's Olive.")
    notes.add(
        "default",
        "The export is compared with the tuned model before it is called done, and measured beside "
        "PyTorch; Olive writes it and says nothing of either.",
    )
    today, rows = _today(given, settings), standins.names.get(DATA)
    remarks = notes.ordered()
    return Understood(
        said, "optimize", settings, run, rows=rows, output=output, remarks=remarks, today=today
    )


def read_adapters(said: str, given: Mapping[str, Any], standins: StandIns) -> Understood:
    """Return the export of several adapters on one base that `generate-adapter` asks for."""
    notes, rest = Notes(), dict(given)
    output = _taken(rest, "output_path", "o")
    base, paths = _taken(rest, *PATHS), _taken(rest, "adapter_paths", *ADAPTERS)
    if paths is None:
        raise SpecError(
            "An ONNX model whose adapters are taken out again has no counterpart here; got "
            f"{base or 'no adapters'}.",
            hint="Name the adapters: generate-adapter --base_model_path MODEL --adapter_paths A,B",
        )
    names = [standins.of(path.strip(), notes) for path in str(paths).split(",")]
    base = standins.of(str(base), notes) if base else None
    _ignore(rest, notes, "generate-adapter")
    notes.add(
        "changed",
        "The base is exported once, each adapter is a file of its own beside it, switched on while "
        "the model answers: %generate --adapter NAME.",
    )
    settings = {"adapters": tuple(names), "precision": ("fp32",)}
    today = (
        "olive capture-onnx-graph -m BASE -a ADAPTER -o CAPTURED\n"
        "olive generate-adapter -m CAPTURED -o OUT"
    )
    rows, remarks = standins.names.get(DATA), notes.ordered()
    return Understood(
        said, "optimize", settings, base, rows=rows, output=output, remarks=remarks, today=today
    )


def read_tuning(said: str, given: Mapping[str, Any], standins: StandIns) -> Understood:
    """Return the search for session settings that `tune-session-params` asks for."""
    notes, rest = Notes(), dict(given)
    output = _taken(rest, "output_path", "o")
    settings: dict[str, Any] = {"tune": "60s"}
    providers = _taken(rest, "providers_list")
    if providers:
        rest["provider"] = str(providers).split(",")[0].strip()
    _target(rest, settings, notes)
    run = _run(rest, standins, notes)
    for option in TUNED & rest.keys():
        del rest[option]
        notes.add("not needed", f"{option}: the settings worth trying are chosen by measurement.")
    _ignore(rest, notes, "tune-session-params")
    rows, remarks = standins.names.get(DATA), notes.ordered()
    return Understood(
        said, "optimize", settings, run, rows=rows, output=output, remarks=remarks, today=said
    )


def _run(rest: dict[str, Any], standins: StandIns, notes: Notes) -> str:
    """Return the path of what is to be exported: an adapter's, or a model's."""
    adapter, model = _taken(rest, *ADAPTERS), _taken(rest, *PATHS)
    path = adapter or model
    if path is None:
        return standins.missing(MODEL, "", notes)
    return standins.of(str(path), notes)


def _precision(rest: dict[str, Any], notes: Notes, name: str) -> str:
    asked = str(_taken(rest, "precision") or ("int8" if name == "quantize" else "fp32")).lower()
    known = {"float32": "fp32", "uint8": "int8", "uint4": "int4"}.get(asked, asked)
    if known not in PRECISIONS:
        raise SpecError(
            f"precision must be one of {listed(PRECISIONS)} here; got {asked!r}.",
            hint="int8 has half the size of fp16 and the tuned model's answers.",
        )
    return known


def _algorithm(rest: dict[str, Any], settings: dict[str, Any], notes: Notes) -> None:
    asked = _taken(rest, "algorithm")
    if asked is None:
        return
    if str(asked) not in ALGORITHMS:
        raise SpecError(
            f"algorithm must be one of {listed([*ALGORITHMS])} here; got {asked!r}.",
            hint=near(
                str(asked),
                ALGORITHMS,
                "Leave it out: int4 takes the cheapest that passes its gate.",
            ),
        )
    if settings["precision"] == ("int4",):
        settings["int4"] = ALGORITHMS[str(asked)]
        notes.add("renamed", f"algorithm {asked} is int4 {settings['int4']} here.")


def _target(rest: dict[str, Any], settings: dict[str, Any], notes: Notes) -> None:
    provider, device = _taken(rest, "provider", "execution_provider"), _taken(rest, "device")
    if provider is None and device is None:
        return
    known = TARGETS if provider else DEVICES
    asked = str(provider or device)
    if asked not in known:
        raise SpecError(
            f"{'provider' if provider else 'device'} must be one of {listed([*known])}; "
            f"got {asked!r}.",
            hint="labkit targets lists what is installed and what brings the rest.",
        )
    settings["target"] = known[asked]
    notes.add("renamed", f"{asked} is target {known[asked]} here.")


def _ignore(rest: Mapping[str, Any], notes: Notes, where: str) -> None:
    """Take what asks for nothing; refuse the rest."""
    known = NOT_NEEDED | IGNORED
    for name in rest:
        if name in REMOTE:
            raise SpecError(f"labkit submits no work to a cloud; got {name}.", hint="Leave it out.")
        if name == "trust_remote_code":
            continue
        if name not in known:
            hint = near(
                name,
                [*known, *PATHS, *ADAPTERS, "precision", "provider", "output_path"],
                "olive --help says which there are.",
            )
            raise SpecError(f"olive {where} has no option {name!r} that is known here.", hint=hint)
        notes.add("not needed", f"{name}: {known[name]}")


def _taken(rest: dict[str, Any], *names: str) -> Any:  # noqa: ANN401 - an option's value
    found = [rest.pop(name) for name in names if name in rest]
    return found[0] if found else None


def _today(given: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    words = ["olive", "optimize"]
    for names, option in ((PATHS, "-m"), (ADAPTERS, "-a")):
        words += next(([option, str(given[name])] for name in names if name in given), [])
    provider = next(
        (name for name, target in TARGETS.items() if target == settings.get("target")), None
    )
    words += ["--provider", provider] if provider else []
    words += ["--precision", settings["precision"][0]]
    output = given.get("output_path", given.get("o"))
    return " ".join([*words, *(["-o", str(output)] if output else [])])
