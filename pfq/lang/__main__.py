# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m pfq.lang` and the `pfq-lang` command."""


def main() -> None:
    """Start the command line."""
    # Imported here, because importing is what takes the time.
    from pfq.lang.cli import main as run

    run()


if __name__ == "__main__":
    main()
