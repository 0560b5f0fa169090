# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the source archive: what a package builder needs, without the repository's history.

Usage: python tools/sdist.py FOLDER
"""

import sys
from pathlib import Path

from setuptools import build_meta

if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    build_meta.build_sdist(sys.argv[1])
