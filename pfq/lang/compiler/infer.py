# SPDX-License-Identifier: GPL-2.0-or-later
"""Hindley and Milner: every expression has a type, or the program is refused.

What is defined can be used at several types (a name for "10.0.0.0/8" as a prefix and as a string), what a lambda takes
at one only.
"""

import difflib
from collections.abc import Mapping
from functools import cache

from pfq.errors import CompileError
from pfq.lang import types, values
from pfq.lang.compiler import kinds, names, syntax
from pfq.lang.compiler.kinds import FUNCTION, NUMBER, PREDICATE, PROPERTY, TEXT, VALUE, Kind, Many, Scheme, To, Unknown
from pfq.lang.compiler.source import Place
from pfq.lang.compiler.syntax import Expression
from pfq.lang.functions.table import TABLE, find

Scope = Mapping[str, Scheme]

LOGICAL = {".&&.": "and", ".||.": "or", ".^^.": "xor"}
COMPARISONS = {
    ".<": "less", ".<=": "less_eq", ".==": "equal", "./=": "not_equal", ".>": "greater", ".>=": "greater_eq",
}  # fmt: skip
MIRRORED = {
    "<.": "greater", "<=.": "greater_eq", "==.": "equal", "/=.": "not_equal", ">.": "less", ">=.": "less_eq",
}  # fmt: skip
"""What operators mean; of the mirrored ones the property is on the right."""


@cache
def _builtin(symbol: str) -> Kind:
    return kinds.of(TABLE[symbol].type)


def definition(given: syntax.Definition, scope: Scope) -> Scheme:
    """Return the type of a definition. Raises CompileError."""
    kind = infer(given.body, scope)
    if given.type is not None:
        variables: dict[str, Unknown] = {}
        _same(
            kinds.of(given.type, variables),
            kind,
            given.name.place,
            f"{given.name.name} is declared as {given.type}, and is {{got}}",
            given.body,
        )
    inside = {unknown for scheme in scope.values() for unknown in kinds.unknowns(scheme.kind)} - {
        unknown for scheme in scope.values() for unknown in scheme.free
    }
    return Scheme(tuple(unknown for unknown in kinds.unknowns(kind) if unknown not in inside), kind)


def main(scheme: Scheme, place: Place, body: Expression) -> None:
    """Check that main is a function. Raises CompileError."""
    _same(FUNCTION, kinds.renewed(scheme), place, "main should be {wanted}, and is {got}", body)


def infer(expression: Expression, scope: Scope) -> Kind:
    """Return the type of an expression. Raises CompileError."""
    match expression:
        case syntax.Name():
            return _name(expression, scope)
        case syntax.Number():
            return Unknown(NUMBER)
        case syntax.Text():
            return Unknown(TEXT)
        case syntax.List(items=items):
            element: Kind = Unknown()
            for index, item in enumerate(items):
                said = f"element {index + 1} of the list should be {{wanted}}, as those before it, and is {{got}}"
                _same(element, infer(item, scope), item.place, said, item)
            return Many(element)
        case syntax.Apply():
            return _apply(expression, scope)
        case syntax.Binary():
            return _binary(expression, scope)
        case syntax.Sequence(items=items):
            for item in items:
                said = "what >-> combines should be {wanted}, and this is {got}"
                _same(FUNCTION, infer(item, scope), item.place, said, item)
            return FUNCTION
        case syntax.If(condition=condition, yes=yes, no=no):
            said = "what if asks should be {wanted}, and is {got}"
            _same(PREDICATE, infer(condition, scope), condition.place, said, condition)
            for word, branch in (("then", yes), ("else", no)):
                said = f"what {word} does should be {{wanted}}, and is {{got}}"
                _same(FUNCTION, infer(branch, scope), branch.place, said, branch)
            return FUNCTION
        case syntax.Lambda(parameters=parameters, body=body):
            taken = {parameter.name: Unknown() for parameter in parameters}
            result = infer(body, {**scope, **{name: Scheme((), kind) for name, kind in taken.items()}})
            for parameter in reversed(parameters):
                result = To(taken[parameter.name], result)
            return result
        case syntax.Let(definitions=definitions, body=body):
            inner = dict(scope)
            for each in names.ordered(definitions):
                inner[each.name.name] = definition(each, inner)
            return infer(body, inner)
        case syntax.Typed(body=body, type=written):
            kind = kinds.of(written)
            said = f"this is declared as {written}, and is {{got}}"
            _same(kind, infer(body, scope), body.place, said, body)
            return kind


def _name(name: syntax.Name, scope: Scope) -> Kind:
    if name.name in scope:
        return kinds.renewed(scope[name.name])
    entry = names.builtin(name.name)
    if entry is not None:
        return _builtin(entry.symbol)
    near = difflib.get_close_matches(name.name, [*scope, *TABLE], n=2)
    hint = (
        f"did you mean {' or '.join(near)}?" if near else "`pfq-lang list` shows the functions; strings are in quotes"
    )
    raise name.place.error(f"there is no '{name.name}'", hint)


def _apply(applied: syntax.Apply, scope: Scope) -> Kind:
    kind = infer(applied.function, scope)
    for index, arg in enumerate(applied.args):
        kind = kinds.known(kind)
        if isinstance(kind, Unknown) and not kind.family:
            taken: Kind = To(Unknown(), Unknown())
            kinds.unify(kind, taken)
            kind = taken
        if not isinstance(kind, To):
            raise _too_many(applied, index, kind)
        said = f"{_argument(applied.function, index, scope)} should be {{wanted}}, and is {{got}}"
        _same(kind.left, infer(arg, scope), arg.place, said, arg)
        kind = kind.right
    return kind


def _said(function: Expression) -> str:
    return function.name if isinstance(function, syntax.Name) else "this"


def _argument(function: Expression, index: int, scope: Scope) -> str:
    entry = names.builtin(function.name) if isinstance(function, syntax.Name) and function.name not in scope else None
    name = f" ({entry.names[index]})" if entry and index < len(entry.names) else ""
    return f"{_said(function)}: argument {index + 1}{name}"


def _too_many(applied: syntax.Apply, taken: int, kind: Kind) -> CompileError:
    name = _said(applied.function)
    hint = "put functions one after the other with >->"
    if taken == 0:
        message = f"{name} is {kinds.describe(kind)}, and takes no argument"
    else:
        message = f"{name} takes {taken} argument{'s' if taken > 1 else ''}, and was given {len(applied.args)}"
    if kinds.known(kind) == PREDICATE:
        hint = "combine predicates with .&&. and .||."
    if isinstance(applied.args[taken], syntax.Binary):
        hint = "put arguments that are expressions in parentheses"
    return applied.args[taken].place.error(message, hint)


def _binary(binary: syntax.Binary, scope: Scope) -> Kind:
    sign = binary.operator
    if sign in LOGICAL:
        left, right, result = PREDICATE, PREDICATE, PREDICATE
    elif sign in COMPARISONS:
        left, right, result = PROPERTY, VALUE, PREDICATE
    elif sign in MIRRORED:
        left, right, result = VALUE, PROPERTY, PREDICATE
    else:
        number = Unknown(NUMBER)
        for side, operand in (("left", binary.left), ("right", binary.right)):
            said = f"the {side} side of {sign} should be a number, and is {{got}}"
            _same(number, infer(operand, scope), operand.place, said, operand)
        return number
    for side, operand, wanted in (("left", binary.left, left), ("right", binary.right, right)):
        said = f"the {side} side of {sign} should be {{wanted}}, and is {{got}}"
        _same(wanted, infer(operand, scope), operand.place, said, operand, outside=sign)
    return result


def _same(wanted: Kind, got: Kind, place: Place, message: str, what: Expression, *, outside: str = "") -> None:
    """Have two types be the same, or raise an error at a place."""
    before = kinds.describe(wanted)
    try:
        kinds.unify(wanted, got)
    except kinds.Endless:
        raise _at(place, what).error(
            "this would take itself as an argument", "functions take what is built in, or functions of such"
        ) from None
    except kinds.Clash:
        said = message.format(wanted=before, got=_got(got, what))
        raise _at(place, what).error(said, _hint(wanted, got, what, outside)) from None


def _at(place: Place, what: Expression) -> Place:
    """Point to where an expression begins; the place of an operator is in its middle."""
    while isinstance(what, syntax.Binary | syntax.Sequence) and place == what.place:
        what = what.left if isinstance(what, syntax.Binary) else what.items[0]
        place = what.place
    return place


def _got(kind: Kind, what: Expression) -> str:
    match what:
        case syntax.Text(value=value) | syntax.Number(value=value):
            return values.said(value)
        case syntax.Name(name=name):
            return f"{kinds.describe(kind)}: {name}"
        case syntax.Apply(function=syntax.Name(name=name)):
            return f"{kinds.describe(kind)}: {name} ..."
    return kinds.describe(kind)


def _hint(wanted: Kind, got: Kind, what: Expression, outside: str) -> str:
    wanted, got = kinds.known(wanted), kinds.known(got)
    head = what.function if isinstance(what, syntax.Apply) else what
    entry = names.builtin(head.name) if isinstance(head, syntax.Name) else None
    inside = isinstance(what, syntax.Binary) and what.operator in LOGICAL
    if outside in LOGICAL and (got in (PROPERTY, VALUE) or isinstance(got, Unknown)):
        return f"put comparisons in parentheses, {outside} binds tighter than they do: (ip_ttl .< 64)"
    if inside and outside in (*COMPARISONS, *MIRRORED):
        return f"put the comparison in parentheses: .&&. and .||. bind tighter than {outside}"
    if outside in COMPARISONS and wanted == PROPERTY and isinstance(got, Unknown):
        mirrored = outside.strip(".") + "."
        return f"with the number on the left it is {mirrored}: 5 {mirrored} ip_ttl"
    if outside in MIRRORED and wanted == VALUE and got == PROPERTY:
        return f"with the property on the left it is .{outside.strip('.')}: ip_ttl .{outside.strip('.')} 5"
    if isinstance(got, To) and entry:
        return f"give {entry.symbol} its arguments: ({entry.symbol} {' '.join(name.upper() for name in entry.names)})"
    if isinstance(got, To):
        same = isinstance(wanted, To)
        return "change the type or the definition" if same else "give it the arguments that it takes"
    if wanted == FUNCTION and got == PREDICATE:
        return "filter (...) makes a function of a predicate; when (...) asks it"
    if wanted == PREDICATE and got == FUNCTION:
        twin = entry and (find(f"is_{entry.symbol}") or find(f"has_{entry.symbol}"))
        return f"the predicate of that name is {twin.symbol}" if twin else "predicates are called is_... and has_..."
    if wanted == PREDICATE and got == PROPERTY:
        return "compare the property with a number: ip_ttl .< 64"
    if wanted == kinds.Basic(types.IPV4) or wanted in (kinds.Basic(types.CIDR), kinds.Basic(types.CIDR6)):
        return 'write it as a string, such as "192.0.2.0/24"'
    if isinstance(wanted, Many):
        return "write a list: [one, other]"
    if isinstance(wanted, To):
        return "this has to be something that takes arguments"
    return _general(wanted)


def _general(wanted: Kind) -> str:
    if wanted == FUNCTION:
        return "functions are such as ip, port 80, steer_flow"
    if wanted == PREDICATE:
        return "predicates are such as is_tcp, has_port 80, ip_ttl .< 64"
    if wanted == PROPERTY:
        return "properties are such as ip_ttl, tcp_dest, get_mark"
    if wanted == kinds.Basic(types.STRING):
        return 'write a string, such as "eth0"'
    if isinstance(wanted, Unknown):
        return "numbers are such as 80 and 0x50" if wanted.family == NUMBER else "the types have to be the same"
    return "numbers are such as 80 and 0x50" if str(kinds.written(wanted)) in types.INTEGERS else "give one"
