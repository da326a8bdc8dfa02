import pytest

from labkit.cli import main
from labkit.errors import SpecError
from labkit.flags import Parser, add_settings, settings_of
from labkit.spec import FinetuneSpec


def read(line):
    parser = Parser(prog="labkit finetune")
    add_settings(parser, FinetuneSpec)
    return settings_of(parser.parse_args(line.split()), FinetuneSpec)


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("", {}),
        ("--learning-rate 1e-4 --r 8", {"learning_rate": 1e-4, "r": 8}),
        ("--learning_rate=1e-4", {"learning_rate": 1e-4}),
        ("--gradient-checkpointing", {"gradient_checkpointing": True}),
        ("--gradient-checkpointing false", {"gradient_checkpointing": False}),
        ("--target-modules q_proj,v_proj", {"target_modules": ("q_proj", "v_proj")}),
        ("--target-modules all-linear", {"target_modules": "all-linear"}),
        ("--model 12", {"model": "12"}),
        (r"--text-template Q:{q}\nA:{a}", {"text_template": "Q:{q}\nA:{a}"}),
    ],
)
def test_flags_and_yaml_mean_the_same(line, settings):
    assert read(line) == settings


def test_an_unknown_flag_offers_the_nearest():
    with pytest.raises(SpecError) as caught:
        read("--learning-rat 3")
    assert caught.value.args == (
        "There is no option '--learning-rat'.",
        "Did you mean '--learning-rate'?",
    )


def test_a_run_is_resumed_with_its_own_settings_on_the_command_line_too(capsys):
    with pytest.raises(SystemExit):
        main(["finetune", "--resume", "demo", "--r", "4"])
    assert "A run that is resumed keeps its settings; got r." in capsys.readouterr().err


def test_a_flag_of_the_wrong_type_is_refused_by_the_spec():
    with pytest.raises(SpecError, match="r must be of type int; got 'many'"):
        FinetuneSpec(**read("--r many"))
