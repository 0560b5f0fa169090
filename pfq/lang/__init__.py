# SPDX-License-Identifier: GPL-2.0-or-later
"""pfq-lang: small programs that PFQ's groups run on every packet.

types, functions      what there is: the types and the table of all built-in functions
term, prelude         programs as Python objects: from pfq.lang.prelude import ip, tcp, steer_flow
rows, descriptor      a program laid out for the kernel, and as JSON (jsonform)
show, graph           a program for the eye
interpreter           what a program does with a packet: the executable specification
compiler              programs as text
"""
