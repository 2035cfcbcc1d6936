"""legacy.trusted: which peers are believed."""

from __future__ import annotations

import pytest

from legacy.trusted import Trusted, checked, peers

HERE = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


def test_only_this_machine_is_believed_unless_somebody_says_otherwise():
    for trusted in (Trusted(), peers(None, "")):
        assert [host in trusted for host in (*HERE, "10.0.0.1", "localhost", "", None)] == [True] * 3 + [False] * 4


@pytest.mark.parametrize(
    ("names", "host", "believed"),
    [
        (("10.0.0.0/8",), "10.200.3.4", True),
        (("10.0.0.0/8",), "::ffff:10.1.1.1", True),
        (("10.0.0.0/8",), "11.0.0.1", False),
        (("10.0.0.0/8",), "127.0.0.1", False),
        (("10.1.2.3/8",), "10.9.9.9", True),
        (("fd00::/8",), "fd00::0:1", True),
        (("fe80::1",), "fe80::1", True),
        (("2001:db8::1",), "2001:DB8:0::1", True),
        (("unix-peer",), "unix-peer", True),
        (("*",), None, True),
        (("*",), "no address at all", True),
        ((), "127.0.0.1", False),
    ],
)
def test_names_are_addresses_networks_or_everybody(names, host, believed):
    assert (host in Trusted(names)) is believed


def test_the_environment_speaks_where_the_program_does_not():
    assert "10.0.0.9" in peers(None, "127.0.0.1, 10.0.0.0/8")
    assert "10.0.0.9" not in peers(("127.0.0.1",), "*")
    assert "127.0.0.1" not in peers((), "127.0.0.1")


def test_a_text_is_read_as_uvicorn_reads_it_and_lists_stay():
    assert checked(" 10.0.0.0/8, ::1,") == ("10.0.0.0/8", "::1")
    assert checked("*") == ("*",)
    assert checked(["::1"]) == ["::1"]
    assert checked(None) is None


@pytest.mark.parametrize("wrong", ["localhost", "10.0.0.0/40", "10.0.0", ["::1", "proxy.example"]])
def test_what_is_no_address_is_refused_with_what_is_allowed(wrong):
    with pytest.raises(ValueError, match=r"is neither an address nor a network; give addresses such as '10.0.0.7'"):
        checked(wrong)
