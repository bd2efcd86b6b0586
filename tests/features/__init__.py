"""The control plane over a real gRPC port, without an Envoy: YAML goes in, a client reads.

Tests wait for what they expect, each wait is bounded, and none sleeps. That nothing is sent is
shown by `Stream.ping`: what would have been sent comes before the answer.
"""
