# SPDX-License-Identifier: GPL-2.0-or-later
"""From the text of a program to its term.

source     texts, places in them, and errors that point there
lexer      text to tokens; comments are kept for the formatter
layout     indentation to braces and semicolons
parse      tokens to syntax, by grammar.lark; operators are sorted out here
modules    imports: definitions by their names, and the order that they depend on each other in
kinds      types with unknowns in them
infer      Hindley and Milner: every expression has a type, or the program is refused
reduce     definitions put in place of their names, functions applied: what remains is a term
build      all of it together
tidy       the formatter
"""
