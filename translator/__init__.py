"""Typed objects in, Envoy messages out. Pure: the same values give the same bytes.

One file per kind of Envoy resource. Each function takes the few values that it uses and returns a
finished message; only `translate.py` sees a whole mesh.
"""
