"""How fast, how much: the control plane measured over sockets, with simulated proxies.

`make bench` runs it all. The server runs in a process of its own, the proxies in another, each on a
core of its own; this package's `__main__` tells both what to do and writes the report.
docs/performance.md says what each figure means.
"""
