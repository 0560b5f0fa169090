# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the manual pages: pfq-omatic(1) and one for each command, all of it from the command line itself.

Usage: python tools/man.py FOLDER
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from commands import PROGRAM, Command, Option, tree, walk

from omatic import __version__

_ROOT = Path(__file__).resolve().parents[1]
_FILES = (
    ("/var/cache/pfq-omatic", "root's cache: sources and builds; deleting it is safe"),
    ("~/.cache/pfq-omatic", "the same of other users"),
    ("/var/lib/pfq-omatic", "what is installed, and the journal of an operation that was cut short"),
    ("/usr/share/doc/pfq-omatic", "the documentation"),
)


def page(command: Command, top: Command) -> str:
    """Return a command's manual page."""
    lines = [
        f'.TH "{_text(command.title.upper())}" 1 "" "{_text(PROGRAM)} {__version__}" "PFQ"',
        ".SH NAME",
        f"{_text(command.title)} \\- {_text(_lower(command.summary))}",
        ".SH SYNOPSIS",
        *_synopsis(command),
        ".SH DESCRIPTION",
        *_paragraphs(command.help),
        *_section("COMMANDS", _commands(command)),
        *_section("ARGUMENTS", _arguments(command)),
        *_section("OPTIONS", _options(command.options)),
        *_section("EXAMPLES", _examples(command)),
    ]
    if command is top:
        lines += [*_section("EXIT STATUS", _exit_codes()), *_section("ENVIRONMENT", _environment(top))]
        lines += _section("FILES", _tagged((_text(path), _text(what)) for path, what in _FILES))
    others = [top, *(other for other in walk(top) if other.path and other.path[:-1] == command.path)]
    listed = ", ".join(f"\\fB{_text(other.title)}\\fR(1)" for other in others if other is not command)
    lines += _section("SEE ALSO", [listed] if listed else [])
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _lower(summary: str) -> str:
    # Names keep their capitals, a sentence's first word does not.
    return summary if summary[1:2].isupper() else summary[:1].lower() + summary[1:]


def _section(title: str, lines: Iterable[str]) -> list[str]:
    content = list(lines)
    return [f".SH {title}", *content] if content else []


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text)):
        if number:
            yield ".PP"
        yield _text(" ".join(paragraph.split()))


def _tagged(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for tag, text in pairs:
        yield from (".TP", f"\\fB{tag}\\fR", text)


def _synopsis(command: Command) -> Iterator[str]:
    words = [f"\\fB{_text(' '.join((PROGRAM, *command.path)))}\\fR", "[\\fIOPTION\\fR]..."]
    if command.children:
        words.append("\\fICOMMAND\\fR [\\fIARGUMENT\\fR]...")
    for argument in command.arguments:
        name = f"\\fI{_text(argument.name)}\\fR" + ("..." if argument.many else "")
        words.append(name if argument.required else f"[{name}]")
    yield " ".join(words)


def _commands(command: Command) -> Iterator[str]:
    return _tagged((_text(child.path[-1]), _text(child.summary + ".")) for child in command.children)


def _arguments(command: Command) -> Iterator[str]:
    return _tagged((_text(argument.name), _text(argument.help)) for argument in command.arguments if argument.help)


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        value = f" \\fI{_text(option.value)}\\fR" if option.value else ""
        yield ".TP"
        yield ", ".join(f"\\fB{_text(name)}\\fR" for name in option.names) + value
        default = f" Default: {option.default}." if option.default else ""
        variable = f" Also: the environment variable {option.variable}." if option.variable else ""
        yield _text(option.help + default + variable)


def _examples(command: Command) -> Iterator[str]:
    if command.examples:
        yield ".nf"
        yield from (_text(example) for example in command.examples)
        yield ".fi"
    for note in command.notes:
        yield ".PP"
        yield _text(note)


def _exit_codes() -> Iterator[str]:
    table = (_ROOT / "docs/exit-codes.md").read_text()
    rows = re.findall(r"^\| (\d+) \| \w* ?\| (.+) \|$", table, re.MULTILINE)
    return _tagged((code, _text(meaning.replace("`", ""))) for code, meaning in rows)


def _environment(top: Command) -> Iterator[str]:
    options = (option for command in walk(top) for option in command.options if option.variable)
    return _tagged((option.variable, _text(option.help)) for option in dict.fromkeys(options))


def main(folder: Path) -> None:
    """Write all pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    top = tree()
    for command in walk(top):
        (folder / f"{command.title}.1").write_text(page(command, top))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
