"""mfact completion: the script that lets a shell complete commands, options, values and files."""

from __future__ import annotations

import os
import re

import click
from click.shell_completion import (
    BashComplete,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    shell_complete,
    split_arg_string,
)

from mfact.cli.help import helpful_command
from mfact.cli.streams import emit
from mfact.cli.types import one_of

__all__ = ["command", "shell_complete"]

EXAMPLES = (
    ("mfact completion bash >> ~/.bashrc", "for bash 4.4 or newer"),
    ("mfact completion zsh > ~/.zfunc/_mfact", "for zsh, with ~/.zfunc in its fpath"),
    ("mfact completion fish > ~/.config/fish/completions/mfact.fish", "for fish"),
)

# Unlike click's own, these scripts complete files beside words, and values after `--option=`. All
# of them hand over the line up to the cursor; files come last of what they get.

_BASH = """\
%(complete_func)s() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
            plain,*) COMPREPLY+=("${line#plain,}") ;;
            file,*)
                if [ ${#COMPREPLY[@]} = 0 ]; then
                    compopt -o default
                else
                    compopt -o filenames
                    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "${line#file,}")
                fi ;;
        esac
    done < <(COMP_WORDS=${COMP_LINE:0:COMP_POINT} %(complete_var)s=bash_complete "$1")
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local line="${(j: :)words[1,CURRENT-1]} $PREFIX" kind value what
    local -a plain told
    [[ $PREFIX != --*=* ]] || compset -P '*='
    for kind value what in \
"${(@f)$(COMP_WORDS=$line %(complete_var)s=zsh_complete %(prog_name)s)}"; do
        case $kind in
            plain) [[ $what = _ ]] && plain+=("$value") || told+=("$value:$what") ;;
            file) _path_files -f ;;
        esac
    done
    (( ! $#told )) || _describe -V unsorted told -U
    (( ! $#plain )) || compadd -U -i "$IPREFIX" -V unsorted -a plain
}

if [[ $zsh_eval_context[-1] = loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s --argument-names kind
    set -l line (commandline -cp)
    if test "$line" != "$_mfact_line"
        set -g _mfact_line $line
        set -g _mfact_told (COMP_WORDS=$line %(complete_var)s=fish_complete %(prog_name)s)
    end
    string replace -f -r -- "^$kind," '' $_mfact_told
end

function %(complete_func)s_words
    set -l option (string match -r -- '^--[^=]*=' (commandline -ct))
    string replace -r -- '^' "$option" (%(complete_func)s plain)
end

complete --command %(prog_name)s --no-files --arguments "(%(complete_func)s_words)"
complete --command %(prog_name)s --force-files --condition "%(complete_func)s file"
"""


class _Line(ShellComplete):
    """A shell that hands over the line up to the cursor."""

    def get_completion_args(self) -> tuple[list[str], str]:
        # What is put at its end shows whether a word has begun there.
        words = split_arg_string(os.environ["COMP_WORDS"] + "|")
        while words and re.match(r"\w+=", words[0]):  # a variable, set before the command
            del words[0]
        return words[1:-1], words[-1][:-1] if len(words) > 1 else ""


@add_completion_class
class _Bash(_Line, BashComplete):
    source_template = _BASH


@add_completion_class
class _Zsh(_Line, ZshComplete):
    source_template = _ZSH


@add_completion_class
class _Fish(_Line, FishComplete):
    source_template = _FISH


SHELLS = {each.name: each for each in (_Bash, _Zsh, _Fish)}


@helpful_command("completion", short_help="Print the shell's completion script.", examples=EXAMPLES)
@click.argument("shell", type=one_of(*SHELLS))
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> int:
    """Print the completion script of SHELL, to be read by the shell when it starts."""
    made = SHELLS[shell](ctx.find_root().command, {}, "mfact", "_MFACT_COMPLETE")
    emit(made.source())
    return 0
