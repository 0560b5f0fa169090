# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's own control socket: stop, snapshots, and the state of the disk at a moment."""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Qmp:
    """A connection to a running QEMU; every command waits for its answer."""

    def __init__(self, path: Path, alive: Callable[[], bool], patience: float = 60.0) -> None:
        end = time.monotonic() + patience
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        while True:
            try:
                self._socket.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                assert alive(), "QEMU has ended"
                assert time.monotonic() < end, "QEMU does not open its control socket"
                time.sleep(0.05)
        self._socket.settimeout(300.0)
        self._file = self._socket.makefile("rw")
        self._read()
        self.execute("qmp_capabilities")

    def execute(self, command: str, **arguments: object) -> Any:
        """Run a command and return what it answers."""
        self._file.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._file.flush()
        while True:
            answer = self._read()
            if "return" in answer:
                return answer["return"]
            assert "error" not in answer, f"{command}: {answer['error']}"

    def human(self, line: str) -> str:
        """Run a command of QEMU's monitor for humans; anything that it says but for errors is returned."""
        said = str(self.execute("human-monitor-command", **{"command-line": line}))
        assert "rror" not in said, f"{line}: {said}"
        return said

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def _read(self) -> dict[str, Any]:
        line = self._file.readline()
        assert line, "QEMU has closed its control socket"
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer
