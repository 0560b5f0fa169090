# SPDX-License-Identifier: GPL-2.0-or-later
"""The built-in functions, one table for each family; `table` has them all."""
