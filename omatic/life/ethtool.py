# SPDX-License-Identifier: GPL-2.0-or-later
"""A port's own settings: rings, channels, coalescing, pause, wake on LAN, features, speed.

By ioctl, which every driver and kernel of the last fifteen years answers. A setting is kept as the structure that the
kernel gave; it is given back only when one of the fields that can be set is another now.
"""

import array
import contextlib
import fcntl
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SIOCETHTOOL = 0x8946
_IFREQ = struct.Struct("@16sP16x")


@dataclass(frozen=True, slots=True)
class _Setting:
    # `compare` are the 32-bit words that are settings; the others are limits and observations.
    name: str
    get: int
    put: int
    words: int
    compare: range


# In the order in which they are put back: the number of channels decides how many rings there are.
_SETTINGS = (
    _Setting("channels", 0x3C, 0x3D, 9, range(5, 9)),
    _Setting("rings", 0x10, 0x11, 9, range(5, 9)),
    _Setting("coalescing", 0x0E, 0x0F, 23, range(1, 23)),
    _Setting("pause", 0x12, 0x13, 4, range(1, 4)),
    _Setting("wake on LAN", 0x05, 0x06, 5, range(2, 5)),
    _Setting("message level", 0x07, 0x08, 2, range(1, 2)),
    _Setting("private flags", 0x27, 0x28, 2, range(1, 2)),
)
_BY_NAME = {setting.name: setting for setting in _SETTINGS}
_FEATURES, _GET_FEATURES, _SET_FEATURES, _BLOCKS = "features", 0x3A, 0x3B, 4
_GET_DRIVER, _DRIVER_BYTES = 0x03, 196
_SPEED, _GET_LINK, _SET_LINK, _LINK_BYTES = "speed", 0x4C, 0x4D, 48
_SPEED_AT, _DUPLEX_AT, _AUTONEG_AT, _WORDS_AT = 4, 8, 11, 15


class Ethtool:
    """A socket for such questions; it lasts for the length of a block."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _call(self, device: str, data: bytes) -> bytes:
        buffer = array.array("B", data)
        request = _IFREQ.pack(device.encode(), buffer.buffer_info()[0])
        fcntl.ioctl(self._socket, _SIOCETHTOOL, request)
        return buffer.tobytes()

    def read(self, device: str) -> dict[str, str]:
        """Return every setting that the device has, in hexadecimal."""
        found = {}
        for setting in _SETTINGS:
            with contextlib.suppress(OSError):
                found[setting.name] = self._call(device, _command(setting.get, setting.words * 4)).hex()
        with contextlib.suppress(OSError):
            asked = struct.pack("=II", _GET_FEATURES, _BLOCKS) + bytes(16 * _BLOCKS)
            found[_FEATURES] = self._call(device, asked).hex()
        with contextlib.suppress(OSError):
            # Asked with no room for the masks, the kernel answers how much they need, as a negative number.
            needed = -struct.unpack_from("=b", self._call(device, _command(_GET_LINK, _LINK_BYTES)), _WORDS_AT)[0]
            if needed > 0:
                room = bytearray(_command(_GET_LINK, _LINK_BYTES + 12 * needed))
                room[_WORDS_AT] = needed
                found[_SPEED] = self._call(device, bytes(room)).hex()
        return found

    def driver(self, device: str) -> str:
        """Return what the device's driver calls itself; "" if it does not say."""
        try:
            return self._call(device, _command(_GET_DRIVER, _DRIVER_BYTES))[4:36].split(b"\0")[0].decode()
        except OSError:
            return ""

    def write(self, device: str, name: str, kept: str) -> None:
        """Give a setting back; OSError if the driver refuses."""
        data = bytes.fromhex(kept)
        if name == _FEATURES:
            blocks = ((available, wanted) for available, wanted, _, _ in _feature_blocks(data))
            body = b"".join(struct.pack("=II", available, wanted) for available, wanted in blocks)
            self._call(device, struct.pack("=II", _SET_FEATURES, len(body) // 8) + body)
        else:
            command = _SET_LINK if name == _SPEED else _BY_NAME[name].put
            self._call(device, struct.pack("=I", command) + data[4:])


def _command(number: int, size: int) -> bytes:
    return struct.pack("=I", number) + bytes(size - 4)


def _feature_blocks(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    yield from struct.iter_unpack("=IIII", data[8 : 8 + 16 * struct.unpack_from("=I", data, 4)[0]])


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the names of the settings that are others now, in the order in which they should be put back."""
    order = (_SPEED, *_BY_NAME, _FEATURES)
    return [name for name in order if name in before and _essence(name, before) != _essence(name, now)]


def _essence(name: str, settings: Mapping[str, str]) -> object:
    # What of a setting can be set.
    if name not in settings:
        return None
    data = bytes.fromhex(settings[name])
    if name == _FEATURES:
        return [wanted & available for available, wanted, _, _ in _feature_blocks(data)]
    if name == _SPEED:
        words = data[_WORDS_AT]
        advertised = data[_LINK_BYTES + 4 * words : _LINK_BYTES + 8 * words]
        forced = () if data[_AUTONEG_AT] else (data[_SPEED_AT : _SPEED_AT + 4], data[_DUPLEX_AT])
        return data[_AUTONEG_AT], advertised, forced
    setting = _BY_NAME[name]
    return [data[4 * word : 4 * word + 4] for word in setting.compare]
