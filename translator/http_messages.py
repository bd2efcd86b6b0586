"""Envoy's HTTP connection manager messages, under a name that fits on a line."""

from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2,
)

HttpConnectionManager = http_connection_manager_pb2.HttpConnectionManager
HttpFilter = http_connection_manager_pb2.HttpFilter
Rds = http_connection_manager_pb2.Rds
