from __future__ import annotations

import random
import re
import zlib

import pytest

from apikeys.minting import is_well_formed, mint


def test_a_key_is_56_random_digits_and_their_checksum():
    secret = mint()
    assert re.fullmatch(r"sk_[0-9a-f]{64}", secret)
    assert secret[-8:] == f"{zlib.crc32(secret[:-8].encode()):08x}"
    assert is_well_formed(secret)


def test_no_two_keys_are_the_same():
    assert len({mint() for _ in range(1000)}) == 1000


def test_a_typo_is_noticed():
    letters, secret = random.Random(4), mint()
    for place in range(3, len(secret)):
        other = letters.choice("0123456789abcdef".replace(secret[place], ""))
        assert not is_well_formed(secret[:place] + other + secret[place + 1 :])


@pytest.mark.parametrize(
    "bend",
    [str.upper, str.title, lambda key: key[:-1], lambda key: key + "0", lambda key: key + "\n"],
)
def test_only_the_very_shape_is_a_key(bend):
    assert not is_well_formed(bend(mint()))


@pytest.mark.parametrize("text", ["", "sk_", "sk_live_0123456789", "sk_" + "0" * 64, "é" * 67])
def test_other_things_are_no_keys(text):
    assert not is_well_formed(text)
