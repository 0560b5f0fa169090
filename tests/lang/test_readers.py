# SPDX-License-Identifier: GPL-2.0-or-later
"""Who gets a packet: the same as the kernel's own code says, and in proportion to weights."""

import random
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from pfq.lang.interpreter.packet import CLASS_ANY, Fanout, Verdict
from pfq.lang.interpreter.readers import Reader, chosen, fold, mix

ROOT = Path(__file__).resolve().parents[2]

_MAIN = """
#include <stdint.h>
#include <stdio.h>
typedef uint32_t u32;
typedef uint64_t u64;
#define U64_MAX UINT64_MAX
static u64 mul_u64_u32_shr(u64 a, u32 b, unsigned int s) { return (u64)(((unsigned __int128)a * b) >> s); }
static u32 roundup_pow_of_two(u32 n) { u32 p = 1; while (p < n) p *= 2; return p; }
int main(void)
{
	u32 a, n;
	struct pfq_fold f;

	while (scanf("%u %u", &a, &n) == 2) {
		pfq_steer_fold_init(&f, n);
		printf("%u %u\\n", pfq_steer_mix(a), pfq_steer_fold(&f, pfq_steer_mix(a)));
	}
	return 0;
}
"""


def kernels_own(folder: Path) -> Path:
    """Compile the kernel's functions for a hash into a program of their own."""
    header, code = ((ROOT / "kernel" / name).read_text() for name in ("steer.h", "steer.c"))
    parts = [
        re.search(r"^struct pfq_fold \{.*?^\};$", header, re.M | re.S),
        re.search(r"^static inline u32 pfq_steer_mix\(.*?^\}$", header, re.M | re.S),
        re.search(r"^static inline u32 pfq_steer_fold\(.*?^\}$", header, re.M | re.S),
        re.search(r"^void pfq_steer_fold_init\(struct pfq_fold \*f, u32 n\)\n\{.*?^\}$", code, re.M | re.S),
    ]
    before, main = _MAIN.split("int main")
    text = before + "\n".join(part.group() for part in parts if part) + "\nint main" + main
    (folder / "steer.c").write_text(text)
    subprocess.run(["gcc", "-O1", "-o", folder / "steer", folder / "steer.c"], check=True, capture_output=True)
    return folder / "steer"


def test_same_as_the_kernel(tmp_path: Path) -> None:
    """Mixing and folding, for every number of readers."""
    rng = random.Random(1)
    given = [(rng.getrandbits(32), count) for count in range(1, 513) for _ in range(8)] + [(0, 1), (2**32 - 1, 512)]
    program = kernels_own(tmp_path)
    asked = "\n".join(f"{hashed} {count}" for hashed, count in given)
    done = subprocess.run([program], input=asked, capture_output=True, text=True, check=True)
    said = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert said == [(mix(hashed), fold(mix(hashed), count)) for hashed, count in given]


READERS = (Reader(0), Reader(3, weight=2), Reader(5, classes=0b110), Reader(63, classes=1 << 63))


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict(Fanout.DROP), set()),
        (Verdict(Fanout.COPY, 1), {0, 3}),
        (Verdict(Fanout.COPY, 0b100), {5}),
        (Verdict(Fanout.COPY, CLASS_ANY), {0, 3, 5}),
        (Verdict(Fanout.COPY, 0b1000), set()),
        (Verdict(Fanout.STEER, 0b10, 12345), {5}),
        (Verdict(Fanout.STEER, 0b1000, 12345), set()),
    ],
)
def test_classes(verdict: Verdict, expected: set[int]) -> None:
    """Those of the class, whatever their weight; nobody, if there is none."""
    assert chosen(verdict, READERS) == expected


def test_steering() -> None:
    """One reader by each hash, by weight."""
    counts: Counter[int] = Counter()
    for hashed in range(3000):
        (one,) = chosen(Verdict(Fanout.STEER, 1, hashed), READERS)
        counts[one] += 1
        two = chosen(Verdict(Fanout.DOUBLE, 1, hashed, hashed + 1), READERS)
        assert one in two and len(two) <= 2
    assert counts.keys() == {0, 3} and 1.7 < counts[3] / counts[0] < 2.3
