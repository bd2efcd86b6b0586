"""Templates with everything escaped, and the headers that every page is sent with."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined

from crds.meta import Key, Origin
from crds.problem import printable
from heddle.page.who import May
from heddle.proxies.comparison import Agreement

VIEWS: Final = (
    ("/sync", "Sync"),
    ("/config", "Config"),
    ("/proxy", "Proxy"),
    ("/explain", "Explain"),
    ("/graph", "Graph"),
)
"""The address and name of each view, in the order of the menu."""

AGREEMENTS: Final[Mapping[Agreement, str]] = {
    Agreement.SAME: "synced",
    Agreement.DIFFERS: "rejected",
    Agreement.MISSING: "rejected",
    Agreement.EXTRA: "stale",
    Agreement.UNKNOWN: "",
}
"""The colours of what differs."""

VERDICTS: Final[Mapping[May, str]] = {
    May.YES: "allowed",
    May.DEPENDS: "depends",
    May.NO: "denied",
    May.HIDDEN: "",
}
"""The colours of what callers may."""

HEADERS: Final[Mapping[str, str]] = {
    # Nothing inline and nothing from elsewhere: what a name in an object says is never run.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Templates:
    """The templates of this package. `source` is what the control plane serves, for the header,
    `replica` which of several it may be.
    """

    def __init__(self, source: str, replica: str = "") -> None:
        self._environment = Environment(
            loader=PackageLoader("heddle.page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            views=VIEWS,
            source=source,
            replica=replica,
            object_url=object_url,
            within=within,
            agreements=AGREEMENTS,
            verdicts=VERDICTS,
        )
        self._environment.filters["place"] = lambda origin: place(origin, source)
        self._environment.filters["file"] = lambda file: place(Origin(file), source)

    def render(self, template: str, **values: object) -> str:
        """A page, or a part of one."""
        return self._environment.get_template(template).render(values)


def place(origin: Origin, source: str) -> str:
    """A file and a line; the file as seen from the folder that is served."""
    file = origin.file.removeprefix(f"{source.rstrip('/')}/")
    return printable(file if origin.line is None else f"{file}:{origin.line}")


def object_url(key: Key, namespace: str) -> str:
    """The address of the page about an object."""
    names = {"group": key.group, "kind": key.kind, "of": key.namespace, "name": key.name}
    return within("/config/object", namespace, **names)


def within(path: str, namespace: str, **asked: str) -> str:
    """An address of ours, for who sees one namespace only or (`""`) all."""
    query = {**asked, "namespace": namespace} if namespace else asked
    return f"{path}?{urlencode(query)}" if query else path
