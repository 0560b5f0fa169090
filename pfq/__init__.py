# SPDX-License-Identifier: GPL-2.0-or-later
"""PFQ from Python: pfq.lang writes, checks, compiles and interprets programs; pfq.client captures."""

__version__ = "0.1.0"
