from labkit.report import words


def test_sizes_carry_the_unit_that_fits():
    shown = [words.size(n) for n in (512, 2048, 1.5 * 2**20, 912 * 2**20, 1.25 * 2**30, None)]
    assert shown == ["512 bytes", "2 KiB", "1.5 MiB", "912 MiB", "1.25 GiB", "–"]


def test_a_clock_shows_hours_only_where_there_are_any():
    assert [words.clock(s) for s in (0.4, 42, 99.5, 3725)] == ["0:00", "0:42", "1:40", "1:02:05"]


def test_durations_below_a_second_are_milliseconds():
    assert [words.seconds(s) for s in (0.0107, 42.04, 125, 3725)] == [
        "10.7 ms", "42.0 s", "2 min 5 s", "1:02:05 h",
    ]  # fmt: skip


def test_prompts_are_shown_without_the_instruction_and_marker_they_share():
    prompts = [f"Which tone?\n### Phrase: {own}\n### Tone:" for own in ("Oh no.", "Lovely day.")]
    assert words.apart(prompts) == ["Oh no.", "Lovely day."]


def test_prompts_that_share_no_whole_part_are_shown_whole():
    assert words.apart(["I can", "I keep it"]) == ["I can", "I keep it"]
    assert words.apart(["a: same", "a: same"]) == ["a: same", "a: same"]
    assert words.apart(["Q: x\nA:"]) == ["Q: x A:"]
    assert words.apart(["Q: x", "Q: x\nmore"]) == ["x", "x more"]
    assert words.apart(["Q:\nx\nA:", "Q:\nA:"]) == ["x A:", "A:"]
    assert words.apart([]) == []


def test_long_texts_are_cut_between_words():
    assert words.tail("one two three four", 10) == "… four"
    assert words.head("one two three four", 9) == "one two t …"


def test_recorded_values_are_shown_with_the_unit_their_key_says():
    shown = {
        key: words.value_of(key, value)
        for key, value in {
            "size_bytes": 2**20, "token_seconds": 0.5, "accuracy": 0.825, "equal": True,
            "n_rows": 12345, "kl": 2e-12, "tokens_per_second": 210.4, "first_difference": None,
        }.items()
    }  # fmt: skip
    assert shown == {
        "size_bytes": "1.0 MiB", "token_seconds": "500.0 ms", "accuracy": "82.5 %", "equal": "yes",
        "n_rows": "12\u202f345", "kl": "2e-12", "tokens_per_second": "210 per second",
        "first_difference": "all",
    }  # fmt: skip
