"""Damage to a file: bits, bytes, cuts, repetitions, odd numbers and odd words."""

from __future__ import annotations

import random
import re
import struct

NUMBERS = (
    *(b"0", b"-1", b"1", b"2", b"3", b"16", b"255", b"65535", b"65536", b"2147483647", b"2147483648", b"4294967295"),
    *(b"-2147483648", b"9223372036854775808", b"1e30", b"1e999", b"-1e-30", b"nan", b"inf", b"0.0", b"1,5", b"0x10"),
    *(b"9" * 40, b"1" + b"0" * 400, b"1_000", b"", b" "),
)
WORDS = (
    *(b"\n", b"\n\n", b"\r", b"\r\n", b"\0", b"\x1b[2J", b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"../", b"/dev/zero"),
    *(b"x" * 1100, b"(" * 300, b"[" * 300, b'{"a":' * 300, b"#", b"=", b":", b": ", b'"', b",", b"null", b"true"),
    *(b"LOCAL", b"LIST", b"<!DOCTYPE a>", b"<a>" * 50, b"&a;"),
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_SIZES = (0, 1, 2, 3, 4, 127, 128, 255, 256, 32767, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1)


def mutated(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """A file with one to eight kinds of damage; others: files of its kind, of which pieces may be taken."""
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5, 8))):
        data = rng.choice(_DAMAGES)(rng, data, others)
    return data[: 4 * max(map(len, others)) + 4096]


def _place(rng: random.Random, data: bytes) -> int:
    """A place in a file, half of the time in its header."""
    limit = len(data) if rng.random() < 0.5 else min(len(data), 600)
    return rng.randrange(limit + 1)


def _flip(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    if not data:
        return data
    at = min(_place(rng, data), len(data) - 1)
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _bytes(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    at, count = _place(rng, data), rng.choice((1, 2, 4, 8, 64))
    return data[:at] + rng.randbytes(count) + data[at + count * rng.randrange(2) :]


def _size(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """A number of two or four bytes that reads as a length."""
    at, code = _place(rng, data), rng.choice(("<H", ">H", "<I", ">I"))
    packed = struct.pack(code, rng.choice(_SIZES) % 2 ** (8 * struct.calcsize(code)))
    return data[:at] + packed + data[at + len(packed) :]


def _cut(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] if rng.random() < 0.5 else data[:at] + data[at + rng.choice((1, 2, 16, 256)) :]


def _repeat(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    at, length = _place(rng, data), rng.choice((1, 8, 64, 512))
    return data[:at] + data[at : at + length] * rng.choice((2, 3, 9)) + data[at + length :]


def _splice(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    other = rng.choice(others)
    start = _place(rng, other)
    at = _place(rng, data)
    return data[:at] + other[start : start + rng.choice((4, 32, 256, 4096))] + data[at:]


def _number(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Another number in the place of one that is written in digits."""
    found = list(_NUMBER.finditer(data[:20_000]))
    if not found:
        return _size(rng, data, others)
    match = rng.choice(found)
    return data[: match.start()] + rng.choice(NUMBERS) + data[match.end() :]


def _word(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    at = _place(rng, data)
    return data[:at] + rng.choice(WORDS) + data[at:]


def _line(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """A line repeated, removed or moved."""
    lines = data.split(b"\n")
    at = rng.randrange(min(len(lines), 60))
    line = lines.pop(at)
    for _ in range(rng.randrange(3)):
        lines.insert(rng.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


_DAMAGES = (_flip, _bytes, _size, _cut, _repeat, _splice, _number, _number, _word, _line)
