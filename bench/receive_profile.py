# SPDX-License-Identifier: GPL-2.0-or-later
"""Where do the instructions of a received packet go? One figure of the receive benchmark, function by function."""

import argparse
import os
import tempfile
from collections import Counter
from pathlib import Path

import receive_build
import receive_guest
from receive_cases import CASES
from symbols import Symbols

from omatic import dirs, proc
from omatic.dirs import Cache


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", nargs="+", help="rx.pfq.copy.1reader.60, ...")
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--frames", type=int, default=16384)
    parser.add_argument("--lines", action="store_true", help="each instruction's address too")
    parser.add_argument("--parameters", default="", help="of pfq, as for insmod")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        built = receive_build.build(given.kernel, Cache(dirs.default_cache()), work, given.jobs)
        counts = work / "counts"
        options = ("-plugin", f"{receive_build.plugin('plugin', work)},into={counts}")
        program = proc.run(["nm", built.program]).stdout
        program = "\n".join(line for line in program.splitlines() if len(line.split()) == 3)
        with receive_guest.boot(built, work / "logs", options, parameters=given.parameters) as guest:
            for figure in given.figures:
                case, size = next(
                    (case, size) for case in CASES for size in case.sizes if f"{case.name}.{size}" == figure
                )
                found = guest.figure(case, size, given.frames)
                names = Symbols(program + "\n" + guest.run("cat /proc/kallsyms"))
                functions: Counter[str] = Counter()
                lines = [tuple(line.split()) for line in counts.read_text().splitlines()]
                for address, count in lines:
                    functions[names.name(int(address, 16))] += int(count)
                print(f"{figure}: {found.value}, by function {sum(functions.values()) / given.frames:.1f}")
                for function, count in functions.most_common():
                    if count / given.frames >= 0.5:
                        print(f"{count / given.frames:9.2f}  {function}")
                if given.lines:
                    for address, count in sorted(lines):
                        if int(count) / given.frames >= 0.05:
                            print(f"  {address} {int(count) / given.frames:8.3f} {names.name(int(address, 16))}")


if __name__ == "__main__":
    main()
