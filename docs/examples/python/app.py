"""A small service with nothing but the standard library: /hello, and /up for health checks."""

import json
import os
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STOP_LIMIT = 20  # seconds; below service.stopTimeout, after which ECS kills the task


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections
    timeout = 90  # of an idle one, in seconds; above the load balancer's entry.idleTimeout

    def do_GET(self) -> None:
        with self.server.under_way:
            if self.path == "/up":
                self.answer(200, "text/plain", b"ok\n")
            elif self.path == "/hello":
                body = {"hello": "from Python", "host": socket.gethostname()}
                self.answer(200, "application/json", json.dumps(body).encode())
            else:
                self.answer(404, "text/plain", b"there is nothing at this path\n")

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, text: str, *values: object) -> None:
        print(json.dumps({"msg": "request", "line": (text % values)[:512]}))


class Counter:
    """Counts what is under way, so that a stop can wait for it."""

    def __init__(self) -> None:
        self.count = 0
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        with self.lock:
            self.count += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.count -= 1


class Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        super().__init__((os.environ.get("HOST", ""), port), Handler)
        self.under_way = Counter()

    def stop(self, *_: object) -> None:
        """Runs on SIGTERM, which ECS sends after the load balancer has let go of the task."""
        threading.Thread(target=self.shutdown).start()  # it waits for serve_forever, which this thread is in


def main() -> None:
    server = Server(int(os.environ["PORT"]))
    signal.signal(signal.SIGTERM, server.stop)
    print(json.dumps({"msg": "listening", "port": server.server_port}))
    server.serve_forever()
    deadline = time.monotonic() + STOP_LIMIT
    while server.under_way.count and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    main()
