"""Where pages are: for what answers there, and for commands that ask."""

from typing import Final

STATUS: Final = "/debug/proxy-status"
PROXIES: Final = "/debug/proxies"
INVITATION: Final = "/login/invitation"
LOGIN: Final = "/login"
CONFIG_DUMP: Final = "/config_dump"
ADMIN: Final = "/debug/envoy"
TRACE: Final = "/debug/trace"
AUTHZ: Final = "/debug/authz"
DESCRIBE: Final = "/debug/describe"
LEVELS: Final = "/debug/levels"
