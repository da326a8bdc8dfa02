"""Open a session of ONNX Runtime as a model's folder and its machine want it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..errors import ExportError
from ..machine import processors
from .folder import section
from .targets import CPU, Target, choose, devices, named

SECTION = "session"
"""Of a folder's `labkit.json`: the settings that were measured to be best, `Settings` as JSON."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a session runs; the names are ONNX Runtime's, the defaults labkit's."""

    target: str = "cpu"
    """Execution provider by its short name."""

    intra_op_num_threads: int | None = None
    """Threads within an operator; None: one per core."""

    inter_op_num_threads: int = 1
    """Operators at a time; above 1 the graph's branches run side by side."""

    graph_optimization_level: str = "all"
    """"basic", "extended" or "all"; none at all would not compute the scales of quantised weights,
    which are stored in float16, before the products that need them are laid out."""

    allow_spinning: bool = True
    """Whether threads wait for work awake: quicker alone, dearer beside others."""

    enable_cpu_mem_arena: bool = True
    """Whether freed memory is kept for the next call."""

    enable_mem_pattern: bool = True
    """Whether memory is laid out ahead for shapes seen before."""

    share_cache: bool = True
    """Whether keys and values grow in place, where the graph's attention can; else copied."""

    provider_options: Mapping[str, str] = field(default_factory=dict)
    """Options of the execution provider beyond labkit's own."""

    def as_json(self) -> dict[str, Any]:
        """Return what differs from the defaults, for `labkit.json`."""
        usual = asdict(Settings())
        return {name: value for name, value in asdict(self).items() if value != usual[name]}


def settings_of(folder: Path, *, threads: int | None, target: str | None) -> Settings:
    """Return a folder's tuned settings, with what the caller asks for in their place.

    Threads tuned on a larger machine are cut to the processors that there are.
    """
    known = {one.name for one in fields(Settings)}
    tuned = {name: value for name, value in section(folder, SECTION).items() if name in known}
    found = Settings(**tuned)
    if target not in (None, found.target):
        found = Settings(target=str(target))  # tuned for another target
    wanted = threads or found.intra_op_num_threads
    n = min(wanted, processors()) if wanted and not threads else wanted
    return replace(found, intra_op_num_threads=n)


def open_session(file: Path, settings: Settings) -> Any:  # noqa: ANN401 - onnxruntime is not typed
    """Open a graph; what the target's provider has no kernel for runs on the processor.

    Raises:
        ExportError: The target is not installed, or the file cannot be opened.
    """
    import onnxruntime

    target = choose(settings.target)
    options = _options(settings)
    providers = _add_devices(options, target, settings)
    try:
        return onnxruntime.InferenceSession(file, options, providers=providers)
    except Exception as error:
        hint = "Optimise the run again; the file may be cut off or from another version."
        raise ExportError(f"ONNX Runtime cannot open {file}: {error}", hint) from error


def shares_cache(folder: Path, settings: Settings) -> bool:
    """Tell whether a graph's keys and values may grow in place: the builder says if they can."""
    config = folder / "genai_config.json"
    if not (settings.share_cache and settings.target == "cpu" and config.is_file()):
        return False
    found = json.loads(config.read_text(encoding="utf-8"))
    return bool(found.get("search", {}).get("past_present_share_buffer"))


def bound_run(
    session: Any,  # noqa: ANN401 - onnxruntime is not typed
    inputs: Mapping[str, Any],
    output: str,
    grown: Mapping[str, Any],
) -> Any:  # noqa: ANN401
    """Run a graph that writes some outputs into values that are there; return another output.

    Adapters of a call do not reach a bound run.
    """
    binding = session.io_binding()
    for name, value in inputs.items():
        binding.bind_ortvalue_input(name, value)
    binding.bind_output(output, "cpu")
    for name, value in grown.items():
        binding.bind_ortvalue_output(name, value)
    session.run_with_iobinding(binding)
    return binding.get_outputs()[0]


def fallback_of(session: Any, name: str) -> str | None:  # noqa: ANN401 - onnxruntime is not typed
    """Return the sentence on what a session leaves to the processor; None where it is nothing."""
    return fallback(nodes_of(session), named(name))


def nodes_of(session: Any) -> dict[str, Counter[str]]:  # noqa: ANN401 - onnxruntime is not typed
    """Return how many nodes of each kind every execution provider got, by provider."""
    found: dict[str, Counter[str]] = {}
    for part in session.get_provider_graph_assignment_info():
        kinds = found.setdefault(part.ep_name, Counter())
        kinds.update(node.op_type for node in part.get_nodes())
    return found


def fallback(nodes: Mapping[str, Counter[str]], target: Target) -> str | None:
    """Return the sentence on what a target leaves to the processor; None where it takes all.

    Args:
        nodes: What `nodes_of` returned.
        target: What the session was opened for.
    """
    own, left = nodes.get(target.provider, Counter()), nodes.get(CPU, Counter())
    n_own, n_left = own.total(), left.total()
    if target.provider == CPU or not n_left:
        return None
    kinds = ", ".join(f"{n} {kind}" for kind, n in left.most_common(4))
    more = ", …" if len(left) > 4 else ""
    n = n_own + n_left
    return f"{target.provider} runs {n_own} of {n} nodes; the processor runs {kinds}{more}."


def _options(settings: Settings) -> Any:  # noqa: ANN401 - onnxruntime is not typed
    from onnxruntime import ExecutionMode, GraphOptimizationLevel, SessionOptions

    options = SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = settings.intra_op_num_threads or 0
    level = f"ORT_{_LEVELS[settings.graph_optimization_level]}"
    options.graph_optimization_level = getattr(GraphOptimizationLevel, level)
    options.enable_cpu_mem_arena = settings.enable_cpu_mem_arena
    options.enable_mem_pattern = settings.enable_mem_pattern
    if settings.inter_op_num_threads > 1:
        options.inter_op_num_threads = settings.inter_op_num_threads
        options.execution_mode = ExecutionMode.ORT_PARALLEL
    if not settings.allow_spinning:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return options


_LEVELS = {
    "basic": "ENABLE_BASIC",
    "extended": "ENABLE_EXTENDED",
    "all": "ENABLE_ALL",
}


def _add_devices(options: Any, target: Target, settings: Settings) -> list[Any] | None:  # noqa: ANN401
    """Return the providers by name, or put a plug-in's device into the options and return None."""
    if found := devices(target):
        options.add_provider_for_devices(found[:1], dict(settings.provider_options))
        return None
    own = dict(target.options) | dict(settings.provider_options)
    if target.name == "openvino" and settings.intra_op_num_threads:
        own["num_of_threads"] = str(settings.intra_op_num_threads)
    return [CPU] if target.provider == CPU else [(target.provider, own), CPU]
