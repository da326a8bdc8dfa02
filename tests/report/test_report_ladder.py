"""What a reader sees of an export: the chosen model, every rung, why one was refused."""

import json
import re

import pytest
import report_samples as samples
from test_report_html import KEPT, Page

from labkit.report import final, line, live, runs_table, text
from labkit.report.chart_ladder import points_of
from labkit.report.rungs import ladder_of
from labkit.run import Run


def rows_of(run, title):
    """Return the lines of a table of the text report, blanks made single, by their first word."""
    part = text(run).split(f"\n{title}\n")[1]
    lines = [" ".join(row.split()) for row in part.split("\n\n")[0].splitlines()]
    return {row.split()[0]: row for row in lines if row}


def test_the_chosen_model_comes_first_with_its_size_speed_and_distance(tmp_path):
    said = " ".join(text(samples.optimized(tmp_path)).split())
    # 64.2 ms in PyTorch, merged, for 10.7 ms: 64.2 / 10.7 = 6.0
    start = "the model int8 size 154 MiB per token 10.7 ms than PyTorch 6.0 × faster"
    assert f"{start} KL (nats per token) 0.0046 accuracy 89.2 % [82.2, 94.2]" in said


def test_every_rung_has_a_row_with_its_distance_and_verdict(tmp_path):
    rows = rows_of(samples.optimized(tmp_path), "How true")
    assert list(rows)[2:8] == ["base", "adapter", "merged", "fp32", "int8", "int4"]
    assert rows["int8"] == (
        "int8 ★ ✓ passed 0.0046 0.0051 95.9 % 0.610 × 1.004 11 of 24 89.2 % [82.2, 94.2]"
    )
    assert rows["fp32"].startswith("fp32 ✓ passed 2e-11 2.2e-11 100.0 % 0.00012 × 1.000 all 24")
    assert rows["adapter"] == "adapter ● reference – – – – – – 90.0 % [83.0, 95.0]"
    assert rows["int4"].startswith("int4 ✗ refused 0.350")


def test_costs_stand_beside_pytorch(tmp_path):
    rows = rows_of(samples.optimized(tmp_path), "How fast")
    # 64.2 / 31.3 = 2.05
    assert rows["fp32"] == "fp32 515 MiB 81.1 ms 31.3 ms 2.1 × 31.3 ms 900.0 ms 308 MiB"
    assert rows["int4"] == "int4 86.5 MiB – – – – – –"


def test_a_refused_rung_says_the_number_the_rule_and_what_to_do(tmp_path):
    said = " ".join(text(samples.optimized(tmp_path)).split())
    reason = "The mean KL of int4 must be at most 0.05 nats per token; got 0.35."
    assert f"✗ int4 is refused {reason} → Use int8" in said
    assert "%optimize tone --precision int4 --int4 repaired" in said
    assert "%optimize tone --precision int4 --accept" in said
    gate = "Gate of int8 and int4: KL at most 0.05, same token at least 90 %, metric at most 0.02"
    assert gate in said.replace("\u00a0", " ")


def test_a_repaired_model_is_not_told_to_be_repaired(tmp_path):
    found = samples.export_metrics()
    found["rungs"]["int4"]["how"] = {"method": "repaired"}
    assert "--int4 repaired" not in text(samples.optimized(tmp_path, metrics=found))


def test_an_accepted_model_is_said_to_be_beyond_its_gate(tmp_path):
    said = " ".join(text(samples.optimized(tmp_path, metrics=samples.accepted_metrics())).split())
    assert "the model int4 (accepted)" in said
    assert "⚠ int4 is kept beyond its gate The mean KL of int4 must be at most 0.05" in said
    assert "It was accepted all the same (--accept)." in said
    assert "refused" not in said


def test_what_steps_took_is_folded_away(tmp_path):
    page = Page(final(samples.optimized(tmp_path)))
    assert {tag for tag, _ in page.tags} <= KEPT
    assert "Seconds and peak memory of the steps (2)merge: 3.1 s, at most 1.22 GiB" in page.words
    assert "int4: method k_quant, block size 32" in page.words
    assert len(page.of("details")) == 2


def test_rungs_appear_one_by_one_while_the_export_goes(tmp_path):
    run = samples.optimized(tmp_path, status=None)
    events = (run.path / "events.jsonl").read_text().splitlines(keepends=True)
    kinds = [json.loads(event)["kind"] for event in events]
    n_rungs = []
    for end in range(kinds.index("rung"), len(events) + 1):
        (run.path / "events.jsonl").write_text("".join(events[:end]))
        n_rungs.append(len(ladder_of(Run(run.path)).rungs))
        assert live(Run(run.path))
    assert n_rungs[0] == 0
    assert n_rungs[-1] == 6
    assert n_rungs == sorted(n_rungs)
    assert "\n" not in line(Run(run.path))


def test_a_rung_without_a_verdict_is_not_decided(tmp_path):
    found = samples.export_metrics()
    del found["rungs"]["int8"]["verdict"]
    run = samples.optimized(tmp_path, status=None, metrics=found)
    assert rows_of(run, "How true")["int8"].startswith("int8 … 0.0046")


def test_each_picture_says_in_words_what_it_shows(tmp_path):
    page = Page(final(samples.optimized(tmp_path)))
    size, time = (image["alt"] for image in page.of("img"))
    assert "int8 (passed): 154 MiB, KL 0.0046" in size
    assert "int4 (refused): 87 MiB, KL 0.35" in size
    assert size.endswith("The gate is at 0.05 nats per token.")
    assert "tuned (PyTorch): 64.2 ms per token, KL below 1e-6" in time
    assert "int4" not in time  # refused before it was timed


def test_a_refused_rung_has_a_shape_of_its_own_and_the_gate_is_drawn(tmp_path):
    of = ladder_of(samples.optimized(tmp_path))
    found = {point.name: (point.verdict, point.gate) for point in points_of(of)}
    assert found["int4"] == ("refused", 0.05)
    assert found["fp32"] == ("passed", None)
    assert "merged" not in found
    from labkit.report.chart_ladder import LOOKS, pictures_of

    assert len({look["marker"] for look in LOOKS.values()}) == len(LOOKS)
    svg = pictures_of(of)[0].draw().decode()
    words = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert {"gate 0.05", "int8", "int4", "tuned, fp32", "refused"} <= set(words)
    assert len(svg) < 30_000


def test_a_divergence_that_is_no_number_has_no_place_in_the_picture(tmp_path):
    found = samples.export_metrics()
    found["rungs"]["int4"]["held_out"]["kl"] = "inf"
    run = samples.optimized(tmp_path, metrics=found)
    assert [point.name for point in points_of(ladder_of(run))] == ["base", "tuned", "fp32", "int8"]
    assert "inf" in rows_of(run, "How true")["int4"]


@pytest.mark.parametrize("metrics", [samples.export_metrics(), samples.accepted_metrics()])
def test_the_table_of_runs_names_the_chosen_model(metrics, tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_RUNS", str(tmp_path))
    samples.optimized(tmp_path, metrics=metrics)
    row = str(runs_table([Run("tone/onnx")])).splitlines()[2]
    wanted = {"int8": ("int8 89.2 %", "154 MiB"), "int4": ("int4 65.8 %", "86.5 MiB")}
    assert [word for word in wanted[metrics["chosen"]] if word not in row] == []


def shared_metrics():
    """Return what an export of a base with two adapters leaves: one switched on, one refused."""
    apart = {"kl": 0.0063, "top1_agreement": 0.945, "max_abs_logit_diff": 2.1,
             "first_difference": 3, "n_new_tokens": 24}  # fmt: skip
    metric = {"name": "accuracy", "value": 0.9, "interval": [0.83, 0.95], "n": 120}
    good = {"held_out": apart, "metric": metric, "verdict": "passed", "reasons": []}
    torch = {"metric": metric | {"value": 0.925, "interval": [0.86, 0.96]}}
    reason = "The mean KL of int8 must be at most 0.05 nats per token; got 0.28."
    bad = {"held_out": apart | {"kl": 0.28}, "verdict": "refused", "reasons": [reason]}
    rungs = {name: samples.export_metrics()["rungs"][name] for name in ("base", "int8")}
    times = {"plain": 0.0107, "none": 0.0127, "tone": 0.0136}
    return {
        "target": "cpu", "chosen": "int8", "rungs": rungs,
        "adapters": {
            "tone": {"size_bytes": 11_600_000, "r": 8, "run": "tone", "torch": torch, "int8": good},
            "intents": {"size_bytes": 2_500_000, "r": 4, "run": "intents", "int8": bad},
        },
        "latency": {"int8": {
            name: {"token_seconds": token, "cpu_token_seconds": token}
            for name, token in times.items()
        }},
    }  # fmt: skip


def test_adapters_beside_a_base_are_shown_with_what_a_switch_costs(tmp_path):
    run = samples.optimized(
        tmp_path, "base/onnx", metrics=shared_metrics(), run="base", adapters=("tone", "intents")
    )
    rows = rows_of(run, "Adapters")
    start = "tone int8 ✓ passed 8 11.1 MiB 0.0063 94.5 % 2.100 3 of 24"
    metric = "accuracy 90.0 % [83.0, 95.0], n = 120 92.5 % [86.0, 96.0]"
    assert rows["tone"] == f"{start} {metric}"
    assert rows["intents"].endswith("0.280 94.5 % 2.100 3 of 24 – –")
    said = " ".join(text(run).split())
    assert "✗ intents on int8 is refused The mean KL of int8" in said
    assert "%optimize intents" in said
    assert "base, none switched on int8 12.7 ms 12.7 ms" in said
    assert "tone int8 13.6 ms 13.6 ms" in said


def test_a_base_beyond_its_gate_is_kept_with_its_adapters_or_not_at_all(tmp_path):
    found = shared_metrics()
    reason = "The mean KL of int4 must be at most 0.05 nats per token; got 0.41."
    found["rungs"]["int4"] = found["rungs"]["int8"] | {"verdict": "refused", "reasons": [reason]}
    run = samples.optimized(
        tmp_path, "base/onnx", metrics=found, run="base", adapters=("tone", "intents")
    )
    said = " ".join(text(run).split())
    assert f"✗ int4 is refused {reason}" in said
    assert "%optimize base --adapters tone,intents --precision int4 --accept" in said
    assert "repaired" not in said  # a training on one run's rows would serve one adapter


def test_session_settings_stand_with_the_quickest_first_and_the_reason(tmp_path):
    def tried(settings, answer, **more):
        return {"settings": settings, "answer_seconds": answer, "token_seconds": 0.01,
                "first_token_seconds": 0.1, "rounds": 5, **more}  # fmt: skip

    two = {"intra_op_num_threads": 2}
    reason = "An answer takes 12.0% less than with the usual settings."
    candidates = [tried(two, 0.44), tried({}, 0.5), tried({"share_cache": False}, 0.6)]
    tune = {"seconds": 60.0, "candidates": candidates, "winner": two, "reason": reason}
    run = samples.optimized(tmp_path, metrics=samples.export_metrics() | {"tune": tune})
    rows = list(rows_of(run, "Session settings").values())
    assert rows[2] == "intra op num threads 2 ★ 440.0 ms 100.0 ms 10.0 ms 5"
    assert rows[3] == "the usual ones 500.0 ms 100.0 ms 10.0 ms 5"
    assert rows[4].startswith("share cache no 600.0 ms")
    assert rows[5] == f"{reason} Tried for 60.0 s."


def test_how_weights_were_found_is_a_line_and_no_dump():
    from labkit.report.ladder import _short

    hurt = {"a": 0.1, "b": 0.3, "c": 0.2, "d": 0.05}
    assert _short("sensitivity", hurt) == "most in b (0.3), c (0.2), a (0.1)"
    assert _short("losses", [0.217, 0.1, 0.092]) == "from 0.217 to 0.092 nats"
