"""The commands of README.md: run them, compare with what stands there, or write it anew.

Each ```console block is run by bash, in order, in one folder that holds a copy of data/; ```toml
blocks become files there, named by the comment in their first line. A command ends with exit
code 0 unless a comment on its line says `# exit N`.

What must agree with the text shown: every word, in order, with runs of rule characters and of
spaces taken as one. Numbers must agree to 5 %; two numbers under 1e-6 count as equal (they are
rounding, and differ between processors), and so do two times and two sizes of memory. A line with
`…` alone stands for any lines.

`python tests/setup/readme_tour.py` (`make readme`) puts what is printed now in place of what is
shown, keeping what is left out: read the change before it is committed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mfact.trace import COLUMNS

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GAP = "…"
NUMBER = re.compile(
    r"[-+−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(\s?(?:ns|µs|ms|s|min|h|[kMG]i?B)\b)?", re.IGNORECASE
)
COMMAND = re.compile(r"((?:[^\n]*\\\n)*[^\n]*)\n?(.*)", re.DOTALL)
RULES = re.compile(r"[─━═┄╌\-]{3,}")
NEGLIGIBLE = 1e-6
AGREEMENT = 0.05


@dataclass(frozen=True)
class Command:
    """One `$ ` line of the README, and what the README shows below it."""

    line: str
    shown: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        stated = re.search(r"#\s*exit (\d+)\s*$", self.line)
        return int(stated.group(1)) if stated else 0


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[Command]:
    """The commands of all console blocks; a line that ends in a backslash goes on."""
    found = []
    for block in blocks(text, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, shown = COMMAND.fullmatch(part).groups()
            found.append(Command(line, tuple(shown.rstrip().splitlines())))
    return found


def run(text: str, folder: Path) -> list[tuple[int, list[str]]]:
    """Exit code and printed lines of every command, in order."""
    shutil.copytree(ROOT / "data", folder / "data")
    for block in blocks(text, "toml"):
        name = block.splitlines()[0].removeprefix("#").strip()
        (folder / name).write_text(block, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MFACT_", "COLUMNS"))}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": "100",
        "OPENBLAS_NUM_THREADS": "1",  # the number is shown
    }
    done = [
        subprocess.run(
            ["bash", "-c", command.line],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        for command in commands(text)
    ]
    return [(one.returncode, [line.rstrip() for line in one.stdout.splitlines()]) for one in done]


def shape(line: str) -> str:
    """The words of a line, with # for each number."""
    return " ".join(RULES.sub("---", NUMBER.sub("#", line)).split())


def same_numbers(shown: str, printed: str) -> bool:
    """Whether those numbers agree that do not depend on the machine; the shapes are equal."""
    for a, b in zip(NUMBER.finditer(shown), NUMBER.finditer(printed), strict=True):
        if a.group(1) and b.group(1):
            continue
        x, y = (float(m.group().replace("−", "-").split()[0]) for m in (a, b))
        largest = max(abs(x), abs(y))
        if largest >= NEGLIGIBLE and abs(x - y) > AGREEMENT * largest:
            return False
    return True


def first_difference(shown: tuple[str, ...], printed: list[str]) -> str | None:
    """None, or a sentence that says where the output departs from the README."""
    at, anywhere = 0, False
    present = [line for line in printed if line.strip()]
    for line in filter(str.strip, shown):
        if line.strip() == GAP:
            anywhere = True
            continue
        while True:
            if at == len(present):
                return f"not printed: {line!r}"
            agrees = shape(line) == shape(present[at]) and same_numbers(line, present[at])
            at += 1
            if agrees:
                break
            if not anywhere:
                return f"README: {line!r}\nprinted: {present[at - 1]!r}"
        anywhere = False
    if shown and not anywhere and at < len(present):
        return f"not in README: {present[at]!r}"
    return None


def renewed(shown: tuple[str, ...], printed: list[str]) -> list[str]:
    """What is printed now, with gaps where the README has them.

    A passage between gaps begins at the printed line with the same first words and is as long
    as it was; one at the end goes to the end. A passage whose beginning is gone stays as it was.
    """
    if GAP not in (line.strip() for line in shown):
        return printed
    passages: list[list[str]] = [[]]
    for line in shown:
        if line.strip() == GAP:
            passages.append([])
        elif line.strip() or passages[-1]:
            passages[-1].append(line)
    result: list[str] = []
    at = 0
    for index, passage in enumerate(passages):
        if index:
            result.append(GAP)
        if not passage:
            continue
        start = at
        while start < len(printed) and _words(printed[start]) != _words(passage[0]):
            start += 1
        last = index == len(passages) - 1
        at = len(printed) if last else min(start + len(passage), len(printed))
        result += printed[start:at] or passage
    return result


def _words(line: str) -> str:
    """A line up to its first number or wide space."""
    return re.split(r"\s{2,}|\d", line.strip())[0]


def renew(text: str, outputs: list[tuple[int, list[str]]]) -> str:
    """The README with each command's present output under it."""
    pairs = iter(zip(commands(text), outputs, strict=True))

    def block(match: re.Match[str]) -> str:
        lines = []
        for _ in re.findall(r"^\$ ", match.group(1), re.MULTILINE):
            command, (_code, printed) = next(pairs)
            lines += [f"$ {command.line}", *renewed(command.shown, printed)]
        return "\n".join(["```console", *lines, "```"])

    return re.sub(r"^```console\n(.*?)^```$", block, text, flags=re.MULTILINE | re.DOTALL)


def with_columns(text: str) -> str:
    """The README with the table of trace columns as the program has them."""
    rows = "".join(
        "| `{}` | {} |\n".format(name, meaning.replace("|", "\\|"))
        for name, meaning in COLUMNS.items()
    )
    head = "| column | meaning |\n| --- | --- |\n"
    before, after = text.split(head)
    return before + head + rows + after[after.index("\n\n") + 1 :]


def main() -> None:
    text = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        outputs = run(text, Path(folder))
    for command, (code, printed) in zip(commands(text), outputs, strict=True):
        if code != command.exit_code:
            sys.exit("\n".join([f"exit {code}: {command.line}", *printed]))
    README.write_text(with_columns(renew(text, outputs)), encoding="utf-8")


if __name__ == "__main__":
    main()
