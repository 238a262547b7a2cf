from __future__ import annotations

import pytest

from config.kit.client_address import client_address, network


@pytest.mark.parametrize(
    ("proxies", "peer", "forwarded_for", "address"),
    [
        (0, "192.0.2.1", "", "192.0.2.1"),
        (0, "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        (1, "192.0.2.1", "203.0.113.9", "203.0.113.9"),
        (1, "192.0.2.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
        (2, "192.0.2.1", "198.51.100.7, 203.0.113.9, 192.0.2.2", "203.0.113.9"),
        (2, "192.0.2.1", "203.0.113.9", "203.0.113.9"),
        (1, "192.0.2.1", "", "192.0.2.1"),
        (1, "192.0.2.1", "not-an-ip", "192.0.2.1"),
        (1, "192.0.2.1", "'; DROP TABLE", "192.0.2.1"),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "fe80::1%eth0", "", "fe80::1"),
        (0, "", "", None),
    ],
)
def test_only_trusted_proxies_speak_for_another(settings, proxies, peer, forwarded_for, address):
    settings.TRUSTED_PROXIES = proxies
    meta = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded_for}
    assert client_address(meta) == address


def test_a_network_is_what_one_subscriber_holds():
    assert network("192.0.2.1") == "192.0.2.1"
    assert network("2001:db8::1") == network("2001:db8::ffff:1") == "2001:db8::/64"
    assert network(None) == "unknown"
