# SPDX-License-Identifier: GPL-2.0-or-later
"""Drivers that a vendor publishes outside the kernel's tree, with a build of their own."""
