# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m omatic` and the `pfq-omatic` command."""

from omatic.cli import main

if __name__ == "__main__":
    main()
