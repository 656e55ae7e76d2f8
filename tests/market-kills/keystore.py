"""A keystore of little cost for a key that the test knows: Web3 secret storage, version 3.

Keccak and AES are written out, because Python's standard library has neither. Both are compared with known answers each time
that this is imported.
"""

import hashlib
import os
import uuid

MASK = (1 << 64) - 1
ROTATIONS = [
    [0, 36, 3, 41, 18], [1, 44, 10, 45, 2], [62, 6, 43, 15, 61], [28, 55, 25, 21, 56], [27, 20, 39, 8, 14],
]


def round_constants():
    """Those of Keccak-f, from its shift register."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << ((1 << bit) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return constants


CONSTANTS = round_constants()


def rotated(value, by):
    return ((value << by) | (value >> (64 - by))) & MASK if by else value


def permuted(lanes):
    for constant in CONSTANTS:
        columns = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
        mixed = [columns[(x - 1) % 5] ^ rotated(columns[(x + 1) % 5], 1) for x in range(5)]
        lanes = [[lanes[x][y] ^ mixed[x] for y in range(5)] for x in range(5)]
        moved = [[0] * 5 for _ in range(5)]
        for x in range(5):
            for y in range(5):
                moved[y][(2 * x + 3 * y) % 5] = rotated(lanes[x][y], ROTATIONS[x][y])
        lanes = [
            [moved[x][y] ^ (~moved[(x + 1) % 5][y] & MASK & moved[(x + 2) % 5][y]) for y in range(5)] for x in range(5)
        ]
        lanes[0][0] ^= constant
    return lanes


def keccak256(data):
    """Ethereum's hash, which is SHA-3 with other padding."""
    rate = 136
    padded = bytearray(data)
    padded += b"\x01" + bytes(rate - 1 - len(data) % rate)
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for word in range(rate // 8):
            value = int.from_bytes(padded[start + 8 * word : start + 8 * word + 8], "little")
            lanes[word % 5][word // 5] ^= value
        lanes = permuted(lanes)
    return b"".join(lanes[word % 5][word // 5].to_bytes(8, "little") for word in range(4))


def doubled(byte):
    return ((byte << 1) ^ (0x1B if byte & 0x80 else 0)) & 0xFF


def product(a, b):
    result = 0
    while b:
        result ^= a if b & 1 else 0
        a, b = doubled(a), b >> 1
    return result


def substitution():
    """The S-box of AES: inverses in its field, and an affine map."""
    box = []
    for value in range(256):
        inverse = next((other for other in range(256) if product(value, other) == 1), 0)
        box.append(0x63 ^ inverse)
        for shift in range(1, 5):
            box[value] ^= ((inverse << shift) | (inverse >> (8 - shift))) & 0xFF
    return box


BOX = substitution()


def aes128(key, block):
    """One block encrypted."""
    words = [list(key[4 * i : 4 * i + 4]) for i in range(4)]
    factor = 1
    for i in range(4, 44):
        word = list(words[-1])
        if i % 4 == 0:
            word = [BOX[byte] for byte in word[1:] + word[:1]]
            word[0] ^= factor
            factor = doubled(factor)
        words.append([a ^ b for a, b in zip(word, words[i - 4])])
    keys = [sum(words[4 * i : 4 * i + 4], []) for i in range(11)]
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number in range(1, 11):
        state = [BOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 10:
            mixed = []
            for column in range(0, 16, 4):
                for row in range(4):
                    a, b, c, d = (state[column + (row + step) % 4] for step in range(4))
                    mixed.append(doubled(a) ^ doubled(b) ^ b ^ c ^ d)
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[number])]
    return bytes(state)


def aes128_ctr(key, counter, data):
    result = b""
    for start in range(0, len(data), 16):
        number = (int.from_bytes(counter, "big") + start // 16) % (1 << 128)
        stream = aes128(key, number.to_bytes(16, "big"))
        result += bytes(a ^ b for a, b in zip(data[start : start + 16], stream))
    return result


def keystore(key, passphrase):
    """The JSON of a keystore, whose scrypt takes milliseconds."""
    salt, counter = os.urandom(32), os.urandom(16)
    derived = hashlib.scrypt(passphrase.encode(), salt=salt, n=1024, r=8, p=1, dklen=32)
    ciphertext = aes128_ctr(derived[:16], counter, key)
    return {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": counter.hex()},
            "ciphertext": ciphertext.hex(),
            "kdf": "scrypt",
            "kdfparams": {"dklen": 32, "n": 1024, "r": 8, "p": 1, "salt": salt.hex()},
            "mac": keccak256(derived[16:] + ciphertext).hex(),
        },
        "id": str(uuid.uuid4()),
        "version": 3,
    }


# Keccak's empty message, and the block of FIPS 197, appendix C.1.
assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
assert aes128(bytes(range(16)), bytes(i * 17 for i in range(16))).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
