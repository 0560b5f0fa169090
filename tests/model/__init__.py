# SPDX-License-Identifier: GPL-2.0-or-later
"""A model of the PFQ 6.2 interface, from its description alone: what every call must answer, without a kernel."""
