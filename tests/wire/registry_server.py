"""A schema registry of two calls, answering as Confluent's does, refusals and outages included."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class RegistryServer:
    """``failing`` answers 503 to everything, ``refusing`` answers 409 to new schemas."""

    def __init__(self) -> None:
        self.failing = False
        self.refusing = False
        self.asked = 0
        self.registered: list[tuple[str, int]] = []
        self.schemas: list[str] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self, None)

            def do_POST(self) -> None:
                outer.answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def answer(self, request: BaseHTTPRequestHandler, body: dict[str, str] | None) -> None:
        with self._lock:
            self.asked += 1
            status, answer = self._answer(request.path, body)
        data = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def _answer(self, path: str, body: dict[str, str] | None) -> tuple[int, dict[str, Any]]:
        if self.failing:
            return 503, {"error_code": 50003, "message": "not now"}
        if body is not None:
            if self.refusing:
                return 409, {"error_code": 409, "message": "incompatible with an earlier schema"}
            if body["schema"] not in self.schemas:
                self.schemas.append(body["schema"])
            schema_id = self.schemas.index(body["schema"]) + 1
            self.registered.append((path.split("/")[2], schema_id))
            return 200, {"id": schema_id}
        schema_id = int(path.rpartition("/")[2])
        if schema_id > len(self.schemas):
            return 404, {"error_code": 40403, "message": "schema not found"}
        return 200, {"schema": self.schemas[schema_id - 1]}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
