# SPDX-License-Identifier: GPL-2.0-or-later
"""Tokens to syntax. The grammar knows no operators' precedence: rows of operands are sorted out here."""

from collections.abc import Callable
from typing import Any, NoReturn

from pfq.errors import CompileError
from pfq.lang import types
from pfq.lang.compiler import lalr, syntax
from pfq.lang.compiler.layout import laid_out
from pfq.lang.compiler.lexer import Token, string, tokens
from pfq.lang.compiler.source import Place, Source
from pfq.lang.compiler.syntax import Expression

LEFT, RIGHT, NONE = "left", "right", "none"
FIXITIES = {
    "$": (0, RIGHT), ">->": (1, LEFT), ".": (9, RIGHT), "+": (6, LEFT), "-": (6, LEFT), "*": (7, LEFT),
    ".&.": (7, LEFT), ".|.": (5, LEFT), ".&&.": (7, LEFT), ".^^.": (6, LEFT), ".||.": (5, LEFT),
    ".<": (4, NONE), ".<=": (4, NONE), ".==": (4, NONE), "./=": (4, NONE), ".>": (4, NONE), ".>=": (4, NONE),
    "<.": (4, NONE), "<=.": (4, NONE), "==.": (4, NONE), "/=.": (4, NONE), ">.": (4, NONE), ">=.": (4, NONE),
}  # fmt: skip
"""How tightly operators bind, and to which side."""

_TICK = (9, LEFT)
_MINUS = 6
_OTHERS = {
    "&&": ".&&.", "||": ".||.", "^": ".^^.", "==": ".==", "/=": "./=", "!=": "./=", "<": ".<", "<=": ".<=", ">": ".>",
    ">=": ".>=", "&": ".&&.", "|": ".||.", ">>": ">->", ">=>": ">->", "<>": ">->", ">>=": ">->", "=>": "->", "!": "not",
    "~": "not",
}  # fmt: skip
"""What people mean by operators that there are not."""

MAX_DEPTH = 150
SYNONYMS: dict[str, types.Type] = {
    "NetFunction": types.FUNCTION, "Function": types.FUNCTION, "NetPredicate": types.PREDICATE,
    "Predicate": types.PREDICATE, "NetProperty": types.PROPERTY, "Property": types.PROPERTY, "Int": types.CINT,
}  # fmt: skip
"""Other names of types."""


def module(source: Source) -> syntax.Module:
    """Return the syntax of a text. Raises CompileError."""
    row = _without_header(tokens(source))
    placed = laid_out(row)
    last = placed[-1] if placed else Token("", "", Place(source, 1, 1), 1, True)
    if not placed:
        placed = [Token(kind, "", last.place, 1, False) for kind in ("LBRACE", "RBRACE")]
    end = Token(lalr.END, "", last.place, 1, False)
    try:
        made: syntax.Module = lalr.parse([*placed, end], _Actions())
    except lalr.Unexpected as error:
        raise _unexpected(error, placed) from None
    for definition in made.definitions:
        _check_depth(definition.body)
    return made


def _without_header(row: list[Token]) -> list[Token]:
    """Leave out Haskell's `module Name where`."""
    code = [token for token in row if token.kind != "COMMENT"]
    if not code or code[0].text != "module":
        return row
    end = next((index for index, token in enumerate(code) if token.kind == "WHERE"), None)
    if end is None:
        raise code[0].place.error("the module's head does not end", "write: module Name where")
    return code[end + 1 :]


def _check_depth(expression: Expression) -> None:
    todo = [(expression, 1)]
    while todo:
        found, depth = todo.pop()
        if depth > MAX_DEPTH:
            raise found.place.error(
                f"expressions are more than {MAX_DEPTH} deep here", "give parts of it names of their own"
            )
        todo += [(kid, depth + 1) for kid in syntax.kids(found)]


_NAMED = {
    "EQUALS": "=", "ARROW": "->", "HAS_TYPE": "::", "LAMBDA": "\\", "LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]",
    "COMMA": ",", "NAME": "a name", "NUMBER": "a number", "STRING": "a string", "OPERATOR": "an operator",
    "IN": "in", "THEN": "then", "ELSE": "else", "CAPITAL": "a type",
}  # fmt: skip


def _unexpected(error: lalr.Unexpected, row: list[Token]) -> CompileError:
    token, wanted = error.token, error.expected
    if not token.text:
        before = _before(token, row)
        what = "the text ends" if token.kind == lalr.END or token is row[-1] else "the line ends"
        missing = [_NAMED[kind] for kind in ("IN", "THEN", "ELSE", "EQUALS", "ARROW", "RPAR") if kind in wanted]
        hint = f"'{missing[0]}' is missing" if missing and "OPERATOR" not in wanted else ""
        if "THEN" in wanted or "ELSE" in wanted:
            hint = f"if ... then ... else ...: '{_NAMED['THEN' if 'THEN' in wanted else 'ELSE']}' is missing"
        if "IN" in wanted:
            hint = "let ... in ...: 'in' is missing"
        return before.error(f"{what} too early", hint or "something is missing; lines that go on are indented")
    return token.place.error(f"unexpected {_token(token)}", _advice(token, wanted))


def _before(token: Token, row: list[Token]) -> Place:
    """Return the place behind the last token that is in the text, before one that is not."""
    index = next((i for i, other in enumerate(row) if other is token), len(row))
    while index > 0 and not row[index - 1].text:
        index -= 1
    if index == 0:
        return token.place
    last = row[index - 1]
    line, column = last.end
    return Place(last.place.source, line, column)


def _token(token: Token) -> str:
    return {"NUMBER": "number ", "STRING": "string "}.get(token.kind, "") + (
        token.text if token.kind == "STRING" else f"'{token.text}'" if token.kind != "NUMBER" else token.text
    )


def _advice(token: Token, wanted: frozenset[str]) -> str:
    if token.kind == "OPERATOR" and token.first:
        return "lines that go on with an expression are indented"
    if token.kind == "EQUALS":
        return "definitions are on lines of their own; .== compares"
    if token.kind in ("IN", "THEN", "ELSE"):
        return {"IN": "'in' goes with a 'let'"}.get(token.kind, f"'{token.text}' goes with an 'if'")
    if token.kind in ("DO", "IF", "LET", "LAMBDA"):
        return "put a $ before it, or parentheses around it"
    if token.kind in ("NUMBER", "STRING") and "EQUALS" in wanted:
        return "arguments of definitions are names; choose with if/then/else"
    if token.kind in ("RPAR", "RSQB"):
        return "something is missing before it, or it is one too many"
    if token.kind == "CAPITAL":
        return "names begin with a small letter"
    if token.kind == "WHERE":
        return "name parts with let ... in, or in definitions of their own"
    if token.kind == "IMPORT":
        return "imports come before everything else"
    return "expected " + " or ".join(sorted({_NAMED[kind] for kind in wanted if kind in _NAMED})[:5])


class _Actions:
    """What the grammar's rules make of their children."""

    def module(self, found: list[Any]) -> syntax.Module:
        imports = tuple(each for each in found if isinstance(each, syntax.Import))
        return syntax.Module(imports, _definitions([each for each in found if not isinstance(each, syntax.Import)]))

    def imported(self, found: list[Any]) -> syntax.Import:
        names = next((each for each in found if isinstance(each, tuple)), None)
        module = next(each for each in found if isinstance(each, Token) and each.kind == "CAPITAL")
        return syntax.Import(module.place, module.text, names)

    def modifier(self, found: list[Token]) -> NoReturn:
        raise found[0].place.error(f"unexpected '{found[0].text}'", "import Name, or import Name (one, other)")

    def names(self, found: list[Token]) -> tuple[syntax.Name, ...]:
        return tuple(_name(each) for each in found if each.kind == "NAME")

    def signature(self, found: list[Any]) -> tuple[list[syntax.Name], types.Type]:
        return [_name(each) for each in found[:-1] if each.kind == "NAME"], found[-1]

    def definition(self, found: list[Any]) -> syntax.Definition:
        name, *parameters = [_name(each) for each in found[:-1] if each.kind == "NAME"]
        body = found[-1]
        made = syntax.Lambda(parameters[0].place, tuple(parameters), body) if parameters else body
        return syntax.Definition(name, made, None)

    def block(self, found: list[Any]) -> tuple[syntax.Definition, ...]:
        return _definitions([each for each in found if not isinstance(each, Token)])

    def arrow(self, found: list[Any]) -> types.Type:
        return types.Arrow(found[0], found[2])

    def applied(self, found: list[Any]) -> types.Type:
        head, *args = found
        if not args:
            made: types.Type = head
            return made
        return types.Con(str(head), tuple(args))

    def constructor(self, found: list[Token]) -> types.Type:
        name = found[0].text
        if name in SYNONYMS:
            return SYNONYMS[name]
        if name not in types.SIZES:
            raise found[0].place.error(
                f"there is no type '{name}'", "types are Qbuff -> Action Qbuff, Qbuff -> Bool, Word16, CIDR, String ..."
            )
        return types.Con(name)

    def variable(self, found: list[Token]) -> types.Type:
        return types.Con(found[0].text)

    def list_of(self, found: list[Any]) -> types.Type:
        return types.ListOf(found[1])

    def inner(self, found: list[Any]) -> Any:
        return found[1]

    def typed(self, found: list[Any]) -> Expression:
        return syntax.Typed(found[1].place, found[0], found[2])

    def sign(self, found: list[Token]) -> Token:
        return found[0]

    def tick(self, found: list[Token]) -> Token:
        return Token("TICK", found[1].text, found[1].place, 0, False)

    def operation(self, found: list[Any]) -> Expression:
        return _sorted_out(found)

    def application(self, found: list[Any]) -> Expression:
        function, *args = found
        made: Expression = syntax.Apply(function.place, function, tuple(args)) if args else function
        return made

    def name(self, found: list[Token]) -> Expression:
        return _name(found[0])

    def number(self, found: list[Token]) -> Expression:
        text = found[0].text
        if len(text) > 40:
            raise found[0].place.error("the number is too large", "the largest is 18446744073709551615")
        return syntax.Number(found[0].place, int(text, 16 if text[:2] in ("0x", "0X") else 10))

    def string(self, found: list[Token]) -> Expression:
        return syntax.Text(found[0].place, string(found[0]))

    def list_(self, found: list[Any]) -> Expression:
        items = tuple(each for each in found[1:-1] if not isinstance(each, Token))
        return syntax.List(found[0].place, items)

    def lambda_(self, found: list[Any]) -> Expression:
        return syntax.Lambda(found[0].place, tuple(_name(each) for each in found[1:-2]), found[-1])

    def if_(self, found: list[Any]) -> Expression:
        condition, yes, no = (each for each in found if not isinstance(each, Token))
        return syntax.If(found[0].place, condition, yes, no)

    def let_(self, found: list[Any]) -> Expression:
        return syntax.Let(found[0].place, found[1], found[3])

    def let_statement(self, found: list[Any]) -> tuple[Place, tuple[syntax.Definition, ...]]:
        return found[0].place, found[1]

    def do(self, found: list[Any]) -> Expression:
        steps = [each for each in found if not isinstance(each, Token)]
        return _steps(found[0].place, steps)


def _steps(place: Place, steps: list[Any]) -> Expression:
    """Return what the lines of a do mean: functions one after the other, and lets that count for the rest of them."""
    if not steps or isinstance(steps[-1], tuple):
        raise place.error("do does nothing at its end", "its last line is a function, such as steer_flow")
    at = next((index for index, step in enumerate(steps) if isinstance(step, tuple)), None)
    if at is None:
        return syntax.Sequence(place, tuple(steps)) if len(steps) > 1 else steps[0]
    where, definitions = steps[at]
    rest = syntax.Let(where, definitions, _steps(place, steps[at + 1 :]))
    return syntax.Sequence(place, (*steps[:at], rest)) if at else rest


def _name(token: Token) -> syntax.Name:
    return syntax.Name(token.place, token.text)


def _definitions(found: list[Any]) -> tuple[syntax.Definition, ...]:
    """Return definitions with their signatures. Raises CompileError if there are two of a name."""
    declared: dict[str, tuple[syntax.Name, types.Type]] = {}
    made: dict[str, syntax.Definition] = {}
    for each in found:
        if isinstance(each, syntax.Definition):
            name = each.name.name
            if name in made:
                raise each.name.place.error(
                    f"{name} is defined twice, first in line {made[name].name.place.line}",
                    "give one of them another name; there are no patterns, choose with if/then/else",
                )
            made[name] = each
        elif isinstance(each, tuple):
            declared |= {name.name: (name, each[1]) for name in each[0]}
    for name, (at, kind) in declared.items():
        if name not in made:
            raise at.place.error(f"{name} has a type, but no definition", f"write one: {name} = ...")
        made[name] = syntax.Definition(made[name].name, made[name].body, kind)
    return tuple(made.values())


def _sorted_out(row: list[Any]) -> Expression:
    """Return operands and operators as they bind."""
    operands: list[Expression] = []
    waiting: list[Token] = []
    expecting = True
    for each in row:
        if isinstance(each, Token) and expecting:
            if each.text != "-":
                raise each.place.error(f"'{each.text}' has nothing on its left", "operators stand between two things")
            operands.append(syntax.Number(each.place, 0))
            waiting.append(Token("MINUS", "-", each.place, 0, False))
        elif isinstance(each, Token):
            fixity = _fixity(each)
            while waiting and _first(waiting[-1], each, fixity):
                _join(operands, waiting.pop())
            waiting.append(each)
            expecting = True
        else:
            operands.append(each)
            expecting = False
    while waiting:
        _join(operands, waiting.pop())
    return operands[0]


def _fixity(token: Token) -> tuple[int, str]:
    if token.kind == "TICK":
        return _TICK
    found = FIXITIES.get(token.text)
    if found is None:
        other = _OTHERS.get(token.text)
        if token.text == "<-":
            raise token.place.error("nothing is taken out of a function", "in do, write functions one a line")
        raise token.place.error(
            f"there is no operator '{token.text}'",
            f"write {other}" if other else "there are " + " ".join(FIXITIES),
        )
    return found


def _first(left: Token, right: Token, fixity: tuple[int, str]) -> bool:
    """Say whether the left one of two operators takes what is between them."""
    binds, side = (_MINUS, LEFT) if left.kind == "MINUS" else _fixity(left)
    if binds == fixity[0] and (side != fixity[1] or side == NONE):
        raise right.place.error(
            f"'{left.text}' and '{right.text}' cannot stand in a row", "put parentheses around one of them"
        )
    return binds > fixity[0] or (binds == fixity[0] and side == LEFT)


def _join(operands: list[Expression], operator: Token) -> None:
    right, left = operands.pop(), operands.pop()
    make = _SPECIAL.get(operator.text if operator.kind != "TICK" else "")
    if operator.kind == "TICK":
        operands.append(syntax.Apply(operator.place, _name(operator), (left, right)))
    elif make:
        operands.append(make(operator.place, left, right))
    else:
        operands.append(syntax.Binary(operator.place, operator.text, left, right))


def _then(place: Place, left: Expression, right: Expression) -> Expression:
    # One row, not a tree that is as deep as the row is long. What is in parentheses is a row, too, and means the same.
    row = left.items if isinstance(left, syntax.Sequence) else (left,)
    return syntax.Sequence(place, (*row, right))


def _composed(place: Place, left: Expression, right: Expression) -> Expression:
    name = syntax.Name(place, "its argument")
    inside = syntax.Apply(right.place, right, (name,))
    return syntax.Lambda(place, (name,), syntax.Apply(left.place, left, (inside,)))


_SPECIAL: dict[str, Callable[[Place, Expression, Expression], Expression]] = {
    ">->": _then,
    "$": lambda _place, left, right: syntax.Apply(left.place, left, (right,)),
    ".": _composed,
}
