# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of pfq-lang: parse, call one function, show what came out. The only module that prints or exits.

Without a command it compiles, as PFQ's own compiler did: libpfq runs `pfq-lang --json FILE`.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from pfq import __version__
from pfq.errors import PfqError, Unreadable, UsageError

app = typer.Typer(
    name="pfq-lang",
    help="Compile, check and try programs for PFQ's groups. Without a command: compile.",
    epilog="Examples: pfq-lang --json program.pfq     pfq-lang --gid 3 program.pfq     pfq-lang check *.pfq     "
    "pfq-lang list port     Exit codes: 0 done, 2 usage, 3 wrong program; all of them in docs/lang.md.",
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Program = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="The program; - or nothing is standard input.", show_default=False),
]
Programs = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Programs.")]
Imports = Annotated[
    list[str] | None, typer.Option("--import", metavar="MODULE", help="A module to import beside those it names.")
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write there.", show_default="stdout")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"pfq-lang {__version__}")
        raise typer.Exit


@app.command(
    name="compile", epilog="Examples: pfq-lang --json program.pfq     pfq-lang -o out.json --json < program.pfq"
)
def compile_(
    program: Program = None,
    output: Output = None,
    imports: Imports = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for libpfq and libpcap.")] = False,
    fdescr: Annotated[bool, typer.Option("--fdescr", help="Write the descriptor for the eye.")] = False,
    gid: Annotated[int | None, typer.Option(min=0, max=63, help="Load the program into this group (root).")] = None,
    verbosity: Annotated[int, typer.Option(min=0, max=3, help="Show the program on standard error.")] = 0,
    _version: Annotated[
        bool, typer.Option("--ver", "--version", help="Show the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Compile a program, and write what is asked for. This is what pfq-lang does without a command."""
    if as_json and fdescr:
        raise UsageError("--json and --fdescr are two ways to write it", hint="give one of them")
    made = _compiled(program, imports)
    if verbosity:
        from pfq.lang import rowtext, show

        text = show.line(made.chain) if verbosity == 1 else show.indented(made.chain)
        print(text + ("\n" + rowtext.text(made).rstrip() if verbosity == 3 else ""), file=sys.stderr)
    if as_json:
        from pfq.lang import jsonform

        _write(output, jsonform.dumps(made) + "\n")
    elif fdescr:
        from pfq.lang import rowtext

        _write(output, rowtext.text(made))
    if gid is not None:
        from pfq import socket

        socket.load(gid, made)


def _compiled(program: Path | None, imports: Sequence[str] | None = None) -> "Function":  # type: ignore[name-defined]  # noqa: F821
    from pfq.lang.compiler import build

    if program is None or str(program) == "-":
        return build.compile_text(_stdin(), name="<stdin>", imports=tuple(imports or ()))
    return build.compile_file(program, tuple(imports or ()))


def _stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"<stdin>: byte {error.start} is not UTF-8", hint="give UTF-8") from None


def _write(output: Path | None, text: str) -> None:
    if output is None or str(output) == "-":
        sys.stdout.write(text)
        return
    output.write_text(text, encoding="utf-8")


@app.command(epilog="Example: pfq-lang check firewall.pfq bridge.pfq")
def check(programs: Programs, imports: Imports = None) -> None:
    """Say whether programs are right; write nothing else."""
    failed: list[PfqError] = []
    for program in programs:
        try:
            made = _compiled(program, imports)
            print(f"{program}: {made.chain.size} functions")
        except PfqError as error:
            _complain(error)
            failed.append(error)
    if failed:
        raise typer.Exit(failed[0].exit_code)


@app.command(
    epilog="Examples: pfq-lang fmt program.pfq     pfq-lang fmt --check *.pfq     pfq-lang fmt - < program.pfq"
)
def fmt(
    programs: Programs,
    only_check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail if something would change.")
    ] = False,
) -> None:
    """Put the blanks of programs in order, in place; comments and lines stay."""
    from pfq.lang.compiler import build, tidy
    from pfq.lang.compiler.source import Source

    untidy: list[Path] = []
    for program in programs:
        piped = str(program) == "-"
        text = _stdin() if piped else build.read(program)
        made = tidy.tidy(Source("<stdin>" if piped else str(program), text, program.parent))
        if made != text:
            untidy.append(program)
        if piped and not only_check:
            sys.stdout.write(made)
        elif made != text and not only_check:
            program.write_text(made, encoding="utf-8")
            print(f"formatted {program}")
    if only_check and untidy:
        raise PfqError(f"not formatted: {', '.join(map(str, untidy))}", hint="pfq-lang fmt formats them")


@app.command(epilog="Example: pfq-lang run capture.pcap firewall.pfq")
def run(
    capture: Annotated[Path, typer.Argument(metavar="PCAP", help="A capture (pcap or pcapng, Ethernet).")],
    program: Program = None,
    imports: Imports = None,
    device: Annotated[str, typer.Option(metavar="DEV", help="The device that the frames came from.")] = "eth0",
    readers: Annotated[int, typer.Option(min=0, max=64, metavar="N", help="Say which of so many readers gets it.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object of JSON per line.")] = False,
) -> None:
    """Try a program on a capture: for each frame the verdict, the functions that it met and what happened beside."""
    from collections import Counter

    from pfq import pcap
    from pfq.lang import replay

    made = _compiled(program, imports)
    seen: Counter[str] = Counter()
    for number, (frame, outcome) in enumerate(replay.outcomes(made, pcap.read(capture), device=device), 1):
        seen[outcome.verdict.type.name.lower()] += 1
        row = replay.to_json(number, frame, outcome, readers) if as_json else None
        print(json.dumps(row) if as_json else replay.line(number, frame, outcome, readers))
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(seen.items()))
    print(f"{seen.total()} frames: {said or 'none'}", file=sys.stderr)


@app.command(name="list", epilog="Examples: pfq-lang list     pfq-lang list steer")
def list_(
    word: Annotated[
        str | None, typer.Argument(help="Only functions with this in their names, families or lines.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the built-in functions, with their types."""
    from pfq.lang.functions.table import TABLE

    rows = [e for e in TABLE.values() if word is None or word.lower() in f"{e.symbol} {e.family} {e.line}".lower()]
    if as_json:
        keys = ("symbol", "family", "signature", "names", "line", "pcap")
        print(
            json.dumps([{key: getattr(row, key) for key in keys} | {"type": str(row.type)} for row in rows], indent=2)
        )
        return
    for row in rows:
        print(f"{row.symbol} :: {row.type}\n    {row.line}" + (f"  ({row.pcap})" if row.pcap else ""))


@app.command(
    epilog="Examples: pfq-lang graph program.pfq | dot -Tpng > program.png     pfq-lang graph --svg -o p.svg p.pfq"
)
def graph(
    program: Program = None,
    output: Output = None,
    imports: Imports = None,
    as_svg: Annotated[bool, typer.Option("--svg", help="Draw it (needs graphviz).")] = False,
) -> None:
    """Write a program as a graph, in DOT."""
    from pfq.lang import graph as drawing

    made = _compiled(program, imports)
    _write(output, drawing.svg(made) if as_svg else drawing.dot(made))


_COMMANDS = ("compile", "check", "fmt", "run", "list", "graph", "-h", "--help")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in _COMMANDS:
        given = ["compile", *given]
    try:
        app(args=given, standalone_mode=True, prog_name="pfq-lang")
    except PfqError as error:
        _complain(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        _complain(Unreadable(f"{error.filename}: {os.strerror(error.errno or 0).lower()}", hint="choose another place"))
        sys.exit(Unreadable.exit_code)
    sys.exit(0)


def _complain(error: PfqError) -> None:
    print(f"pfq-lang: error: {error.message}", file=sys.stderr)
    for line in error.details:
        print(f"    {line}", file=sys.stderr)
    print(f"  hint: {error.hint}", file=sys.stderr)
