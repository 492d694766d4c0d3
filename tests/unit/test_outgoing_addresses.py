"""Which addresses are public, what URLs may look like, and what an operator may allow."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubsite.errors import SettingsError
from pubsite.outgoing import Allowed, url_problem
from pubsite.outgoing.addresses import CLOSED_V4, CLOSED_V6, is_public
from pubsite.outgoing.urls import BadUrl, parse
from tests.corpora.inner_addresses import ELSEWHERE, FORMS, LOOPBACK, MALFORMED, Form, look_up

# Addresses


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255"),
        *("128.0.0.0", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.0", "172.15.255.255"),
        *("172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.88.98.255", "192.88.100.0", "192.167.0.0"),
        *("192.169.0.0", "198.17.255.255", "198.20.0.0", "198.51.99.255", "203.0.114.0", "223.255.255.255"),
        *("2001:200::1", "2001:4860:4860::8888", "2001:db7::1", "2001:db9::1", "2003::1", "2606:4700::1111"),
        *("2a00:1450:4001::1", "3ffd::1", "3fff:1000::1", "::ffff:8.8.8.8", "::ffff:808:808"),
    ],
)
def test_what_lies_beside_the_closed_networks_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("network", [*CLOSED_V4, *CLOSED_V6], ids=str)
def test_a_closed_network_is_closed_from_its_first_address_to_its_last(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> None:
    for address in (network[0], network[1], network[-2], network[-1]) if network.num_addresses > 1 else (network[0],):
        assert not is_public(str(address))
        if address.version == 4:
            assert not is_public(f"::ffff:{address}")


@pytest.mark.parametrize("form", LOOPBACK + ELSEWHERE, ids=lambda form: form.id)
def test_no_form_has_a_public_address(form: Form) -> None:
    target = parse(form.url(8443))
    addresses = look_up(target.host, target.port)
    assert addresses
    assert not any(is_public(address) for address in addresses)


@pytest.mark.parametrize(
    "text", ["", "localhost", "1.2.3", "01.2.3.4", "2001:200::1%eth0", "2001:200::1%1", "8.8.8.8/32"]
)
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@given(st.ip_addresses().filter(lambda address: getattr(address, "ipv4_mapped", None) is None))
def test_nothing_is_public_that_the_library_calls_special(address: ipaddress.IPv4Address) -> None:
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not is_public(str(address))


@given(st.ip_addresses(v=4), st.sampled_from(["::", "64:ff9b::", "64:ff9b:1::", "::ffff:0:0"]))
def test_no_embedding_makes_an_address_public(inner: ipaddress.IPv4Address, prefix: str) -> None:
    embedded = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(inner))
    mapped = prefix == "::ffff:0:0"
    assert is_public(str(embedded)) is (mapped and is_public(str(inner)))


# URLs


def test_the_forms_are_many_and_have_names() -> None:
    assert len(FORMS) >= 200
    assert len({form.id for form in FORMS}) == len(FORMS)


@pytest.mark.parametrize("form", MALFORMED, ids=lambda form: form.id)
def test_a_form_that_two_readers_take_in_two_ways_is_wrong(form: Form) -> None:
    problem = url_problem(form.url(8443))
    assert problem is not None
    assert problem.startswith("must ")
    assert "secret" not in problem


@pytest.mark.parametrize("form", LOOPBACK + ELSEWHERE, ids=lambda form: form.id)
def test_a_good_form_is_no_problem_whatever_its_address(form: Form) -> None:
    assert url_problem(form.url(8443)) is None


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://example.org", "example.org", 443, "/", "example.org"),
        ("https://example.org/", "example.org", 443, "/", "example.org"),
        ("https://example.org?a=b", "example.org", 443, "/?a=b", "example.org"),
        ("https://example.org/a%2Fb;c=d/?x=/y?z", "example.org", 443, "/a%2Fb;c=d/?x=/y?z", "example.org"),
        ("HTTPS://Example.ORG:8443/A", "example.org", 8443, "/A", "example.org:8443"),
        ("https://example.org.:443/", "example.org", 443, "/", "example.org"),
        ("https://example.org:00080/", "example.org", 80, "/", "example.org:80"),
        ("http://example.org:80/", "example.org", 80, "/", "example.org"),
        ("http://example.org:443/", "example.org", 443, "/", "example.org:443"),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://BÜCHER.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://bu\u0308cher.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", "xn--bcher-kva.example"),
        ("https://my_host-1.example/", "my_host-1.example", 443, "/", "my_host-1.example"),
        ("https://192.0.2.1:1/", "192.0.2.1", 1, "/", "192.0.2.1:1"),
        ("https://[2001:DB8::0:1]:65535/", "2001:db8::1", 65535, "/", "[2001:db8::1]:65535"),
    ],
)
def test_a_url_is_read_as_it_stands(url: str, host: str, port: int, path: str, authority: str) -> None:
    target = parse(url)
    assert (target.host, target.port, target.path, target.authority) == (host, port, path, authority)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "https"),
        ("example.org", "https"),
        ("ftp://example.org/", "https"),
        ("https://", "like https://host"),
        ("https://user@example.org/", "user name"),
        ("https://example.org/#a", "fragment"),
        ("https://example.org\\a", r"\\"),
        ("https://example.org/a b", "spaces"),
        ("https://example.org:0/", "1 to 65535"),
        ("https://example.org:65536/", "1 to 65535"),
        ("https://faß.example/", "must write its host as fass.example"),
        ("https://" + "a" * 64 + ".example/", "domain name"),
        ("https://" + "a." * 127 + "example/", "at most 253"),
        ("https://example.org/" + "a" * 2029, "at most 2048"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url: str, says: str) -> None:
    problem = url_problem(url)
    assert problem is not None
    assert says.replace("\\\\", "\\") in problem


def test_the_longest_url_is_good() -> None:
    assert url_problem("https://example.org/" + "a" * 2028) is None


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.org/{text}"):
        problem = url_problem(url)
        assert problem is None or problem.startswith("must ")


@given(st.text(st.characters(exclude_categories=["L", "Mn", "Mc", "Cs", "Cn"]), min_size=1))
def test_no_host_without_a_letter_of_its_own_is_mended(text: str) -> None:
    """What is neither a letter nor ASCII stands in no host: not as a digit, a dot, a bracket or a blank."""
    try:
        host = parse(f"https://{text}/").host
    except BadUrl:
        return
    assert text.isascii() or host.startswith("xn--") or ".xn--" in host


# What the operator allows


@pytest.mark.parametrize(
    ("entry", "host", "port", "allowed"),
    [
        ("localhost", "localhost", 1, True),
        ("LocalHost.", "localhost", 1, True),
        ("localhost", "sub.localhost", 1, False),
        ("localhost", "127.0.0.1", 1, False),
        ("localhost:80", "localhost", 80, True),
        ("localhost:80", "localhost", 81, False),
        ("127.0.0.1", "127.0.0.1", 1, True),
        ("127.0.0.1", "2130706433", 1, False),
        ("127.0.0.1:80", "127.0.0.1", 80, True),
        ("127.0.0.1:80", "127.0.0.1", 443, False),
        ("::1", "::1", 1, True),
        ("[::1]", "::1", 1, True),
        ("0:0::1", "::1", 1, True),
        ("[::1]:80", "::1", 80, True),
        ("[::1]:80", "::1", 81, False),
        ("bücher.example", "xn--bcher-kva.example", 443, True),
        ("127.0.0.0/8", "127.0.0.1", 1, False),
    ],
)
def test_a_host_is_allowed_as_it_is_written(entry: str, host: str, port: int, allowed: bool) -> None:
    assert Allowed.parse([entry]).host(host, port) is allowed
    assert not Allowed.parse([entry]).address(host) or "/" in entry
    assert not Allowed().host(host, port)


@pytest.mark.parametrize(
    ("entry", "address", "allowed"),
    [
        ("10.0.0.0/8", "10.255.0.1", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("10.0.0.0/8", "::ffff:10.0.0.1", True),
        ("10.0.0.0/8", "64:ff9b::a00:1", False),
        ("127.0.0.1/32", "127.0.0.1", True),
        ("::1/128", "::1", True),
        ("::/0", "fe80::1", True),
        ("::/0", "fe80::1%eth0", False),
        ("::/0", "10.0.0.1", False),
        ("fd00::/8", "fd12::1", True),
        ("fd00::/8", "localhost", False),
    ],
)
def test_a_network_allows_its_addresses(entry: str, address: str, allowed: bool) -> None:
    assert Allowed.parse(["example.org", entry]).address(address) is allowed
    assert not Allowed().address(address)


@pytest.mark.parametrize(
    "entry",
    [
        *(
            "",
            "*",
            "*.example.org",
            "http://localhost",
            "https://localhost/",
            "localhost/",
            "localhost:",
            "localhost:0",
        ),
        *("localhost:65536", "localhost:x", "localhost:80:81", "user@localhost", "10.0.0.1/8", "10.0.0.0/33", "/"),
        *(
            "10.0.0.0/8:80",
            "[::1",
            "::1]:80",
            "[::1]:",
            "[localhost]:80",
            "fe80::1%eth0",
            "local host",
            "a..b",
            "\uff11.1.1.1",
        ),
    ],
)
def test_an_entry_that_is_wrong_is_named(entry: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Allowed.parse(["localhost", entry])
    assert f"outgoing_allow: {entry!r}" in caught.value.message
