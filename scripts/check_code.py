"""Check the data set tiny-code with real compilers: `python scripts/check_code.py`.

A snippet is compiled or parsed by its language's own tool and, where the tests hold examples of
what it does, run with them. A language whose tool is not installed is named and left out.
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "labkit" / "data" / "tiny_code"
SPLITS = ("train", "validation", "test")
EXAMPLES = ROOT / "tests" / "data" / "tiny_code_examples.jsonl"
SCHEMA = ROOT / "tests" / "data" / "tiny_code_schema.sql"
JAVA_IMPORTS = re.compile(r"^import .*;\n", re.MULTILINE)


class Snippet(NamedTuple):
    """A row with its examples: expressions that are true (Python: statements that pass)."""

    language: str
    prompt: str
    code: str
    examples: list[str]


class Tool(NamedTuple):
    """How a language's snippets become programs, and what is run on a program."""

    program: Callable[[Snippet], str]
    file: str
    commands: tuple[str, ...]


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def snippets(*splits: str) -> list[Snippet]:
    """Return the rows of some splits (of all without a name) with their examples."""
    known = {
        (row["programming_language"], row["prompt"]): row["examples"] for row in read(EXAMPLES)
    }
    rows = [row for split in splits or SPLITS for row in read(FOLDER / f"{split}.jsonl")]
    keys = [(row["programming_language"], row["prompt"]) for row in rows]
    return [
        Snippet(*key, row["response"], known.get(key, []))
        for key, row in zip(keys, rows, strict=True)
    ]


def python(snippet: Snippet) -> str:
    return "\n".join([snippet.code, *snippet.examples]) + "\n"


def plain(snippet: Snippet) -> str:
    return snippet.code + "\n"


def javascript(snippet: Snippet) -> str:
    checks = [f"if (!({example})) process.exit(1);" for example in snippet.examples]
    # Without examples it speaks to a page: parsed, not called.
    return "\n".join([snippet.code, *checks] if checks else [f"() => {{\n{snippet.code}\n}};"])


def ruby(snippet: Snippet) -> str:
    return "\n".join([snippet.code, *(f"raise unless ({example})" for example in snippet.examples)])


def c(snippet: Snippet) -> str:
    checks = "".join(f"if (!({example})) return 1; " for example in snippet.examples)
    # The headers come last: a snippet includes what it needs itself.
    after = ["#include <stdio.h>", "#include <string.h>", f"int main(void) {{ {checks}return 0; }}"]
    return "\n".join([snippet.code, *(after if checks else []), ""])


def java(snippet: Snippet) -> str:
    imports = "".join(JAVA_IMPORTS.findall(snippet.code))
    body = JAVA_IMPORTS.sub("", snippet.code)
    checks = "".join(f"if (!({example})) System.exit(1); " for example in snippet.examples)
    members, statements = (body, checks) if checks else ("", body)
    main = f"public static void main(String[] args) throws Exception {{ {statements} }}"
    return f"{imports}class Main {{\n{members}\n{main}\n}}\n"


def go(snippet: Snippet) -> str:
    checks = "".join(f"\tif !({example}) {{\n\t\tpanic(1)\n\t}}\n" for example in snippet.examples)
    return f"package main\n\n{snippet.code}\n\nfunc main() {{\n{checks}}}\n"


def rust(snippet: Snippet) -> str:
    checks = "".join(f"assert!({example}); " for example in snippet.examples)
    return f"{snippet.code}\n\nfn main() {{ {checks}}}\n"


def html(snippet: Snippet) -> str:
    page = "<!DOCTYPE html><html lang=en><head><title>x</title></head><body>\n{}\n</body></html>\n"
    return snippet.code if snippet.code.startswith("<!DOCTYPE") else page.format(snippet.code)


TOOLS = {
    "Python": Tool(python, "main.py", (f"{sys.executable} -W error main.py",)),
    "JavaScript": Tool(javascript, "main.mjs", ("node main.mjs",)),
    "Ruby": Tool(ruby, "main.rb", ("ruby -w main.rb",)),
    "C": Tool(c, "main.c", ("gcc -std=gnu17 -Wall -Wextra -Werror -o main main.c", "./main")),
    "Java": Tool(java, "Main.java", ("javac -Xlint:all -Werror Main.java", "java -cp . Main")),
    "Go": Tool(go, "main.go", ("go vet main.go", "go run main.go")),
    "Rust": Tool(rust, "main.rs", ("rustc --edition 2021 -D warnings main.rs", "./main")),
    "HTML": Tool(html, "main.html", ("tidy -quiet -errors main.html",)),
    "Bash": Tool(plain, "main.sh", ("bash -n main.sh",)),
}  # fmt: skip


def in_shell(command: str, folder: Path, **environment: str) -> str:
    """Run a command in a folder; return what went wrong, or nothing."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**os.environ, **environment},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return "" if done.returncode == 0 else f"{command}: {done.stderr or done.stdout or 'is false'}"


def run_bash(snippet: Snippet) -> list[str]:
    """Run each example in an empty folder, with the snippet's file in $SNIPPET."""
    problems = []
    for example in snippet.examples:
        with TemporaryDirectory() as here, TemporaryDirectory() as aside:
            file = Path(aside, "snippet.sh")
            file.write_text(snippet.code + "\n", encoding="utf-8")
            problems.append(in_shell(example, Path(here), SNIPPET=str(file)))
    return list(filter(None, problems))


def run_sql(snippet: Snippet) -> list[str]:
    """Run the statement on small tables and compare rows: its own, or those of a query after it."""
    (query, _, wanted) = snippet.examples[0].rpartition("=> ")
    with sqlite3.connect(":memory:") as tables:
        tables.executescript(SCHEMA.read_text(encoding="utf-8"))
        try:
            found = tables.execute(snippet.code).fetchall()
            found = tables.execute(query).fetchall() if query else found
        except sqlite3.Error as error:
            return [str(error)]
    ordered = list if "ORDER BY" in snippet.code else lambda rows: sorted(rows, key=str)
    rows = [list(row) for row in found]
    return [] if ordered(rows) == ordered(json.loads(wanted)) else [f"gives {rows}, not {wanted}"]


def run_tool(snippet: Snippet) -> list[str]:
    """Write the program into an empty folder and run its language's commands until one fails."""
    tool = TOOLS[snippet.language]
    with TemporaryDirectory() as name:
        Path(name, tool.file).write_text(tool.program(snippet), encoding="utf-8")
        return list(filter(None, [in_shell(" && ".join(tool.commands), Path(name))]))


def problems(snippet: Snippet) -> list[str]:
    """Return what the language's own tool has against a snippet or its examples."""
    if snippet.language == "SQL":
        return run_sql(snippet)
    return run_tool(snippet) + (run_bash(snippet) if snippet.language == "Bash" else [])


def has_tool(language: str) -> bool:
    commands = TOOLS[language].commands if language in TOOLS else ()
    return language == "SQL" or bool(commands and shutil.which(commands[0].split()[0]))


def main() -> int:
    groups = defaultdict(list)
    for snippet in snippets():
        groups[snippet.language].append(snippet)
    failed = 0
    for language, group in sorted(groups.items()):
        found = [(s, text) for s in group for text in problems(s)] if has_tool(language) else []
        for snippet, text in found:
            print(f"{language}: {snippet.prompt}\n  {text}", file=sys.stderr)
        failed += len(found)
        n = sum(bool(snippet.examples) for snippet in group)
        state = f"{n} run with examples" if has_tool(language) else "not checked: no tool here"
        print(f"{language:10} {len(group):3} snippets, {state}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
