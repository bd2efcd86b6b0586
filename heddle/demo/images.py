"""Which local program stands for which container image of the examples."""

import sys
from collections.abc import Mapping
from types import MappingProxyType

SHOP = "heddle-demo/shop"
LOAD = "heddle-demo/load"

PROGRAMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        SHOP: (sys.executable, "-m", "heddle.demo.shop"),
        LOAD: (sys.executable, "-m", "heddle.demo.load"),
    }
)
"""Image name, without its tag, to the command and its arguments."""
