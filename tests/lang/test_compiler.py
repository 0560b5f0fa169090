# SPDX-License-Identifier: GPL-2.0-or-later
"""The compiler beside its golden programs: what it takes, in which time and space, and that nothing surprises it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pfq.errors import CompileError
from pfq.lang.compiler import build, lalr, layout, lexer, parse, tidy
from pfq.lang.compiler.source import Source
from pfq.lang.node import MAX_NODES
from pfq.lang.prelude import ip, port, tcp
from pfq.lang.term import Function

from .programs import programs

ROOT = Path(__file__).resolve().parents[2]


def laid(text: str) -> str:
    """Return a text with the braces and semicolons that its layout means."""
    return " ".join(
        token.text or {"LBRACE": "{", "RBRACE": "}", "SEMI": ";"}[token.kind]
        for token in layout.laid_out(lexer.tokens(source(text)))
    )


def source(text: str) -> Source:
    """Return a text as a source."""
    return Source("p", text, Path())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = b\n  c\nd = e", "{ a = b c ; d = e }"),
        ("a = do\n  b\n  c\nd = e", "{ a = do { b ; c } ; d = e }"),
        ("a = do b\n       c", "{ a = do { b ; c } }"),
        ("a = let x = 1; y = 2 in x", "{ a = let { x = 1 ; y = 2 } in x }"),
        ("a = (do b; c)", "{ a = ( do { b ; c } ) }"),
        ("a = [do b, do c]", "{ a = [ do { b } , do { c } ] }"),
        ("a = if b then do c else do d", "{ a = if b then do { c } else do { d } }"),
        ("a = do\n  if b\n  then c\n  else d\n  e", "{ a = do { if b then c else d ; e } }"),
        ("a = do\n  let x = 1\n      y = 2\n  b", "{ a = do { let { x = 1 ; y = 2 } ; b } }"),
        ("a = do { b\n; c }\nd = e", "{ a = do { b ; c } ; d = e }"),
        ("a = do\nb = c", "{ a = do { } ; b = c }"),
        ("a = (b\n  c\n)\nd = e", "{ a = ( b c ) ; d = e }"),
        ("-- nothing", ""),
    ],
)
def test_layout(text: str, expected: str) -> None:
    """Indentation means what it means in Haskell."""
    assert laid(text) == expected


@given(programs(2))
@settings(max_examples=80, deadline=None)
def test_what_is_shown_compiles(program: Function) -> None:
    """The text of a term is a program that means the term."""
    assert build.compile_text(f"main = {program}").same(program)


WORDS = [
    "main",
    "=",
    "ip",
    "port",
    "80",
    "(",
    ")",
    "[",
    "]",
    ",",
    "let",
    "in",
    "do",
    "if",
    "then",
    "else",
    "->",
    ">->",
    ".&&.",
    "::",
    "Word16",
    "x",
    "-",
    "{-",
    "-}",
    ";",
    "{",
    "}",
    "is_tcp",
    "$",
    ".",
    "where",
    "import",
    "`",
    "\\",
    '"a"',
    "\n",
    "\n  ",
]


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=30))
@example("f x = f2 x\nf2 x = x x")
@example("main = let in ip")
@example("main = 99999999999999999999999999999999999999999999")
@example("main = port 1e5")
@settings(max_examples=400, deadline=None)
def test_no_text_is_a_surprise(text: str) -> None:
    """Whatever the text, there is a program or an error that points into it."""
    try:
        build.compile_text(text, name="p")
    except CompileError as error:
        assert 1 <= error.line <= text.count("\n") + 2 and error.column >= 1 and error.hint and error.plain


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(lambda words: "main = " + " ".join(words)))
@settings(max_examples=200, deadline=None)
def test_the_formatter_keeps_the_tokens(text: str) -> None:
    """What it takes, it does not change, and the second time it does nothing."""
    try:
        made = tidy.tidy(source(text))
    except CompileError:
        return
    assert [token.text for token in lexer.tokens(source(made))] == [token.text for token in lexer.tokens(source(text))]
    assert tidy.tidy(source(made)) == made


def test_the_formatter() -> None:
    """Blanks, tabs, empty lines and the end of the file; not comments, lines and columns that mean something."""
    text = "\n\nmain   =   do -- first  \n\tip    >->tcp   \n\n\n\n\tlet a = [1 ,2]\n\t    b=3\n"
    text += "\twhen( has_port\t80 ) $ drop     -- x\n\n"
    expected = "main = do  -- first\n        ip >-> tcp\n\n        let a = [1, 2]\n            b = 3\n"
    expected += "        when (has_port 80) $ drop       -- x\n"
    assert tidy.tidy(source(text)) == expected


def test_the_tables_are_the_grammars() -> None:
    """tables.json is what tools/lang_tables.py makes of grammar.lark."""
    folder = ROOT / "pfq" / "lang" / "compiler"
    code = "import sys; sys.path.insert(0, 'tools'); import lang_tables as t; "
    code += "sys.stdout.write(t.tables(t.GRAMMAR.read_text()))"
    made = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert made == (folder / "tables.json").read_text(), "python tools/lang_tables.py writes it anew"


def test_every_rule_has_an_action() -> None:
    """The parser never meets a rule that it does not know."""
    for origin, _size, name, single in lalr._tables()["rules"]:
        assert origin.startswith("_") or single or hasattr(parse._Actions, name), name


def test_compiling_loads_little() -> None:
    """Starting takes longer than compiling; so nothing is loaded that is not needed."""
    code = "import sys; from pfq.lang import cli; from pfq.lang.compiler import build; from pfq.lang import jsonform; "
    code += "jsonform.dumps(build.compile_text('main = ip >-> tcp >-> steer_flow')); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "typer" in loaded and not loaded & {"lark", "omatic", "scapy", "numpy", "asyncio", "hypothesis"}


def test_two_hundred_lines() -> None:
    """A long program is no more than many short ones."""
    lines = [f"p{n} :: Word16 -> Qbuff -> Bool\np{n} x = has_port (x + {n}) .||. (ip_ttl .< {n})" for n in range(90)]
    made = build.compile_text("\n".join([*lines, "main = do", *(f"  when (p{n} 80) (mark {n})" for n in range(90))]))
    assert made.chain.size == 90 * 6


def test_growth_is_bounded() -> None:
    """Definitions that double what they are given end with an error, and soon."""
    text = "twice f x = f (f x)\nmain = " + "twice (" * 12 + "twice inv" + ")" * 12 + " ip"
    with pytest.raises(CompileError, match="too large|more than|too deep"):
        build.compile_text(text)
    row = " >-> ".join(["ip"] * MAX_NODES)
    assert build.compile_text(f"main = {row}").chain.size == MAX_NODES
    with pytest.raises(CompileError, match="expressions are more than 150 deep"):
        build.compile_text("main = " + "(inv $ " * 200 + "ip" + ")" * 200)
    with pytest.raises(CompileError):
        build.compile_text("main = " + "(" * 5000 + "ip")
    chain = "\n".join(f"f{n} x = f{n + 1} x" for n in range(600)) + "\nf600 x = x\nmain = f0 ip"
    with pytest.raises(CompileError, match="too deep"):
        build.compile_text(chain)


def test_imports(tmp_path: Path) -> None:
    """Modules are files, in folders by their names; main is not brought in; two of a name are a conflict."""
    (tmp_path / "Net").mkdir()
    (tmp_path / "Net" / "Web.hs").write_text("module Net.Web where\nimport Base\nweb = port base\nmain = ip\n")
    (tmp_path / "Base.pfq").write_text("base = 80\n")
    (tmp_path / "Net" / "Base.pfq").write_text("base = 8080\nweb = tcp\n")
    (tmp_path / "p.pfq").write_text("import Net.Web (web)\nmain = web\n")
    assert build.compile_file(tmp_path / "p.pfq").same(port(8080))
    assert build.compile_text("main = web", folder=tmp_path, imports=("Net.Web",)).same(port(8080))
    with pytest.raises(CompileError, match="web comes from Net.Base and from"):
        build.compile_text("import Net.Web (web)\nimport Net.Base\nmain = web", folder=tmp_path)
    with pytest.raises(CompileError, match="there is no main"):
        build.compile_text("import Net.Web", folder=tmp_path)
    assert build.compile_text("import Net.Web\nweb = ip >-> tcp\nmain = web", folder=tmp_path).same(ip >> tcp)
