"""Olive's configurations, in the module's old form and in today's, as jobs here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import SpecError, listed, near
from ..yaml import parse_yaml, write_yaml
from .exports import read_export
from .keys import (
    AROUND,
    EXPORTS,
    FOUND,
    LEARNING,
    PASSES,
    READ,
    SEARCHABLE,
    STRATEGY,
    UNUSED_STRATEGY,
    WORDS,
)
from .options import RENAMED
from .standins import StandIns
from .today import configuration
from .training import Training, unknown
from .understood import Understood


def read_file(file: str, standins: StandIns) -> list[Understood]:
    """Return the jobs of a configuration file, YAML or JSON.

    Raises:
        SpecError: It cannot be read, or something in it is not known here.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"The configuration {file!r} cannot be read: {error}.", hint="Give the path of a file."
        ) from error
    return read_text(text, standins)


def read_text(text: str, standins: StandIns) -> list[Understood]:
    """Return the jobs of a configuration; `1e-6` is a number, as in YAML 1.2."""
    values = json.loads(text) if text.lstrip().startswith("{") else parse_yaml(text)
    return Reading(text, values, standins).jobs()


class Reading:
    """One configuration as it is read.

    Args:
        said: Its text.
        values: What it holds.
        standins: What is taken for names.
    """

    def __init__(self, said: str, values: Mapping[str, Any], standins: StandIns) -> None:
        engine = values.get("engine")
        self.said, self.standins = said, standins
        self.values = {**(engine if isinstance(engine, Mapping) else {}), **values}
        self.training = Training(standins)
        self.space: dict[str, Any] = {}
        self.exports: dict[str, Any] = {}
        self._strategy: dict[str, Any] = {}

    def jobs(self) -> list[Understood]:
        """Return a fine-tuning or a search, and then an export, as far as they are asked for."""
        values, notes = dict(self.values), self.training.notes
        self._model(values)
        kinds = [self._pass(name, one) for name, one in self._passes(values.pop("passes", {}))]
        self._data(values.pop("data_configs", None))
        self._take(_flat(values.pop("training_config", {})), "training_config")
        self._take(_flat(values.pop("training_args", {})), "training_args")
        self._target(values)
        self._search(values)
        output = values.pop("output_dir", None) or values.pop("output_path", None)
        for key in [*values]:
            if key not in AROUND:
                known = [*AROUND, *READ]
                raise SpecError(
                    f"A configuration has no {key!r} that is known here.",
                    hint=near(key, known, f"Known are {listed(known, 'and')}."),
                )
            notes.add("not needed", f"{key}: {AROUND[key]}")
        found = []
        if "export" not in kinds or "train" in kinds or self.space:
            found.append(self._learning(output))
        if "export" in kinds:
            found.append(self._export(output, bool(found)))
        return found

    def _learning(self, output: str | None) -> Understood:
        training = self.training
        task = str(training.settings.get("task", ""))
        settings = training.finish(task=task)
        if self.space:
            fixed = {name: value for name, value in settings.items() if name not in self.space}
            settings = {**fixed, "search_space": self.space, **self._strategy}
        job = "sweep" if self.space else "finetune"
        notes = training.notes.ordered()
        return Understood(
            self.said, job, settings, output=output, remarks=notes, today=self._today()
        )

    def _export(self, output: str | None, follows: bool) -> Understood:
        given = dict(self.exports)
        model = self.training.settings.get("model")
        if follows:
            given["model_name_or_path"] = output or "the run before"
        elif model is not None:
            given["model_name_or_path"] = model
        if output:
            given["output_path"] = f"{output}/onnx" if follows else output
        export = read_export(self.said, given, self.standins, name="optimize")
        return replace(export, follows=follows)

    def _model(self, values: dict[str, Any]) -> None:
        """Read the model, of which a form without `config` is today's."""
        raw = values.pop("input_model", None) or values.pop("model", None)
        if raw is None:
            return
        flat = _flat(raw if isinstance(raw, Mapping) else {"model_path": raw})
        kind = str(flat.pop("type", "HfModel"))
        if kind.lower() not in ("hfmodel", "pytorchmodel", "onnxmodel"):
            raise SpecError(
                f"A model must be HfModel, PyTorchModel or ONNXModel; got {kind!r}.",
                hint="See docs/olive.md.",
            )
        if kind.lower() == "pytorchmodel":
            self.training.notes.add(
                "renamed", "model of type PyTorchModel is input_model of type HfModel today."
            )
        for extra in ("load_kwargs", "hf_config"):
            flat |= _flat(flat.pop(extra, None) or {})
        if "model_name" in flat:
            flat["model_path"] = flat.pop("model_name")
        if adapter := flat.pop("adapter_path", None):
            self.exports["adapter_path"] = adapter
        for name in FOUND & flat.keys():
            self.training.notes.add("not needed", f"{name}: it is found from the model.")
        self._take({name: flat[name] for name in flat if name not in FOUND}, "The model")

    def _data(self, raw: Any) -> None:  # noqa: ANN401 - from a file
        """Read the rows: the first data set trains, a second one validates."""
        every = raw if isinstance(raw, list) else [raw] if raw else []
        for number, one in enumerate(every):
            load, shape = (
                _flat(one.get(f"{name}_config") or {})
                for name in ("load_dataset", "pre_process_data")
            )
            for name in ("trust_remote_code", "type", "subset", "batch_size"):
                load.pop(name, None)
                shape.pop(name, None)
            part = load.pop("split", None)
            if part is not None:
                self._take(
                    {"train_split" if number == 0 else "eval_split": part}, "load_dataset_config"
                )
            if number == 0:
                self._take(load | shape, f"The data {one.get('name', '')}".strip())

    def _passes(self, raw: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:  # noqa: ANN401
        """Yield the passes by name, one of them where a name has several."""
        for name, one in dict(raw).items():
            for each in one if isinstance(one, list) else [one]:
                yield name, each

    def _pass(self, name: str, raw: Mapping[str, Any]) -> str:
        """Read one pass; return what it is for."""
        flat = _flat(raw)
        kind = str(flat.pop("type", name))
        for reference in ("train_data_config", "eval_data_config", "data_config"):
            flat.pop(reference, None)
        if kind.lower() in LEARNING:
            self.training.settings["method"] = kind.lower()
            flat |= _flat(flat.pop("training_args", None) or {})
            self._take(flat, f"The pass {kind}")
            return "train"
        if kind.lower() in EXPORTS:
            self.exports |= EXPORTS[kind.lower()]
            if "precision" in flat:
                self.exports["precision"] = flat["precision"]
            return "export"
        raise SpecError(
            f"The pass {kind!r} has no counterpart here.",
            hint=near(kind, PASSES, f"There are {listed(PASSES, 'and')}."),
        )

    def _take(self, given: Mapping[str, Any], where: str) -> None:
        """Put settings in; a list where there should be one value, or a word, is searched."""
        for name, value in given.items():
            searched = self._searched(name, value)
            if not searched and not self.training.take(name, value):
                raise unknown(name, where)

    def _searched(self, name: str, value: Any) -> bool:  # noqa: ANN401 - from a file
        setting = RENAMED.get(name, name)
        if value in WORDS:
            if setting not in SEARCHABLE:
                raise SpecError(
                    f"{name}: {value} has no values here.",
                    hint=f"Give a list; there are values for {listed([*SEARCHABLE], 'and')}.",
                )
            self.space[setting] = SEARCHABLE[setting]
            return True
        if isinstance(value, list) and setting in SEARCHABLE:
            self.space[setting] = value
            return True
        return False

    def _target(self, values: dict[str, Any]) -> None:
        """Read what the model will run on."""
        systems, target = values.pop("systems", {}), values.pop("target", None)
        system = systems.get(target) or next(iter(systems.values()), None) if systems else None
        flat = _flat(system or {})
        accelerators = flat.get("accelerators") or [{}]
        providers = accelerators[0].get("execution_providers") or (
            [accelerators[0]["device"]] if "device" in accelerators[0] else []
        )
        if providers:
            key = "provider" if str(providers[0]).endswith("Provider") else "device"
            self.exports[key] = providers[0]

    def _search(self, values: dict[str, Any]) -> None:
        """Read how to search, in the module's form and in Olive's."""
        strategy, space = values.pop("search_strategy", None), values.pop("search_space", None)
        self.space |= dict(space or {})
        if not isinstance(strategy, Mapping):
            return
        for name, value in strategy.items():
            if name in STRATEGY:
                self._strategy[STRATEGY[name]] = "grid" if value == "sequential" else value
            elif name not in UNUSED_STRATEGY:
                raise SpecError(
                    f"search_strategy has no {name!r} that is known here.",
                    hint=near(name, STRATEGY, f"Known are {listed([*STRATEGY], 'and')}."),
                )
        if not self.space:
            self._strategy = {}
            self.training.notes.add("not needed", "search_strategy: nothing is to be searched.")

    def _today(self) -> str:
        """Return the configuration for today's Olive."""
        asked = self.training.settings
        return write_yaml(configuration(asked, self.space, self._strategy))


def _flat(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping whose `config` and `params` stand in it themselves."""
    values = dict(raw)
    for inner in ("config", "params"):
        values |= dict(values.pop(inner, None) or {})
    return values
