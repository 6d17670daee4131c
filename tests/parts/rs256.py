"""Checks an RS256 JWT with nothing but the standard library: the test servers need no key of their own."""

import base64
import hashlib
import json
import re

_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def decode_part(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _element(data, at):
    """(tag, contents, offset behind) of the DER element at `at`."""
    length, begin = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, begin = int.from_bytes(data[begin:begin + size], "big"), begin + size
    return data[at], data[begin:begin + length], begin + length


def public_numbers(pem):
    """(modulus, exponent) of a `BEGIN PUBLIC KEY` document."""
    body = re.search(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", pem, re.DOTALL).group(1)
    _, info, _ = _element(base64.b64decode(body), 0)
    _, _, behind_algorithm = _element(info, 0)
    _, bits, _ = _element(info, behind_algorithm)
    _, numbers, _ = _element(bits, 1)  # the first octet counts unused bits
    _, modulus, behind_modulus = _element(numbers, 0)
    _, exponent, _ = _element(numbers, behind_modulus)
    return int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")


def is_signed_by(pem, signed, signature):
    """PKCS #1 v1.5 with SHA-256, compared as the whole padded block."""
    modulus, exponent = public_numbers(pem)
    size = (modulus.bit_length() + 7) // 8
    if len(signature) != size:
        return False
    block = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    digest = _SHA256_INFO + hashlib.sha256(signed).digest()
    return block == b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest


def parse(token):
    """(header, claims, what is signed, signature); ValueError when this is no JWT."""
    head, claims, signature = token.split(".")
    parts = [json.loads(decode_part(part)) for part in (head, claims)]
    if not all(isinstance(part, dict) for part in parts):
        raise ValueError("header and claims are JSON objects")
    return *parts, f"{head}.{claims}".encode(), decode_part(signature)
