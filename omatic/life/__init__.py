# SPDX-License-Identifier: GPL-2.0-or-later
"""Accelerated drivers on the machine: installed, loaded, kept through kernel upgrades, removed again."""
