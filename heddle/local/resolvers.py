"""The name servers of a pod: those that it names itself (`dnsPolicy: None`, `dnsConfig`).

Others have none, for all names are in their `/etc/hosts`; those that do are told no name there but
their own.
"""

from collections.abc import Mapping, Sequence

from webhook import raw


def has_resolvers(spec: Mapping[str, object]) -> bool:
    """Whether a pod names its name servers."""
    return bool(_servers(spec))


def resolver_files(spec: Mapping[str, object]) -> Mapping[str, str]:
    """The files of `/etc` that say where names are looked up, by their names."""
    servers = _servers(spec)
    if not servers:
        return {
            "resolv.conf": "# There is no name server: all names are in /etc/hosts.\n",
            "nsswitch.conf": _switch("files"),
        }
    config = raw.mapping(spec.get("dnsConfig"))
    lines = [f"nameserver {address}" for address in servers]
    if searches := _texts(config.get("searches")):
        lines.append(f"search {' '.join(searches)}")
    if options := [_option(each) for each in raw.objects(config.get("options"))]:
        lines.append(f"options {' '.join(options)}")
    return {
        "resolv.conf": "".join(f"{line}\n" for line in lines),
        "nsswitch.conf": _switch("files dns"),
    }


def _servers(spec: Mapping[str, object]) -> Sequence[str]:
    if spec.get("dnsPolicy") != "None":
        return ()
    return _texts(raw.mapping(spec.get("dnsConfig")).get("nameservers"))


def _switch(hosts: str) -> str:
    return f"passwd: files\ngroup: files\nhosts: {hosts}\n"


def _texts(given: object) -> Sequence[str]:
    found = given if isinstance(given, list) else []
    # Each is one word of a line: what is more would say something else there.
    return [text for text in found if isinstance(text, str) and len(text.split()) == 1]


def _option(given: Mapping[str, object]) -> str:
    name, value = raw.text(given.get("name")), raw.text(given.get("value"))
    return f"{name}:{value}" if value else name
