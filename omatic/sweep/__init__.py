# SPDX-License-Identifier: GPL-2.0-or-later
"""Sweeps: every driver of a kernel that delivers packets, built and proven one after the other, and reported."""
