"""URLs by which somebody could try to make the server talk to its own network, and ports that tell whether it did.

    with canaries() as canary:
        for form in FORMS:
            send(form.url(canary.port))     # through whatever takes a URL
        assert canary.connections == 0

Three kinds. MALFORMED: some reader mends them into loopback; they are refused as they are written. LOOPBACK: well-formed
names of 127.0.0.1 and ::1; with everything allowed, each reaches a canary (the control). ELSEWHERE: other addresses that
are not public; no canary stands there, and a client under test must not really connect (give it a double).
No form needs DNS: `look_up` resolves them all on the machine.
"""

# ruff: noqa: E501, RUF001  # tables: one form a line, characters that look like others on purpose

from __future__ import annotations

import errno
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """One URL but for its port. `{wrapped}` is the port + 65536, which 16 bits take for the port."""

    id: str
    template: str

    def url(self, port: int) -> str:
        return self.template.replace("{port}", str(port)).replace("{wrapped}", str(port + 65_536))


def _hosts(**hosts: str) -> tuple[Form, ...]:
    """Hosts in an https URL each; a template where there is a scheme already."""
    return tuple(
        Form(name, host if "/" in host else f"https://{host}:{{port}}/hook?a=b") for name, host in hosts.items()
    )


LOOPBACK = _hosts(
    dotted="127.0.0.1",
    decimal="2130706433",
    decimal_zeros_octal="0017700000001",
    hex="0x7f000001",
    hex_upper="0X7F000001",
    hex_padded="0x000000007f000001",
    hex_dot="0x7f000001.",
    octal="017700000001",
    dotted_hex="0x7f.0x0.0x0.0x1",
    dotted_hex_upper="0X7F.0X0.0X0.0X1",
    dotted_octal="0177.0.0.01",
    dotted_octal_padded="00000177.000.000.0001",
    short_two="127.1",
    short_three="127.0.1",
    short_hex="0x7f.1",
    short_octal="0177.1",
    short_hex_three="0x7f.0.1",
    mixed_hex_octal="0x7f.00.0x0.01",
    mixed_last_hex="127.0.0.0x1",
    mixed_two_hex="127.0x000001",
    dot_at_end="127.0.0.1.",
    name="localhost",
    name_upper="LOCALHOST",
    name_mixed="LocalHost",
    name_dot="localhost.",
    name_upper_dot="LOCALHOST.",
    v6="[::1]",
    v6_long="[0:0:0:0:0:0:0:1]",
    v6_longest="[0000:0000:0000:0000:0000:0000:0000:0001]",
    v6_middle="[0:0:0::0:0:1]",
    v6_zeros="[::0001]",
    v6_dotted="[::0.0.0.1]",
    mapped_dotted="[::ffff:127.0.0.1]",
    mapped_hex="[::ffff:7f00:1]",
    mapped_upper="[::FFFF:7F00:0001]",
    mapped_long="[0:0:0:0:0:ffff:7f00:1]",
    mapped_long_dotted="[0000:0000:0000:0000:0000:ffff:127.0.0.1]",
    plain_http="http://127.0.0.1:{port}/",
    plain_http_name="http://localhost:{port}/",
    plain_http_v6="http://[::1]:{port}/",
    scheme_upper="HTTPS://127.0.0.1:{port}/",
    scheme_mixed="hTTpS://127.0.0.1:{port}/",
    no_path="https://127.0.0.1:{port}",
    query_only="https://127.0.0.1:{port}?to=/",
    dots_in_path="https://127.0.0.1:{port}/../..//@example.org/",
    dots_encoded="https://127.0.0.1:{port}/%2e%2e/",
)

ELSEWHERE = _hosts(
    loopback_2="127.0.0.2",
    loopback_last="127.255.255.254",
    unspecified="0.0.0.0",
    unspecified_short="0",
    unspecified_hex="0x0",
    this_network="0.0.0.1",
    private_10="10.0.0.1",
    private_10_octal="012.0.0.1",
    private_10_hex="0xa000001",
    private_172_first="172.16.0.1",
    private_172_last="172.31.255.255",
    private_192="192.168.0.1",
    private_192_decimal="3232235521",
    private_192_short="192.168.257",
    cgnat="100.64.0.1",
    cgnat_last="100.127.255.255",
    metadata_alibaba="100.100.100.200",
    link_local="169.254.0.1",
    metadata="169.254.169.254",
    metadata_decimal="2852039166",
    metadata_hex="0xa9fea9fe",
    metadata_octal="0251.0376.0251.0376",
    metadata_short="169.254.43518",
    metadata_mixed="0xa9.254.0251.0xfe",
    metadata_dot="169.254.169.254.",
    metadata_http="http://169.254.169.254/latest/meta-data/",
    metadata_azure="168.63.129.16",
    metadata_azure_hex="0xa83f8110",
    metadata_oracle="192.0.0.192",
    metadata_ecs="169.254.170.2",
    protocol_assignments="192.0.0.8",
    documentation_1="192.0.2.1",
    documentation_2="198.51.100.1",
    documentation_3="203.0.113.1",
    relay_6to4="192.88.99.1",
    benchmarking="198.18.0.1",
    benchmarking_last="198.19.255.255",
    multicast="224.0.0.1",
    multicast_ssdp="239.255.255.250",
    reserved="240.0.0.1",
    broadcast="255.255.255.255",
    broadcast_decimal="4294967295",
    v6_unspecified="[::]",
    v6_compatible="[::127.0.0.1]",
    v6_compatible_hex="[::7f00:1]",
    v6_compatible_metadata="[::a9fe:a9fe]",
    v6_second="[::2]",
    mapped_private="[::ffff:10.0.0.1]",
    mapped_metadata="[::ffff:169.254.169.254]",
    mapped_metadata_hex="[::ffff:a9fe:a9fe]",
    mapped_azure="[::ffff:168.63.129.16]",
    mapped_unspecified="[::ffff:0.0.0.0]",
    translated="[::ffff:0:127.0.0.1]",
    nat64="[64:ff9b::127.0.0.1]",
    nat64_hex="[64:ff9b::7f00:1]",
    nat64_metadata="[64:ff9b::169.254.169.254]",
    nat64_public="[64:ff9b::808:808]",
    nat64_local="[64:ff9b:1::7f00:1]",
    nat64_local_long="[64:ff9b:1:ffff::127.0.0.1]",
    tunnel_6to4="[2002:7f00:1::]",
    tunnel_6to4_one="[2002:7f00:1::1]",
    tunnel_6to4_private="[2002:a00:1::1]",
    tunnel_6to4_metadata="[2002:a9fe:a9fe::1]",
    teredo="[2001:0:7f00:1::]",
    teredo_client="[2001::80ff:fffe]",
    benchmarking_v6="[2001:2::1]",
    orchid="[2001:10::1]",
    orchid_2="[2001:20::1]",
    documentation_v6="[2001:db8::1]",
    documentation_v6_new="[3fff::1]",
    sixbone="[3ffe::1]",
    discard="[100::1]",
    segment_routing="[5f00::1]",
    not_given_out="[4000::1]",
    ula="[fc00::1]",
    ula_fd="[fd12:3456:789a::1]",
    metadata_v6="[fd00:ec2::254]",
    metadata_v6_upper="[FD00:0EC2:0:0:0:0:0:0254]",
    link_local_v6="[fe80::1]",
    link_local_v6_last="[febf::1]",
    site_local="[fec0::1]",
    multicast_v6="[ff02::1]",
    multicast_v6_global="[ff0e::1]",
    nothing_but_ones="[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]",
)

MALFORMED = _hosts(
    circled="⑫⑦.⓪.⓪.①",
    circled_single="①②⑦.⓪.⓪.①",
    full_width="１２７.０.０.１",
    full_width_name="ｌｏｃａｌｈｏｓｔ",
    full_width_hex="０ｘ７ｆ.1",
    ideographic_dots="127。0。0。1",
    full_width_dots="127．0．0．1",
    half_width_dots="127｡0｡0｡1",
    superscript="¹²⁷.0.0.1",
    subscript="₁₂₇.0.0.1",
    mathematical="𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    double_struck_name="𝕝𝕠𝕔𝕒𝕝𝕙𝕠𝕤𝕥",
    arabic_digits="١٢٧.٠.٠.١",
    devanagari_digits="१२७.०.०.१",
    full_width_v6="[：：１]",
    long_s_name="localho\u017ft",
    soft_hyphen="local\u00adhost",
    zero_width="local\u200bhost",
    joiner="local\u200dhost",
    byte_order_mark="\ufefflocalhost",
    right_to_left="\u202elocalhost",
    percent_digits="%31%32%37.0.0.1",
    percent_dots="127%2e0%2e0%2e1",
    percent_twice="127%252e0%252e0%252e1",
    percent_nul="localhost%00.example.org",
    percent_brackets="%5B::1%5D",
    nul="localhost\0.example.org",
    empty_label="127..0.0.1",
    empty_first_label=".127.0.0.1",
    two_dots="localhost..",
    comma="example.org,127.0.0.1",
    semicolon="127.0.0.1;example.org",
    space_in_host="example.org 127.0.0.1",
    star="*.0.0.1",
    no_brackets="::1",
    brackets_v4="[127.0.0.1]",
    brackets_name="[localhost]",
    brackets_twice="[[::1]]",
    brackets_open="[::1",
    brackets_closed="::1]",
    brackets_and_more="[::1]localhost",
    future_address="[v1.127.0.0.1]",
    scope="[::1%lo]",
    scope_encoded="[::1%25lo]",
    scope_number="[fe80::1%1]",
    mapped_scope="[::ffff:127.0.0.1%25lo]",
    mapped_octal="[::ffff:0177.0.0.1]",
    userinfo="https://example.org@127.0.0.1:{port}/",
    userinfo_port="https://example.org:443@127.0.0.1:{port}/",
    userinfo_password="https://user:secret@127.0.0.1:{port}/",
    userinfo_empty="https://@127.0.0.1:{port}/",
    userinfo_empty_password="https://:@127.0.0.1:{port}/",
    userinfo_twice="https://a@example.org@127.0.0.1:{port}/",
    userinfo_before="https://127.0.0.1:{port}@example.org/",
    userinfo_encoded="https://example.org%40127.0.0.1:{port}/",
    userinfo_full_width="https://example.org＠127.0.0.1:{port}/",
    fragment_userinfo="https://example.org#@127.0.0.1:{port}/",
    fragment_before="https://127.0.0.1:{port}#@example.org/",
    fragment_empty="https://127.0.0.1:{port}/#",
    backslash_userinfo="https://example.org\\@127.0.0.1:{port}/",
    backslash_before="https://127.0.0.1:{port}\\@example.org/",
    backslash_path="https://127.0.0.1:{port}\\.example.org/",
    backslashes="https:\\\\127.0.0.1:{port}/",
    backslash_one="https:/\\127.0.0.1:{port}/",
    full_width_slash="https://127.0.0.1:{port}／.example.org/",
    slashes_none="https:127.0.0.1:{port}/",
    slashes_one="https:/127.0.0.1:{port}/",
    slashes_three="https:///127.0.0.1:{port}/",
    slashes_four="https:////127.0.0.1:{port}/",
    scheme_none="//127.0.0.1:{port}/",
    scheme_none_host="127.0.0.1:{port}/",
    scheme_long_s="http\u017f://127.0.0.1:{port}/",
    scheme_full_width="ｈｔｔｐｓ://127.0.0.1:{port}/",
    scheme_tab="ht\ttps://127.0.0.1:{port}/",
    scheme_twice="https://https://127.0.0.1:{port}/",
    tab_in_host="https://127.0.\t0.1:{port}/",
    newline_in_host="https://127.0.0.1\n:{port}/",
    return_in_host="https://127.0.0.1\r:{port}/",
    tab_in_port="https://127.0.0.1:\t{port}/",
    space_before=" https://127.0.0.1:{port}/",
    space_behind="https://127.0.0.1:{port}/ ",
    control_before="\x01https://127.0.0.1:{port}/",
    no_break_space="https://127.0.0.1:{port}/\u00a0",
    line_in_path="https://127.0.0.1:{port}/a\r\nHost: example.org\r\n/",
    line_in_query="https://127.0.0.1:{port}/?a=\nX: y",
    line_separator="https://127.0.0.1:{port}/\u2028",
    path_not_encoded="https://127.0.0.1:{port}/ü",
    surrogate="https://127.0.0.1:{port}/\ud800",
    host_none="https://:{port}/",
    port_zero="https://127.0.0.1:0/",
    port_wrapped="https://127.0.0.1:{wrapped}/",
    port_plus="https://127.0.0.1:+{port}/",
    port_minus="https://127.0.0.1:-{port}/",
    port_twice="https://127.0.0.1:{port}:443/",
    port_empty="https://127.0.0.1:/",
    port_name="https://127.0.0.1:https/",
    port_full_width="https://127.0.0.1:８０/",
    port_many_zeros="https://127.0.0.1:00000000{port}/",
    ftp="ftp://127.0.0.1:{port}/",
    gopher="gopher://127.0.0.1:{port}/_GET%20/",
    dict="dict://127.0.0.1:{port}/stat",
    websocket="wss://127.0.0.1:{port}/",
    file="file:///etc/passwd",
    file_host="file://127.0.0.1:{port}/etc/passwd",
    jar="jar:https://127.0.0.1:{port}/!/",
    url_prefix="url:https://127.0.0.1:{port}/",
    unix="http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    data="data:text/plain,https://127.0.0.1:{port}/",
    javascript="javascript://127.0.0.1:{port}/%0aalert(1)",
)

FORMS = LOOPBACK + ELSEWHERE + MALFORMED


def look_up(host: str, port: int) -> list[str]:
    """What the machine's resolver makes of a host, without ever asking another machine."""
    if host == "localhost":
        return ["127.0.0.1", "::1"]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(end[0]) for *_, end in found]


class Canary:
    """Listeners on 127.0.0.1 and, where the machine has it, ::1, at one port; whoever connects is counted and let go."""

    def __init__(self, listeners: list[socket.socket]) -> None:
        self.port: int = listeners[0].getsockname()[1]
        self.addresses = [str(listener.getsockname()[0]) for listener in listeners]
        self._listeners = listeners
        self._counted = self._own = 0

    @property
    def connections(self) -> int:
        """All so far. Connections are taken in order, so that one of our own tells when those before it are counted."""
        for address in self.addresses:
            with socket.create_connection((address, self.port), 10) as own, suppress(ConnectionError):
                own.recv(1)
            self._own += 1
        return self._counted - self._own

    def run(self, ended: threading.Event) -> None:
        while not ended.is_set():
            for listener in select.select(self._listeners, [], [], 0.02)[0]:
                connection, _ = listener.accept()
                self._counted += 1
                connection.close()


@contextmanager
def canaries() -> Iterator[Canary]:
    """A running canary."""
    with ExitStack() as held:
        canary = Canary([held.enter_context(listener) for listener in _listeners()])
        ended = threading.Event()
        thread = threading.Thread(target=canary.run, args=(ended,), daemon=True)
        thread.start()
        try:
            yield canary
        finally:
            ended.set()
            thread.join()


def _listeners() -> list[socket.socket]:
    for _ in range(50):
        first = socket.create_server(("127.0.0.1", 0), backlog=128)
        try:
            return [first, socket.create_server(("::1", first.getsockname()[1]), family=socket.AF_INET6, backlog=128)]
        except OSError as error:
            if error.errno != errno.EADDRINUSE:  # no IPv6 here
                return [first]
            first.close()
    raise AssertionError("no port is free on both")
