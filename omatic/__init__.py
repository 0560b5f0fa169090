# SPDX-License-Identifier: GPL-2.0-or-later
"""pfq-omatic: accelerated NIC drivers for PFQ, made from the sources of your own kernel."""

__version__ = "7.0.0"
