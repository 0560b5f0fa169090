# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m omatic` and the `pfq-omatic` command."""

import os
import signal


def main() -> None:
    """Start the command line. Until it listens to signals itself there is nothing to clean up: just go."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(130))
    # Imported here, because importing is what takes the time.
    from omatic.cli import main as run

    run()


if __name__ == "__main__":
    main()
