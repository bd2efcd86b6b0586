"""`heddle check`: whether a cluster can have a mesh, and whether the one that it has is well.

Each check has an anchor that stays (docs/checks.md), and a way out. A file is a category: it reads
what it needs of the API server, and judges it without I/O.
"""
