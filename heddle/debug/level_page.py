"""The levels at which a proxy on this machine logs: the one page that changes anything, and so
there is none in a cluster, where commands go to the pod themselves.
"""

from aiohttp import web

from heddle.debug.addresses import LEVELS
from heddle.debug.guard import Caller
from heddle.debug.pages import json_response
from heddle.debug.proxy_pages import pod_scope
from heddle.debug.routes import Route
from heddle.proxies.admin import ToAdmin
from heddle.proxies.log_levels import NoLevels, exchange_levels


def level_page(to_admin: ToAdmin) -> Route:
    """POST `?proxyID=POD.NAMESPACE&set=LEVELS`, as `heddle.proxies.log_levels.query` takes them."""

    async def levels(request: web.Request, caller: Caller | None) -> web.Response:
        del caller  # has the token of this run, which opens all of it
        scope = pod_scope(request)
        try:
            async with to_admin(scope.namespace, scope.pod, None) as connected:
                found = await exchange_levels(connected, request.query.get("set", ""))
        except ValueError as error:
            return web.Response(status=400, text=f"{error}\n")
        except (NoLevels, OSError) as error:
            return web.Response(status=502, text=f"{scope}: {error}\n")
        return json_response(dict(found))

    return Route(path=LEVELS, answer=levels, scope=pod_scope, changes=True)
