# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program does with a packet: the executable specification. The kernel must do the same.

    headers      where the headers of a frame are, tunnels included
    packet       what comes in, and what comes out
    evaluation   the state of an evaluation, and the rules of the monad
    filters ...  the built-in functions, a module for each family
    run          all of it together
    readers      who gets a packet, by its verdict

Nothing here raises on any bytes of any length.
"""
