"""Programs that speak HTTP and WebSocket, in front of the gateway, behind it and as its peers."""
import asyncio
import base64
import contextlib
import json
import os
import ssl
import subprocess

from conftest import until
from ports import free_port
from programs import HERE, NODE_MODULES, Program, listens, run

SNI = "gw.example.test"
MESSAGES = ["hello", "x" * 200000, b"\7" * 70000]
WEAK = os.path.join(HERE, "..", "seclevel0.cnf")  # lets a client show a key that its OpenSSL thinks too weak


class Line:
    """What a line came to: the status of its upgrade (None: none came), the echoes, and the error."""

    def __init__(self, status, echoes, error):
        self.status, self.echoes, self.error = status, echoes, error
        self.works = status == 101 and echoes == len(MESSAGES) and error is None


def node_line(port, path, cert=None, tls="1.3"):
    """npm's ws; without TLS where tls is None, as a local program in front of a line that we open."""
    given = {"port": port, "path": path, "name": SNI, "tls": tls, "deflate": tls == "1.3",
             "messages": [{"bytes": len(m)} if isinstance(m, bytes) else [m[0], len(m)] if len(m) > 99 else [m, 1]
                          for m in MESSAGES]}
    if cert:
        given.update(cert=cert.chain_file, key=cert.key_file)
    done = run(["node", "--openssl-config=" + WEAK, "--openssl-shared-config", os.path.join(HERE, "line.js"),
                json.dumps(given)],
               env={**os.environ, "NODE_PATH": NODE_MODULES})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["status"] != 101 or told["error"] or told["close"] == 1000
    return Line(told["status"], told["echoes"], told["error"])


def client_context(cert, tls):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, "TLSv" + tls.replace(".", "_"))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    if cert:
        context.load_cert_chain(cert.chain_file, cert.key_file)
    return context


def python_line(port, path, cert=None, tls="1.3"):
    """Debian's python3-websockets."""
    import websockets

    async def talk():
        echoes = 0
        try:
            async with websockets.connect(f"{'wss' if tls else 'ws'}://{SNI}:{port}{path}", host="127.0.0.1",
                                          open_timeout=30, ssl=client_context(cert, tls) if tls else None) as line:
                for message in MESSAGES:
                    await line.send(message)
                    assert await line.recv() == message
                    echoes += 1
            return Line(101, echoes, None if line.close_code == 1000 else line.close_code)
        except websockets.exceptions.InvalidStatusCode as refused:
            return Line(refused.status_code, echoes, None)
        except (OSError, websockets.exceptions.WebSocketException) as error:
            return Line(None, echoes, str(error))
    return asyncio.run(talk())


class NodeFarEnd(Program):
    """npm's ws as the far end of a line that we open."""

    def __init__(self, folder, cert):
        self.port = free_port()
        super().__init__(["node", os.path.join(HERE, "far_end.js"), str(self.port), cert.chain_file, cert.key_file],
                         folder, lambda: listens(self.port), name=f"far-end-{self.port}",
                         env={**os.environ, "NODE_PATH": NODE_MODULES})


POLICY = "/etc/chromium/policies/managed"


@contextlib.contextmanager
def certificate_policy():
    """Chromium chooses a certificate by itself only where a policy says so; these hosts exist in tests alone."""
    os.makedirs(POLICY, exist_ok=True)
    path = os.path.join(POLICY, f"certgate-test-{os.getpid()}.json")
    with open(path, "w", encoding="ascii") as f:
        pattern = json.dumps({"pattern": "https://[*.]example.test", "filter": {}})
        json.dump({"AutoSelectCertificateForUrls": [pattern]}, f)
    try:
        yield
    finally:
        os.remove(path)


class Page:
    """What Chromium saw: the page's text, the status, the alert that came, its own error, and what it sent."""

    def __init__(self, dom, log, url):
        self.dom, self.status, self.alert, self.error, self.sent = dom, None, None, None, None
        names = {number: name for name, number in log["constants"]["logEventTypes"].items()}
        errors = {number: name for name, number in log["constants"]["netError"].items()}
        requests = set()
        for event in log["events"]:
            name, params, source = names[event["type"]], event.get("params", {}), event["source"]["id"]
            if name == "URL_REQUEST_START_JOB" and str(params.get("url", "")).startswith(url):
                requests.add(source)
            elif name == "HTTP_TRANSACTION_READ_RESPONSE_HEADERS" and source in requests:
                self.status = self.status or int(params["headers"][0].split()[1])
            elif name == "SSL_ALERT_RECEIVED":
                number = base64.b64decode(params["bytes"])[1]
                self.alert = number or self.alert
            elif name == "SSL_CLIENT_CERT_PROVIDED":
                self.sent = params.get("cert_count", 0)
            if source in requests and params.get("net_error", 0) not in (0, -1):
                self.error = errors.get(params["net_error"])


def chromium(folder, port, root_pem, cert=None):
    """Loads https://gw.example.test:PORT/ with a fresh profile that trusts the root and may hold a certificate."""
    home = os.path.join(str(folder), f"chromium-{free_port()}")
    database = os.path.join(home, ".pki", "nssdb")
    os.makedirs(database)
    root, log = os.path.join(home, "root.pem"), os.path.join(home, "net.json")
    with open(root, "wb") as f:
        f.write(root_pem)
    commands = [["certutil", "-N", "-d", "sql:" + database, "--empty-password"],
                ["certutil", "-A", "-n", "root", "-t", "C,,", "-i", root, "-d", "sql:" + database]]
    if cert:  # with its intermediates: Chromium sends what the database holds
        bundle = os.path.join(home, "client.p12")
        commands += [["openssl", "pkcs12", "-export", "-in", cert.chain_file, "-inkey", cert.key_file, "-name", "client",
                      "-passout", "pass:x", "-out", bundle],
                     ["pk12util", "-i", bundle, "-d", "sql:" + database, "-W", "x", "-K", ""]]
    for command in commands:
        done = run(command)
        assert done.returncode == 0, (command, done.stderr)
    url = f"https://{SNI}:{port}"
    done = run(["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic",
                "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
                f"--user-data-dir={home}/profile", f"--host-resolver-rules=MAP {SNI} 127.0.0.1, MAP * ~NOTFOUND",
                f"--log-net-log={log}", "--net-log-capture-mode=Everything", "--dump-dom", url + "/"],
               timeout=120, env={**os.environ, "HOME": home})
    with open(log, encoding="utf-8", errors="replace") as f:
        text = f.read()
    try:
        events = json.loads(text)
    except ValueError:  # it was cut off at its end
        events = json.loads(text.rstrip().rstrip(",") + "]}")
    return Page(done.stdout.decode("utf-8", "replace"), events, url)


class Nginx(Program):
    """A plaintext backend that tells what it was told by PROXY protocol of version 1 or 2."""

    def __init__(self, folder):
        self.port = free_port()
        folder = os.path.join(str(folder), f"nginx-{self.port}")
        os.makedirs(folder)
        temporary = "".join(f"  {name}_temp_path {folder}/{name};\n"
                            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="ascii") as f:
            f.write(f"""daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{ worker_connections 64; }}
http {{
{temporary}  access_log {folder}/access;
  server {{ listen 127.0.0.1:{self.port} proxy_protocol; default_type text/plain;
    location / {{ return 200 "$proxy_protocol_addr:$proxy_protocol_port $proxy_protocol_server_addr:$proxy_protocol_server_port\\n"; }} }}
}}
""")
        super().__init__(["nginx", "-p", folder, "-e", "stderr", "-c", f"{folder}/nginx.conf"], folder,
                         lambda: listens(self.port))


class NginxFarEnd(Program):
    """A TLS server that takes clients with certificates below `root` alone, and tells what they have shown."""

    def __init__(self, folder, cert, root):
        self.port = free_port()
        folder = os.path.join(str(folder), f"nginx-{self.port}")
        os.makedirs(folder)
        temporary = "".join(f"  {name}_temp_path {folder}/{name};\n"
                            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(os.path.join(folder, "nginx.conf"), "w", encoding="ascii") as f:
            f.write(f"""daemon off; pid {folder}/pid; error_log stderr; worker_processes 1;
events {{ worker_connections 64; }}
http {{
{temporary}  access_log {folder}/access;
  server {{ listen 127.0.0.1:{self.port} ssl; default_type text/plain;
    ssl_certificate {cert.chain_file}; ssl_certificate_key {cert.key_file};
    ssl_client_certificate {root}; ssl_verify_client on; ssl_verify_depth 2;
    location / {{ return 200 "$ssl_server_name $ssl_client_verify $ssl_client_s_dn\\n$ssl_client_raw_cert\\n"; }} }}
}}
""")
        super().__init__(["nginx", "-p", folder, "-e", "stderr", "-c", f"{folder}/nginx.conf"], folder,
                         lambda: listens(self.port))


class Haproxy(Program):
    """HAProxy with one section more than it needs by itself; {port} in it is its own port."""

    def __init__(self, folder, section):
        self.port = free_port()
        folder = os.path.join(str(folder), f"haproxy-{self.port}")
        os.makedirs(folder)
        with open(os.path.join(folder, "haproxy.cfg"), "w", encoding="ascii") as f:
            f.write("defaults\n  timeout connect 10s\n  timeout client 10s\n  timeout server 10s\n" +
                    section.replace("{port}", str(self.port)))
        super().__init__(["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"], folder, lambda: listens(self.port))


def haproxy_backend(folder):
    """Answers only what comes with a PROXY header, and tells what that said."""
    return Haproxy(folder, """frontend told
  mode http
  bind 127.0.0.1:{port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port] authority=%[fc_pp_authority] id=%[fc_pp_unique_id]\\n"
""")


def haproxy_front(folder, to, header="send-proxy-v2"):
    """Passes connections on to a gateway, with a header that names the peer, or without."""
    return Haproxy(folder, f"""listen front
  mode tcp
  bind 127.0.0.1:{{port}}
  server gate 127.0.0.1:{to} {header}
""")
