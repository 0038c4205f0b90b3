"""The documents that show commands, README.md and the topics: run these, compare, write anew.

The commands of a document are run by bash, in order, in one folder that holds a copy of data/.
In Markdown they stand in ```console blocks and ```toml blocks become files there; in a topic,
which is plain text, both are indented by two spaces: commands from a line `$ …` on, a file from
its comment on. A file is named by the comment in its first line, `# NAME.toml`. A command ends
with exit code 0 unless a comment on its line says `# exit N`.

`python tests/setup/tour.py` (`make readme`) puts what is printed now in place of what is shown,
keeping what is left out, and renews the tables that the program knows (see tables): read the
change before it is committed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

import agreement
import tables

ROOT = Path(__file__).parents[2]
BLOCKS = {
    ".md": {
        language: re.compile(rf"(?<=^```{language}\n).*?(?=\n```$)", re.MULTILINE | re.DOTALL)
        for language in ("console", "toml", "python")
    },
    ".txt": {
        "console": re.compile(r"^  \$ .*(?:\n+  .*)*", re.MULTILINE),
        "toml": re.compile(r"^  # \S+\.toml$(?:\n  .*)*", re.MULTILINE),
    },
}
"""Suffix -> language -> what matches the lines of a block."""
COMMAND = re.compile(r"((?:[^\n]*\\\n)*[^\n]*)\n?(.*)", re.DOTALL)

Outputs = list[tuple[int, list[str]]]
"""Of each command its exit code and the lines that it printed."""


@dataclass(frozen=True)
class Command:
    """One `$ ` line of a document, and what the document shows below it."""

    line: str
    shown: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        stated = re.search(r"#\s*exit (\d+)\s*$", self.line)
        return int(stated.group(1)) if stated else 0


@dataclass(frozen=True)
class Document:
    """A text that shows commands. name: README.md, or TOPIC.txt."""

    name: str
    text: str

    @classmethod
    def at(cls, path: Path) -> Document:
        return cls(path.name, path.read_text(encoding="utf-8"))

    @property
    def indent(self) -> str:
        return "" if self.name.endswith(".md") else "  "

    @property
    def width(self) -> int:
        """Columns of the terminal in which the commands are run."""
        return 100 if self.name.endswith(".md") else 88

    def pattern(self, language: str) -> re.Pattern[str]:
        return BLOCKS[Path(self.name).suffix][language]

    def blocks(self, language: str) -> list[str]:
        """The text of each block, without its indentation."""
        found = self.pattern(language).findall(self.text)
        return [
            "".join(f"{line.removeprefix(self.indent)}\n" for line in block.splitlines())
            for block in found
        ]

    @property
    def commands(self) -> list[Command]:
        """The commands of all console blocks; a line that ends in a backslash goes on."""
        found = []
        for block in self.blocks("console"):
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                line, shown = COMMAND.fullmatch(part).groups()
                found.append(Command(line, tuple(shown.rstrip().splitlines())))
        return found

    def folded(self, printed: str) -> list[str]:
        """Lines as a terminal shows them, those of README.md as long as they are."""
        lines = [line.rstrip() for line in printed.splitlines()]
        if not self.indent:
            return lines
        fold = textwrap.TextWrapper(self.width, break_long_words=False, break_on_hyphens=False)
        return [part for line in lines for part in (fold.wrap(line) or [""])]

    def renewed(self, outputs: Outputs) -> Document:
        """The same with each command's present output under it."""
        pairs = iter(zip(self.commands, outputs, strict=True))

        def block(match: re.Match[str]) -> str:
            lines = []
            for _ in re.findall(rf"^{self.indent}\$ ", match[0], re.MULTILINE):
                command, (_code, printed) = next(pairs)
                lines += f"$ {command.line}".split("\n") + agreement.renewed(command.shown, printed)
            return "\n".join(f"{self.indent}{line}".rstrip() for line in lines)

        return replace(self, text=self.pattern("console").sub(block, self.text))


def paths() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "mfact" / "topics").glob("*.txt"))]


def run(document: Document, folder: Path) -> Outputs:
    """Run every command, in order, in a new folder of its own."""
    shutil.copytree(ROOT / "data", folder / "data")
    for block in document.blocks("toml"):
        name = block.splitlines()[0].removeprefix("#").strip()
        (folder / name).write_text(block, encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MFACT_", "COLUMNS"))}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LC_ALL": "C.UTF-8",
        "COLUMNS": str(document.width),
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
        for command in document.commands
    ]
    return [(one.returncode, document.folded(one.stdout)) for one in done]


def main() -> None:
    for path in paths():
        document = Document.at(path)
        with tempfile.TemporaryDirectory() as folder:
            outputs = run(document, Path(folder))
        for command, (code, printed) in zip(document.commands, outputs, strict=True):
            if code != command.exit_code:
                sys.exit("\n".join([f"{path.name}: exit {code}: {command.line}", *printed]))
        path.write_text(tables.renewed(document.renewed(outputs).text), encoding="utf-8")


if __name__ == "__main__":
    main()
