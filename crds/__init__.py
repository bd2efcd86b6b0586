"""Kubernetes and Istio objects as frozen values, and the one decoder that makes them. Pure: no I/O,
no clock.
"""
