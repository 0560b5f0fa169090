# SPDX-License-Identifier: GPL-2.0-or-later
"""Write completion for bash, zsh and fish, made from the command line itself: no program runs while somebody types.

Usage: python tools/completion.py FOLDER

Kernels are completed from /lib/modules, drivers from the running kernel's drivers/net.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from commands import PROGRAM, Command, Option, tree, walk

_KERNELS = "command ls /lib/modules 2>/dev/null"
_DRIVERS = (
    "command find /lib/modules/$(uname -r)/kernel/drivers/net -name '*.ko*' 2>/dev/null"
    " | command sed 's,.*/,,; s,[.]ko.*,,'"
)
_HEAD = "# Completion for pfq-omatic, made from its command line by tools/completion.py.\n"


def _words(command: Command) -> str:
    return " ".join(command.path)


def _names(command: Command) -> list[str]:
    return [name for option in command.options for name in option.names]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# --- bash


def _bash_words(kind: str, choices: tuple[str, ...] = ()) -> str:
    if choices:
        return f'COMPREPLY=($(compgen -W "{" ".join(choices)}" -- "$current"))'
    match kind:
        case "folder":
            return 'compopt -o filenames; COMPREPLY=($(compgen -d -- "$current"))'
        case "file":
            return 'compopt -o filenames; COMPREPLY=($(compgen -f -- "$current"))'
        case "kernel":
            return f'COMPREPLY=($(compgen -W "$({_KERNELS})" -- "$current"))'
        case "driver":
            return f'COMPREPLY=($(compgen -W "$({_DRIVERS})" -- "$current"))'
    return "COMPREPLY=()"


def bash(top: Command) -> str:
    """Return the completion for bash."""
    lines = [_HEAD, "_pfq_omatic() {"]
    lines += [
        '    local current=${COMP_WORDS[COMP_CWORD]} path= option= word',
        '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
        "        # The value of an option is neither a command nor an option.",
        '        if [[ -n $option ]]; then option=; continue; fi',
        '        case "$path>$word" in',
    ]  # fmt: skip
    for command in walk(top):
        for child in command.children:
            lines.append(f'            "{_words(command)}>{child.path[-1]}") path="{_words(child)}" ;;')
        for option in command.options:
            if option.value:
                patterns = "|".join(f'"{_words(command)}>{name}"' for name in option.names)
                lines.append(f"            {patterns}) option=$word ;;")
    lines += ["        esac", "    done", '    case "$path>$option" in']
    for command in walk(top):
        for option in command.options:
            if option.value:
                patterns = "|".join(f'"{_words(command)}>{name}"' for name in option.names)
                lines.append(f"        {patterns}) {_bash_words(option.kind, option.choices)}; return ;;")
    lines += ["    esac", '    case "$path" in']
    for command in walk(top):
        lines.append(f'        "{_words(command)}")')
        lines.append("            if [[ $current == -* ]]; then")
        lines.append(f'                COMPREPLY=($(compgen -W "{" ".join(_names(command))}" -- "$current"))')
        if command.children:
            below = " ".join(child.path[-1] for child in command.children)
            lines += ["            else", f'                COMPREPLY=($(compgen -W "{below}" -- "$current"))']
        elif command.arguments:
            lines += ["            else", f"                {_bash_words(command.arguments[-1].kind)}"]
        lines += ["            fi ;;"]
    return "\n".join([*lines, "    esac", "}", f"complete -F _pfq_omatic {PROGRAM}", ""])


# --- zsh


def _zsh_value(kind: str, choices: tuple[str, ...] = ()) -> str:
    if choices:
        return f"({' '.join(choices)})"
    actions = {
        "folder": "_files -/",
        "file": "_files",
        "kernel": "_pfq_omatic_kernels",
        "driver": "_pfq_omatic_drivers",
    }
    return actions.get(kind, " ")


def _zsh_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")


def _zsh_options(options: tuple[Option, ...]) -> Iterator[str]:
    for option in options:
        for name in option.names:
            # Spelt one way, the other is not offered any more.
            others = " ".join(option.names)
            spec = f"({others}){name}[{_zsh_text(option.help)}]"
            value = f":{_zsh_text(option.value)}:{_zsh_value(option.kind, option.choices)}" if option.value else ""
            yield _quoted(spec + value)


def _zsh_function(command: Command) -> Iterator[str]:
    name = "_" + command.title.replace("-", "_")
    specs = list(_zsh_options(command.options))
    if not command.children:
        for number, argument in enumerate(command.arguments, 1):
            place = "*" if argument.many else str(number)
            specs.append(_quoted(f"{place}:{_zsh_text(argument.name)}:{_zsh_value(argument.kind)}"))
        yield from (f"{name}() {{", "    _arguments \\", "        " + " \\\n        ".join(specs), "}")
        return
    yield from (f"{name}() {{", "    local state line curcontext=$curcontext", "    _arguments -C \\")
    yield "        " + " \\\n        ".join([*specs, "'1:command:->command'", "'*::argument:->rest'"])
    yield from ("    case $state in", "        command)", "            local -a commands=(")
    for child in command.children:
        yield "                " + _quoted(f"{child.path[-1]}:{child.summary.replace(':', '')}")
    yield from (
        "            )",
        "            _describe command commands ;;",
        "        rest)",
        "            case $line[1] in",
    )
    for child in command.children:
        yield f"                {child.path[-1]}) _{child.title.replace('-', '_')} ;;"
    yield from ("            esac ;;", "    esac", "}")


def zsh(top: Command) -> str:
    """Return the completion for zsh."""
    lines = [f"#compdef {PROGRAM}", _HEAD]
    for name, source in (("kernels", _KERNELS), ("drivers", _DRIVERS)):
        lines += [f"_pfq_omatic_{name}() {{", f'    local -a found=(${{(f)"$({source})"}})']
        lines += [f"    _describe {name.removesuffix('s')} found", "}"]
    for command in walk(top):
        lines += _zsh_function(command)
    return "\n".join([*lines, '_pfq_omatic "$@"', ""])


# --- fish


def _fish_value(kind: str, choices: tuple[str, ...] = ()) -> str:
    if choices:
        return f" -x -a {_quoted(' '.join(choices))}"
    actions = {"folder": "(__fish_complete_directories)", "kernel": f"({_KERNELS})",
               "driver": f"({_DRIVERS.replace('$(uname -r)', '(uname -r)')})"}  # fmt: skip
    if kind == "file":
        return " -r -F"
    return " -x" + (f" -a {_fish_quoted(actions[kind])}" if kind in actions else "")


def _fish_quoted(text: str) -> str:
    # Between fish's single quotes only \ and ' are special.
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish(top: Command) -> str:
    """Return the completion for fish."""
    lines = [_HEAD, "function __pfq_omatic_at", "    set -l path", "    for word in (commandline -opc)[2..-1]"]
    lines.append('        switch "$path>$word"')
    for command in walk(top):
        for child in command.children:
            lines += [f"            case {_fish_quoted(f'{_words(command)}>{child.path[-1]}')}"]
            lines += [f"                set path {_fish_quoted(_words(child))}"]
    lines += ["        end", "    end", '    test "$path" = "$argv"', "end", f"complete -c {PROGRAM} -f"]
    for command in walk(top):
        at = f"complete -c {PROGRAM} -n {_fish_quoted(f'__pfq_omatic_at {_words(command)}'.strip())}"
        for child in command.children:
            lines.append(f"{at} -a {child.path[-1]} -d {_fish_quoted(child.summary)}")
        for argument in command.arguments:
            if argument.kind:
                lines.append(f"{at}{_fish_value(argument.kind).replace(' -x', '')}")
        for option in command.options:
            names = "".join(f" -l {n[2:]}" if n.startswith("--") else f" -s {n[1:]}" for n in option.names)
            value = _fish_value(option.kind, option.choices) if option.value else ""
            lines.append(f"{at}{names}{value} -d {_fish_quoted(option.help)}")
    return "\n".join([*lines, ""])


def main(folder: Path) -> None:
    """Write the three files into a folder, under the names that the shells look for."""
    folder.mkdir(parents=True, exist_ok=True)
    top = tree()
    for name, make in ((PROGRAM, bash), (f"_{PROGRAM}", zsh), (f"{PROGRAM}.fish", fish)):
        (folder / name).write_text(make(top))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
