"""The admin API as a program meets it: JSON over the socket in the state directory."""
import http.client
import json
import os
import socket


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Admin:
    def __init__(self, gateway, state=None):
        self.path = os.path.join(state or gateway.state, "admin.sock")

    def raw(self, method, path, body=None, headers=None):
        connection = LocalConnection(self.path)
        try:
            connection.request(method, "/api/v1" + path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path, expected=200):
        status, _, body = self.raw("GET", path)
        assert status == expected, body
        return json.loads(body)

    def post(self, path, expected=200, **body):
        status, _, answer = self.raw("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        assert status == expected, answer
        return json.loads(answer)

    def change(self, *edits, expected=200, **options):
        return self.post("/changes", expected, edits=list(edits), **options)

    def set(self, name, value, **options):
        return self.change({"op": "set", "name": name, "value": value}, **options)

    def value(self, name):
        return self.get("/settings/" + name)["value"]
