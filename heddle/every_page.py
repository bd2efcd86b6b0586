"""What the control plane shows besides proxies' dumps: the web page, how far proxies are, and which
services there are.
"""

import time
from collections.abc import Sequence

from heddle.control_plane import ControlPlane
from heddle.debug.registry_page import registry_page
from heddle.debug.routes import Route
from heddle.page.routes import page_routes
from heddle.proxies.admin import ToAdmin
from heddle.sync_pages import sync_pages
from xds.status import Clients


def every_page(
    plane: ControlPlane,
    clients: Clients,
    source: str,
    to_admin: ToAdmin | None,
    replica: str = "",
) -> Sequence[Route]:
    """All of it; `source` is what is served, as it is named to people. `to_admin` leads to live
    proxies, if they are in reach. `replica` is which of several we may be.
    """
    wall = time.time  # noqa: TID251 - the composition root hands the clock in
    return (
        *page_routes(plane, clients, source, to_admin, replica),
        *sync_pages(plane, clients, wall=wall, steady=time.monotonic),
        registry_page(lambda: plane.engine.mesh),
    )
