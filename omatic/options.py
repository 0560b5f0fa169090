# SPDX-License-Identifier: GPL-2.0-or-later
"""Arguments and options that several commands share, defined once."""

from pathlib import Path
from typing import Annotated

import typer

Drivers = Annotated[
    list[str],
    typer.Argument(
        help="Names as lsmod prints them, or families: mlx4, mlx5, mlx.", metavar="DRIVER...", show_default=False
    ),
]
DriversOrAll = Annotated[
    list[str] | None,
    typer.Argument(
        help="Names as lsmod prints them, or families: mlx4, mlx5, mlx.", metavar="[DRIVER...]", show_default=False
    ),
]
All = Annotated[bool, typer.Option("--all", help="Build every driver that delivers packets.")]
OnlyEthernet = Annotated[
    bool, typer.Option("--ethernet/--net", help="With --all: those of Ethernet NICs only, or all network drivers.")
]
Kernel = Annotated[
    str | None,
    typer.Option(
        "--kernel", "-k", help="Kernel release, e.g. 6.1.0-56-amd64.", metavar="RELEASE", show_default="the running one"
    ),
]
Source = Annotated[
    str,
    typer.Option(
        "--source",
        "-s",
        # The backslash keeps rich from taking [@REF] for markup.
        help="auto (the distribution's own), a folder, a tarball, or GIT-URL\\[@REF].",
        metavar="SOURCE",
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never use the network.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Parallel jobs.", show_default="all processors")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Copy the modules there, with pfq_hook and pfq.",
        metavar="DIR",
        show_default="keep in the cache",
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Deliver even if the sources are not proven to be the stock module's.")
]
Bundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle", help="Put what was built into one archive, for machines without a compiler.", metavar="FILE"
    ),
]
SignWith = Annotated[
    Path | None, typer.Option("--sign-with", help="Sign the bundle with this private key of ssh.", metavar="FILE")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the steps; change nothing but the cache.")]
Sysroot = Annotated[
    Path, typer.Option("--sysroot", help="Work on the system below this folder.", metavar="DIR", show_default="/")
]
KernelRoot = Annotated[
    Path,
    typer.Option(
        "--sysroot",
        help="The kernel is installed below this folder, and so is its compiler.",
        metavar="DIR",
        exists=True,
        file_okay=False,
        resolve_path=True,
        show_default="/",
    ),
]
SignKey = Annotated[
    Path | None,
    typer.Option("--sign-key", help="Private key to sign modules with.", metavar="FILE", show_default="DKMS's key"),
]
SignCert = Annotated[
    Path | None,
    typer.Option("--sign-cert", help="The key's certificate.", metavar="FILE", show_default="DKMS's certificate"),
]
