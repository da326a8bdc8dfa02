"""The data set `tiny-code` keeps what its card promises: code that works, separate splits."""

import re
import shutil
import sys
from collections import Counter
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest
from written import across_splits, overlap

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import check_code

PER_LANGUAGE = {  # rows of train, validation, test
    "Python": (44, 6, 10), "JavaScript": (18, 2, 4), "SQL": (18, 2, 4), "Bash": (14, 2, 4),
    "C": (12, 2, 2), "Java": (12, 2, 2), "Go": (12, 2, 2), "Rust": (12, 2, 2),
    "Ruby": (8, 2, 2), "HTML": (6, 2, 2), "CSS": (6, 2, 2),
}  # fmt: skip
GRAMMARS = sorted(PER_LANGUAGE.keys() - {"Python", "SQL"})
NAMED = re.compile(
    r"\b(?:def|function|func|fn|class|struct|record|interface|enum|trait|type) +(\w+)"
    r"|\bconst +(\w+) ="
    r"|^(?:\w[\w<>\[\], *]*[ *])?(\w+)\(.*\{$",  # C, Java and Bash have no word for it
    re.MULTILINE,
)
COMMON = (
    "a all an and are as at be by each every find for from function give how if in into is it list"
    " make many of on one or print return returns show so than that the them to when which with"
    " write"
)


@pytest.fixture(scope="module")
def splits():
    return {split: read(split) for split in check_code.SPLITS}


@pytest.fixture(scope="module")
def rows(splits):
    return [row for split in splits.values() for row in split]


def read(split):
    return check_code.read(check_code.FOLDER / f"{split}.jsonl")


def words(text):
    return re.findall(r"\w+", text.lower())


def pieces(code):
    return re.findall(r"\w+|[^\w\s]", code)


def names(row):
    """Names that a response defines, written alike for all languages: isPrime is is_prime."""
    found = {"".join(name) for name in NAMED.findall(row["response"])} - {"__init__", "main"}
    return {name.replace("_", "").lower() for name in found}


def snippets(language):
    return [s for s in check_code.snippets() if s.language == language]


def parser(language):
    import tree_sitter

    grammar = import_module(f"tree_sitter_{language.lower()}")
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))


def parses(code, language):
    return not parser(language).parse(code.encode()).root_node.has_error


class OpenTags(HTMLParser):
    """The tags that are open; an end tag closes the last of them or is noted as wrong."""

    def __init__(self, code):
        super().__init__()
        self.left = []
        self.feed(code)

    def handle_starttag(self, tag, attrs):
        if tag not in ("img", "input", "meta"):
            self.left.append(tag)

    def handle_endtag(self, tag):
        self.left.append(f"/{tag}") if self.left[-1:] != [tag] else self.left.pop()


@pytest.mark.parametrize("language", PER_LANGUAGE)
def test_every_language_has_its_rows_in_each_split(language):
    counts = [Counter(row["programming_language"] for row in read(s)) for s in check_code.SPLITS]
    assert tuple(count[language] for count in counts) == PER_LANGUAGE[language]


def test_a_row_has_a_language_a_prompt_and_a_response_and_nothing_else(rows):
    assert {tuple(row) for row in rows} == {("programming_language", "prompt", "response")}
    assert {row["programming_language"] for row in rows} == set(PER_LANGUAGE)


def test_the_languages_are_mixed_in_every_file():
    for split in check_code.SPLITS:
        found = [row["programming_language"] for row in read(split)]
        assert all(len(set(found[i : i + 20])) >= 5 for i in range(0, len(found) - 19, 20))


def test_prompts_are_sentences_on_one_line(rows):
    odd = [p for row in rows if not re.fullmatch(r"[A-Z]\S*( \S+){4,24}[.?]", p := row["prompt"])]
    assert odd == []


def test_responses_are_short_and_without_loose_space(rows):
    codes = [row["response"] for row in rows]
    assert [code for code in codes if code != code.strip() or re.search(r"[ \t\r]\n", code)] == []
    assert max(code.count("\n") + 1 for code in codes) <= 12
    assert max(len(code) for code in codes) <= 320
    assert max(len(pieces(code)) for code in codes) <= 120


def test_a_language_has_no_prompt_twice_and_no_response_twice(rows):
    for column in ("prompt", "response"):
        seen = Counter((row["programming_language"], *words(row[column])) for row in rows)
        assert [key for key, times in seen.items() if times > 1] == []


def test_no_prompt_is_in_two_splits_in_any_language(splits):
    pairs = across_splits(splits, lambda row: words(row["prompt"]))
    assert [a for a, b in pairs if a == b] == []


def test_no_two_prompts_of_different_splits_share_more_than_two_fifths_of_their_words(splits):
    pairs = across_splits(splits, lambda row: set(words(row["prompt"])) - set(COMMON.split()))
    assert [(a, b) for a, b in pairs if overlap(a, b) > 0.4] == []


def test_no_name_is_defined_by_responses_of_two_splits(splits):
    assert [a & b for a, b in across_splits(splits, names) if a & b] == []


def test_no_two_responses_of_different_splits_share_half_of_their_runs_of_three_pieces(splits):
    def runs(row):
        own = pieces(row["response"])
        return {tuple(own[i : i + 3]) for i in range(len(own) - 2)}

    assert [(a, b) for a, b in across_splits(splits, runs) if overlap(a, b) >= 0.5] == []


@pytest.mark.parametrize("language", GRAMMARS)
def test_responses_parse_in_their_language(language):
    assert [s.prompt for s in snippets(language) if not parses(s.code, language)] == []


@pytest.mark.parametrize("language", sorted(set(GRAMMARS) - {"Bash", "HTML", "Ruby"}))
def test_a_response_without_its_last_bracket_does_not_parse(language):
    closed = [s.code for s in snippets(language) if "}" in s.code]
    assert closed
    assert not any(parses("".join(code.rsplit("}", 1)), language) for code in closed)


def test_html_closes_what_it_opens():
    assert OpenTags("<p><b>x</p>").left == ["p", "b", "/p"]
    assert [s.prompt for s in snippets("HTML") if OpenTags(s.code).left] == []


def test_every_example_belongs_to_a_row(rows):
    keys = {(row["programming_language"], row["prompt"]) for row in rows}
    examples = check_code.read(check_code.EXAMPLES)
    assert {(row["programming_language"], row["prompt"]) for row in examples} <= keys


@pytest.mark.parametrize("snippet", snippets("Python"), ids=lambda s: s.prompt)
def test_python_does_what_its_prompt_asks(snippet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert snippet.examples
    exec(compile(check_code.python(snippet), snippet.prompt, "exec"), {"__name__": "snippet"})


@pytest.mark.parametrize("snippet", snippets("SQL"), ids=lambda s: s.prompt)
def test_sql_gives_the_rows_that_its_prompt_asks_for(snippet):
    assert check_code.problems(snippet) == []


@pytest.mark.skipif(not shutil.which("bash"), reason="no Bash here")
@pytest.mark.parametrize("snippet", snippets("Bash"), ids=lambda s: s.prompt)
def test_bash_does_what_its_prompt_asks(snippet):
    assert snippet.examples
    assert check_code.problems(snippet) == []
