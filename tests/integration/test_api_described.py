"""What the API answers is what its description says, for inputs that nobody would write by hand."""
import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from admin import Admin
from clients import s_client

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture(scope="module")
def node(gateway_of, good):
    gateway = gateway_of({"web": {}}, store=True)
    gateway.admin = Admin(gateway)
    mark = gateway.mark()
    s_client(gateway.ports["web"], good)
    gateway.record(mark)
    gateway.described = gateway.admin.get("/openapi.json")
    return gateway


def nullable(schema):
    """OpenAPI 3.0 says nullable where JSON Schema has another type."""
    if isinstance(schema, list):
        return [nullable(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: nullable(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


def validate(node, status, headers, body, operation):
    answer = operation["responses"]["200" if status == 200 else "default"]["content"]
    kind = headers["Content-Type"].partition(";")[0]
    assert kind in answer, (status, kind, body[:200])
    if kind == "application/json":
        schema = {**nullable(answer[kind]["schema"]), "components": nullable(node.described["components"])}
        jsonschema.validate(json.loads(body), schema)


def operations(node, *methods):
    return [(path, method, operation) for path, all_of in sorted(node.described["paths"].items())
            for method, operation in sorted(all_of.items()) if method in methods and path != "/events"]


def test_every_schema_is_one_and_every_reference_is_there(node):
    names = set(node.described["components"]["schemas"])
    text = json.dumps(node.described)
    for part in text.split('#/components/schemas/')[1:]:
        assert part.partition('"')[0] in names
    for schema in node.described["components"]["schemas"].values():
        jsonschema.Draft7Validator.check_schema(nullable(schema))


def test_every_answer_to_a_plain_question_is_as_described(node, good):
    known = {"name": "checks.management", "sha256": good.sha256,
             "incident": node.records()[-1]["incident"]}
    for path, _, operation in operations(node, "get"):
        for name, value in known.items():
            path = path.replace("{" + name + "}", value)
        status, headers, body = node.admin.raw("GET", path)
        assert status in (200, 404), (path, body)
        validate(node, status, headers, body, operation)


words = st.one_of(st.text(max_size=40), st.sampled_from(["", "0", "-1", "99999999999999999999", "high", "web", "a" * 64,
                                                         "%00", "../../etc/passwd", "2026-11-25", "\u0000", "'\"<>",
                                                         "127.0.0.1:9", "[::1]:9", "localhost:65536"]))
values = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), words),
                      lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
                      max_leaves=8)


def quote(text):
    from urllib.parse import quote as escape
    return escape(text, safe="")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_question_breaks_it(node, data):
    path, _, operation = data.draw(st.sampled_from(operations(node, "get")))
    query = []
    for parameter in operation["parameters"]:
        value = data.draw(words)
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", quote(value) or "x")
        elif data.draw(st.booleans()):
            query.append(parameter["name"] + "=" + quote(value))
    status, headers, body = node.admin.raw("GET", path + ("?" + "&".join(query) if query else ""))
    assert status < 500, (path, query, body)
    validate(node, status, headers, body, operation)


def body_for(data, node, schema):
    """An object of the schema's members, now and then with something else in them."""
    schema = node.described["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if schema.get("type") == "array":
        return [body_for(data, node, schema["items"]) for _ in range(data.draw(st.integers(0, 3)))]
    if schema.get("type") == "object" and "properties" in schema and data.draw(st.integers(0, 9)) != 0:
        return {name: body_for(data, node, inner) for name, inner in schema["properties"].items()
                if name in schema.get("required", ()) or data.draw(st.booleans())}
    if "enum" in schema and data.draw(st.integers(0, 4)) != 0:
        return data.draw(st.sampled_from(schema["enum"]))
    return data.draw({"string": words, "integer": st.integers(-5, 100), "boolean": st.booleans()}.get(
        schema.get("type"), values) if data.draw(st.integers(0, 4)) else values)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_change_breaks_it(node, data):
    left_out = ("/restore", "/upgrade", "/session", "/confirm", "/revert", "/backup")
    path, _, operation = data.draw(st.sampled_from([o for o in operations(node, "post") if o[0] not in left_out]))
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    body = body_for(data, node, schema) if schema else {}
    if path == "/changes" and isinstance(body, dict):
        body.pop("confirm_within", None)
    status, headers, answer = node.admin.raw("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    assert status < 500 or b"'default'" in answer, (path, body, answer)
    validate(node, status, headers, answer, operation)
    assert node.process.poll() is None


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), connect=st.one_of(words, st.sampled_from(["127.0.0.1:9", "localhost:9", "[::1]:9", "0.0.0.0:9"])))
def test_no_server_breaks_it(node, data, connect):
    body = body_for(data, node, {"$ref": "#/components/schemas/Check"})
    body = {**(body if isinstance(body, dict) else {}), "connect": connect}
    body.pop("certificate", None)
    status, headers, answer = node.admin.raw("POST", "/check", json.dumps(body), {"Content-Type": "application/json"})
    assert 400 <= status < 500, (body, answer)
    validate(node, status, headers, answer, node.described["paths"]["/check"]["post"])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=2000))
def test_no_octets_break_it(node, body):
    for path, kind in (("/changes", "application/json"), ("/restore", "application/octet-stream"),
                       ("/tcs/inspect", "application/json"), ("/check", "application/json")):
        status, _, answer = node.admin.raw("POST", path, body, {"Content-Type": kind})
        assert 400 <= status < 500, (path, answer)


def test_it_stands_after_all_that(node):
    assert node.admin.get("/status")["workers"]["running"] == 1
    assert node.admin.get("/audit/verify")["ok"]
