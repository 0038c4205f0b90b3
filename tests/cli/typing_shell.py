"""A shell at a terminal of its own, in which lines are typed, and what Tab makes of them."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from pathlib import Path

MOST_SECONDS = 30
"""How long a shell may be silent: on a machine with other work to do it takes seconds to start."""

READY = "ready"
TELL = b"\x14"  # Ctrl-T, at which the shells below tell their line and clear it

# Where a shell looks for what it does when it starts, how it is called, and what it does then.
BEGINNINGS = {
    "bash": (".bashrc", ("bash", "--noprofile", "-i"), """
        . ./completion
        tell() { echo "$READLINE_LINE" > told; READLINE_LINE= READLINE_POINT=0; }
        bind -x '"\\C-t": tell'
        PROMPT_COMMAND='echo ready > told'
        """),
    "zsh": (".zshrc", ("zsh", "-d", "-i"), """
        autoload -Uz compinit && compinit -D
        . ./completion
        tell() { print -r -- "$BUFFER" > told; BUFFER=; }
        zle -N tell
        bindkey '^T' tell
        zle-line-init() { echo ready > told; }
        zle -N zle-line-init
        """),
    "fish": (".config/fish/config.fish", ("fish", "-i"), """
        source completion
        function tell; commandline > told; commandline ''; end
        bind \\ct tell
        function fish_prompt; echo ready > told; end
        """),
}  # fmt: skip


class Typist:
    """Someone who types into a shell that has read mfact's completion script.

    folder: where the shell is, and looks for its own files.
    """

    def __init__(self, shell: str, folder: Path) -> None:
        name, words, beginning = BEGINNINGS[shell]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        env = {"PATH": path, "HOME": str(folder), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
        script = subprocess.run(
            ["mfact", "completion", shell], env=env, cwd=folder, capture_output=True, check=True
        ).stdout
        (folder / "completion").write_bytes(script)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(beginning, encoding="utf-8")
        os.mkfifo(folder / "told")
        self.told = os.open(folder / "told", os.O_RDWR | os.O_NONBLOCK)
        self.terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            words, env=env, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)
        assert self._heard() == READY, self.shown

    def completed(self, line: str) -> str:
        """The line after Tab."""
        os.write(self.terminal, line.encode() + b"\t" + TELL)
        return self._heard()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
        os.close(self.told)

    def _heard(self) -> str:
        """The next line that the shell tells; shown: what it shows meanwhile."""
        self.shown, text, end = b"", b"", time.monotonic() + MOST_SECONDS
        while not text.endswith(b"\n"):
            left = max(0.0, end - time.monotonic())
            ready, _, _ = select.select([self.told, self.terminal], [], [], left)
            assert ready, f"nothing heard; the shell shows {self.shown!r}"
            if self.told in ready:
                text += os.read(self.told, 4096)
            if self.terminal in ready:
                self.shown += os.read(self.terminal, 4096)
        return text.decode().removesuffix("\n")
