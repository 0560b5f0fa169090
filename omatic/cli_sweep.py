# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of the command line that builds every driver: `build --all`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from omatic.errors import SeveralFailed, UsageError

if TYPE_CHECKING:
    from omatic.pipeline import Settings


def build(given: "Settings", drivers: Sequence[str], *, everything: bool, ethernet: bool, as_json: bool) -> None:
    """Build every driver of a kernel, print the report, and fail if one of them is not built and proven."""
    from omatic import kernel
    from omatic.sweep import record, run, show
    from omatic.sweep.result import State
    from omatic.sweep.tasks import Scope

    if not everything:
        raise UsageError("no driver is named", hint="pfq-omatic build DRIVER..., or --all for every one")
    if drivers:
        raise UsageError(
            f"--all builds every driver, so {drivers[0]} cannot be asked for beside it", hint="give one or the other"
        )
    scope = Scope.ETHERNET if ethernet else Scope.NET
    report = run.run(scope, given)
    print(json.dumps(report.to_json(), indent=2) if as_json else show.report(report))
    failed = [result for result in report.results if result.state is not State.BUILT]
    if failed:
        path = record.place(given.cache, kernel.discover(given.kernel, root=given.sysroot), scope)
        raise SeveralFailed(
            f"{len(failed)} of {report.drivers} drivers are not built",
            hint=f"the whole report: {path}",
            details=[f"{result.driver}: {result.reason}" for result in failed],
            exit_codes=[result.exit_code for result in failed],
        )
