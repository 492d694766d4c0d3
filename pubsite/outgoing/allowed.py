"""What the operator lets outgoing calls reach though it is not public, or over plain http."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

from pubsite.errors import SettingsError
from pubsite.outgoing.addresses import parsed
from pubsite.outgoing.urls import BadUrl, parse, split_authority


@dataclass(frozen=True, slots=True)
class Allowed:
    """Hosts as URLs write them, each with a port or with None for any; and networks. Nothing by default."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Allowed:
        """Read `host`, `host:port`, `[v6]:port`, networks (`10.0.0.0/8`); raises SettingsError that names the entry."""
        hosts, networks = set(), []
        for entry in entries:
            try:
                if "/" in entry:
                    networks.append(ip_network(entry))
                else:
                    hosts.add(split_authority(f"[{entry}]" if _is_bare_v6(entry) else entry))
            except ValueError as error:
                what = str(error) if isinstance(error, BadUrl) else "is no network"
                raise SettingsError(
                    f"outgoing_allow: {entry!r} {what} (a host, host:port, or a network like 10.0.0.0/8)"
                ) from error
        return cls(frozenset(hosts), tuple(networks))

    @classmethod
    def only(cls, url: str) -> Allowed:
        """The host and port of one URL that the operator wrote; raises BadUrl."""
        target = parse(url)
        return cls(frozenset({(target.host, target.port)}))

    def host(self, host: str, port: int) -> bool:
        """Whether a host as it stands in a URL may be reached, whatever its addresses are."""
        return (host, None) in self.hosts or (host, port) in self.hosts

    def address(self, text: str) -> bool:
        """Whether an address lies in one of the networks."""
        address = parsed(text)
        return address is not None and any(address in network for network in self.networks)


NOTHING = Allowed()


def _is_bare_v6(entry: str) -> bool:
    return entry.count(":") > 1 and not entry.startswith("[")
