"""Paths of a container where it has no file system of its own (proxy-port mode).

A volume cannot be mounted, so every mention of its mount path, in arguments, in the environment and
in the files of other volumes, is replaced by where it really is.
"""

import re
from collections.abc import Mapping


def relocate(text: str, places: Mapping[str, str]) -> str:
    """`places` maps mount paths to real ones. Only whole path components count: `/data` is found in
    `file:///data/x` and not in `/database` or `/var/data`."""
    if not places:
        return text
    longest_first = sorted(places, key=len, reverse=True)
    paths = "|".join(map(re.escape, longest_first))
    # No name may go on in front of it or behind it. A slash in front is the end of `file://`.
    pattern = rf"(?<![\w.~-])(?:(?<=://)|(?<!/))({paths})(?![\w.~-])"
    return re.sub(pattern, lambda match: places[match[1]], text)
