"""Stands in for certgated on its socket: answers what a test says, and keeps what was asked."""
import json
import os
import socketserver
import threading
from http.server import BaseHTTPRequestHandler


class FakeNode:
    def __init__(self, folder):
        self.state = str(folder)
        self.answers = {}  # (method, path without query): (status, object)
        self.asked = []  # (method, path, headers, body)
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.removeprefix("/api/v1")
                node.asked.append((self.command, path, self.headers, body))
                status, told = node.answers.get((self.command, path.partition("?")[0]), (404, {
                    "error": {"code": "not-found", "message": "there is no such thing", "details": []}}))
                text = told if isinstance(told, bytes) else json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = answer

            def address_string(self):
                return "local"

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True

        self.server = Server(os.path.join(self.state, "admin.sock"), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def bodies(self):
        return [json.loads(body) for method, _, _, body in self.asked if method == "POST"]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
