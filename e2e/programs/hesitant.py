"""A server over HTTP whose queue of connections gets full when it is told to.

Answers a request with how many it has received with this body. After `/hesitate` it accepts nobody,
and the kernel lets no connection come about, until one has been asked for in vain.

Environment: `PORT`, `POD_IP`.
"""

import os
import socket
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

CONNECTIONS = Path("/proc/net/tcp")
SYN_SENT = "02"


class Hesitant(HTTPServer):
    """The server. A connection of its own fills the queue (listen(2)), one at a time."""

    request_queue_size = 0

    def __init__(self, host: str, port: int) -> None:
        super().__init__((host, port), _Handler)
        self.received: Counter[bytes] = Counter()
        self._full: socket.socket | None = None
        self._at = host, port
        reverse = socket.inet_aton(host)[::-1].hex().upper()
        self._own = f"{reverse}:{port:04X}"

    def fill(self) -> None:
        """From here on nobody gets through."""
        self._full = socket.create_connection(self._at)

    def service_actions(self) -> None:
        """Between two requests."""
        if self._full is None:
            return
        while not self._is_asked():
            time.sleep(0.01)
        self._full.close()
        self._full = None

    def _is_asked(self) -> bool:
        lines = CONNECTIONS.read_text().splitlines()
        return any(line.split()[2:4] == [self._own, SYN_SENT] for line in lines)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        assert isinstance(self.server, Hesitant)
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        self.server.received[body] += 1
        if self.path == "/hesitate":
            self.server.fill()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.server.received[body]).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    Hesitant(os.environ["POD_IP"], int(os.environ["PORT"])).serve_forever()
