"""A loopback HTTP server that answers byte for byte as a test says, and a proxy."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class RawAnswer:
    """A status, headers beside the length, and the body: as a whole, or in pieces without an announced length."""

    status: int = 200
    body: bytes | Iterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)


def completion(text: str, model: str = "m", **fields: object) -> RawAnswer:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}} | fields
    usage = {"prompt_tokens": 1000, "completion_tokens": 100}
    return RawAnswer(body=json.dumps({"model": model, "choices": [choice], "usage": usage}).encode())


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class RawServer:
    """What was asked, and where; `sent` counts the bytes of bodies that a client took."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.url = f"{self.root}/v1"
        self.asked: list[Asked] = []
        self.sent = 0

    @property
    def posts(self) -> list[Asked]:
        return [each for each in self.asked if each.method == "POST"]


@contextmanager
def raw_server(answer: Callable[[Asked], RawAnswer] = lambda _: completion("Hi.")) -> Iterator[RawServer]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            asked = Asked(self.command, self.path, dict(self.headers), body)
            found.asked.append(asked)
            given = answer(asked)
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in [given.body] if isinstance(given.body, bytes) else given.body:
                self.wfile.write(piece)
                found.sent += len(piece)

        def handle(self) -> None:
            with suppress(OSError):  # the client hung up, as it should
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = RawServer(server.server_port)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()
