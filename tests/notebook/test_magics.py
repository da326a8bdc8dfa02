"""The magics as a learner types them, in a real IPython session on a tiny model."""

import json
import time

import pytest

import labkit
from labkit.errors import RunError, RunStopped, SpecError
from labkit.report import SilentView
from labkit.run import FINISHED, Run, create
from labkit.settings import docs_of
from labkit.spec import FinetuneSpec

pytestmark = [pytest.mark.process, pytest.mark.usefixtures("workplace")]

MAGICS = (
    "data",
    "datasets",
    "evaluate",
    "find_lr",
    "finetune",
    "generate",
    "merge",
    "models",
    "optimize",
    "plan",
    "rate",
    "runs",
    "scaling",
    "stop",
    "sweep",
    "tensorboard",
)
LONG = "max_steps: 100000\neval_steps: 50000"


@pytest.fixture(scope="module")
def folder(settings, tmp_path_factory):
    """A folder with a finished run, `first`, and one not begun, `half`, for the whole module."""
    folder = tmp_path_factory.mktemp("work")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("LABKIT_RUNS", raising=False)
        labkit.finetune(name="first", view=SilentView(), **settings)
        create("half", "finetune", FinetuneSpec(**settings))
    return folder


@pytest.fixture
def body(settings):
    """The settings of the tiny run as the YAML of a cell."""
    return FinetuneSpec(**settings).to_yaml(changed_only=True)


def until(run, holds, seconds=60.0):
    """Wait for a state of a run, not for time."""
    deadline = time.monotonic() + seconds
    while not holds(run):
        assert time.monotonic() < deadline, run.events()[-3:]
        time.sleep(0.01)


def changed(body, more):
    """Return the body with other values for the settings that `more` names."""
    names = {line.split(":")[0] for line in more.splitlines()}
    kept = [line for line in body.splitlines() if line.split(":")[0] not in names]
    return "\n".join([*kept, more])


def offered(shell, text):
    """Return what TAB offers at the end of a cell's text."""
    from IPython.core.completer import provisionalcompleter

    with provisionalcompleter():
        return [found.text for found in shell.Completer.completions(text, len(text))]


def runs_here():
    return {run.name for run in labkit.all_runs()}


def test_the_extension_brings_its_magics_and_takes_them_back(shell):
    found = shell.magics_manager.magics
    assert set(MAGICS) <= set(found["line"])
    assert {"finetune", "find_lr", "generate", "data", "plan"} <= set(found["cell"])
    shell.run_line_magic("unload_ext", "labkit")
    assert not set(MAGICS) & (set(found["line"]) | set(found["cell"]))
    assert "--lora-alpha" not in offered(shell, "%%finetune x --lora")


def test_a_cell_fine_tunes_its_flags_win_and_the_run_is_bound_to_its_name(shell, body, capsys):
    shell.run_cell(f"%%finetune mine --max-steps 2 --lora_alpha=8\n{body}")
    run = shell.user_ns["mine"]
    assert (run.status, run.spec.max_steps, run.spec.lora_alpha) == ("done", 2, 8)
    assert run.spec.learning_rate == 5e-3  # the body's
    assert len(run.of("step")) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_run_without_a_usable_variable_name_is_bound_to_run(shell, body):
    shell.run_cell(f"%%finetune my-run --max-steps 1\n{body}")
    assert shell.user_ns["run"].name == "my-run"


def test_a_dry_run_shows_an_example_and_makes_nothing(shell, body, capsys):
    before = runs_here()
    shell.run_cell(f"%%finetune dry --dry-run\n{body}")
    shown = capsys.readouterr().out
    assert "rows to train on" in shown
    assert "kind:⟶ " in shown
    assert "Labels: animal, colour, number." in shown
    assert runs_here() == before


def test_a_run_in_the_background_returns_at_once_stops_and_resumes(shell, body):
    start = time.monotonic()
    shell.run_cell(f"%%finetune long --background\n{changed(body, LONG)}")
    assert time.monotonic() - start < 1
    run = shell.user_ns["long"]
    until(run, lambda run: run.of("step"))
    shell.run_cell("%stop long")
    until(run, lambda run: run.status in FINISHED)
    assert run.status == "stopped"
    with pytest.raises(RunStopped, match=r"'long' was stopped at step \d+ of 100000"):
        shell.run_cell("%runs long")
    shell.run_cell("%finetune --background --resume long")
    reached = run.of("step")[-1]["step"]
    until(run, lambda run: run.of("step")[-1]["step"] > reached)
    assert run.last("start")["resumed"] is True
    run.stop()
    until(run, lambda run: run.status in FINISHED)


def test_resuming_finishes_a_stopped_run(shell, body, settings):
    run = labkit.finetune(name="paused", wait=False, **settings)
    run.stop()
    until(run, lambda run: run.status in FINISHED)
    assert run.status == "stopped"
    shell.run_cell("%finetune --resume paused")
    assert shell.user_ns["paused"].status == "done"
    assert [step["step"] for step in run.of("step")] == list(range(1, 13))


@pytest.mark.parametrize(
    ("cell", "lines"),
    [
        (
            "%%finetune x\nlerning_rate: 1",
            ["SpecError: There is no setting 'lerning_rate'.", "  Did you mean 'learning_rate'?"],
        ),
        (
            "%%finetune x --rr 3\nseed: 1",
            ["SpecError: There is no option '--rr'.", "  Did you mean '--r'?"],
        ),
        (
            "%%finetune x\nr: 0",
            ["SpecError: r must be from 1 to 1024 (rank); got 0.", "  The default is 16."],
        ),
        (
            "%runs frist",
            None,
        ),
        (
            "%finetune --resume",
            ["SpecError: --resume needs the name of a run.", "  %runs lists the runs there are."],
        ),
        (
            "%%finetune first --resume\nr: 4",
            [
                "SpecError: A run that is resumed keeps its settings; got r.",
                "  Leave them out, or start a new run.",
            ],
        ),
    ],
)
def test_a_mistake_is_two_lines_and_no_traceback(cell, lines, shell, capsys):
    start = time.monotonic()
    with pytest.raises(labkit.LabError):
        shell.run_cell(cell)
    assert time.monotonic() - start < 1
    out, err = capsys.readouterr()
    shown = (out + err).rstrip("\n").splitlines()
    assert len(shown) == 2
    assert lines is None or shown == lines


def test_help_on_the_line_shows_the_options_and_does_not_end_the_session(shell, capsys):
    shell.run_cell("%finetune --help")
    out, err = capsys.readouterr()
    assert "--learning-rate" in out
    assert err == ""


def test_runs_are_listed_as_a_table(shell):
    shell.run_cell("table = get_ipython().run_line_magic('runs', '')")
    table = shell.user_ns["table"]
    assert "first" in repr(table)
    assert "done" in repr(table)
    assert "<table" in table._repr_html_()


def test_a_finished_run_is_shown_by_its_name(shell, capsys):
    shell.run_cell("%runs first")
    shown = capsys.readouterr().err
    assert "first" in shown
    assert "macro" in shown.lower()


def test_an_unknown_run_offers_the_nearest(shell):
    with pytest.raises(RunError) as caught:
        shell.run_cell("%runs frist")
    assert caught.value.hint == "Did you mean 'first'?"


def test_models_and_data_sets_are_listed_with_source_and_licence(shell, capsys):
    shell.run_cell("%models")
    models = capsys.readouterr().out
    assert "smollm2-135m" in models
    assert "Apache" in models or "apache" in models
    shell.run_cell("%datasets")
    assert "phrases" in capsys.readouterr().out


def test_prompts_are_answered_from_a_line_and_from_a_cell(shell):
    shell.run_cell("one = get_ipython().run_line_magic('generate', 'first the cat')")
    shell.run_cell("%%generate first --source base --max-new-tokens 3\nthe cat\n\na red\n")
    one, two = shell.user_ns["one"], shell.user_ns["_"]
    assert len(one) == 1
    assert len(two) == 2
    assert repr(two) == "\n".join(two)


def test_options_may_stand_before_the_prompt(shell):
    shell.run_cell("a = get_ipython().run_line_magic('generate', 'first the cat --source base')")
    shell.run_cell("b = get_ipython().run_line_magic('generate', 'first --source base the cat')")
    assert shell.user_ns["a"] == shell.user_ns["b"] != [""]


def test_no_prompt_is_a_mistake(shell):
    with pytest.raises(SpecError, match="There is no prompt"):
        shell.run_cell("%generate first")


def test_a_run_is_exported_checked_and_answers_from_the_export(shell):
    shell.run_cell("%optimize first --precision fp32 --limit 6")
    export = Run("first/onnx")
    assert export.status == "done"
    assert export.metrics["rungs"]["fp32"]["held_out"]["max_abs_logit_diff"] < 1e-3
    shell.run_cell("%generate first the cat --source fp32 --max-new-tokens 4")
    onnx = shell.user_ns["_"]
    shell.run_cell("%generate first the cat --source adapter --max-new-tokens 4")
    assert onnx == shell.user_ns["_"]
    with pytest.raises(RunError, match="has an fp32 export already; that run is done"):
        shell.run_cell("%optimize first --precision fp32 --limit 6")


def test_a_run_is_measured_by_names_of_metrics_and_by_a_function_of_the_notebook(shell):
    shell.run_cell("def saved(answer, reference):\n    return 2.0 if answer == reference else 0.0")
    shell.run_cell("%evaluate first --metrics accuracy,saved --name both")
    found = shell.user_ns["evaluation"].metrics["models"]["first"]["metrics"]
    assert shell.user_ns["evaluation"].name == "first/evaluations/both"
    assert found["saved"]["value"] == pytest.approx(2 * found["accuracy"]["value"])


def test_a_run_is_merged_and_its_drift_measured(shell):
    shell.run_cell("%merge first --limit 4")
    merged = Run("first/merged")
    assert merged.status == "done"
    assert (merged.path / "model" / "config.json").is_file()
    assert merged.metrics["parity"]["merged"]["max_abs_logit_diff"] < 1e-3


def test_rows_are_reported_on_by_the_settings_of_a_run(shell, body):
    shell.run_cell(f"%%data\n{body}")
    report = shell.user_ns["_"]
    assert "animal" in repr(report)
    assert "<svg" in report._repr_html_() or "<img" in report._repr_html_()


def test_a_learning_rate_is_found_in_a_cell(shell, body):
    shell.run_cell(f"%%find_lr rate\n{body}")
    run = shell.user_ns["rate"]
    assert run.status == "done"
    assert 1e-6 < run.metrics["suggested"] < 1
    assert not run.learned.exists()


def test_logs_that_were_not_written_and_answers_that_cannot_be_rated_are_sentences(shell):
    with pytest.raises(RunError, match="There are no TensorBoard logs in"):
        shell.run_cell("%tensorboard first")
    with pytest.raises(RunError, match="There is no rating of the run 'first'"):
        shell.run_cell("%rate first --read")


def test_the_command_line_measures_and_merges_as_the_magics_do(settings, capsys):
    from labkit.cli import main

    labkit.finetune(name="shelled", view=SilentView(), **settings)
    main(["evaluate", "shelled", "--limit", "4", "--name", "quick"])
    assert Run("shelled/evaluations/quick").metrics["n"] == 4
    main(["merge", "shelled", "--limit", "4"])
    assert Run("shelled/merged").status == "done"
    capsys.readouterr()
    main(["data", str(settings["data"]), "--text-template", settings["text_template"]])
    assert "rows" in capsys.readouterr().out


def test_a_data_frame_gets_into_a_cell_by_its_name(shell, body, words):
    import pandas as pd

    rows = [json.loads(line) for line in words.read_text().splitlines()]
    shell.user_ns["rows"] = pd.DataFrame(rows)
    shell.run_cell(f"%%finetune framed --max-steps 1\n{changed(body, 'data: {{rows}}')}")
    run = shell.user_ns["framed"]
    assert run.status == "done"
    assert run.last("data")["train"] + run.last("data")["validation"] == len(rows)


def test_help_names_every_setting(shell, capsys):
    shell.run_cell("%finetune?")
    shown = capsys.readouterr().out
    assert not [
        name for name in docs_of(FinetuneSpec) if f"--{name.replace('_', '-')}" not in shown
    ]
    for flag in ("--dry-run", "--background", "--resume"):
        assert flag in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%finetune x --lora-", {"--lora-alpha", "--lora-dropout"}),
        ("%%finetune x\nlora_", {"lora_alpha: ", "lora_dropout: "}),
        (
            "%%finetune x\nr: 8\nlr_scheduler_type: co",
            {"cosine", "cosine_with_restarts", "constant", "constant_with_warmup"},
        ),
        ("%%finetune x\nmodel: smol", {"smollm2-135m"}),
        ("%%finetune x\ndata: phr", {"phrases"}),
        ("%runs ha", {"half"}),
        ("%optimize ha", {"half"}),
        ("%optimize first --prec", {"--precision"}),
        ("%generate first --sou", {"--source"}),
        ("%stop ha", {"half"}),
    ],
)
def test_tab_completes_flags_names_settings_and_values(text, expected, shell):
    assert set(offered(shell, text)) == expected


def test_tab_leaves_other_cells_alone(shell):
    shell.user_ns["lora_thing"] = 1
    assert "lora_thing" in offered(shell, "lora_")
    assert "lora_alpha: " not in offered(shell, "lora_")
