"""Real TLS clients, each for one connection: what came back, and which alert was read off the wire."""
import os
import re
import subprocess

REQUEST = b"GET / HTTP/1.1\r\nHost: gw.example.test\r\nConnection: close\r\n\r\n"
WEAK = {**os.environ, "OPENSSL_CONF": os.path.join(os.path.dirname(os.path.abspath(__file__)), "seclevel0.cnf")}


class Answer:
    def __init__(self, text, alert, resumed=False):
        self.served = "200 OK" in text
        self.text, self.alert, self.resumed = text, alert, resumed


def s_client(port, cert=None, tls="1.3", name="gw.example.test", extra=(), request=REQUEST):
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-ign_eof", "-cipher", "ALL:@SECLEVEL=0",
               "-tls" + tls.replace(".", "_")] + list(extra)
    command += ["-servername", name] if name else ["-noservername"]
    if cert:
        command += ["-cert", cert.cert_file, "-key", cert.key_file]
        command += ["-cert_chain", cert.sent_file] if cert.chain else []
    done = subprocess.run(command, input=request, capture_output=True, timeout=60, env=WEAK)
    text = (done.stdout + done.stderr).decode("latin-1")
    alert = re.search(r"SSL alert number (\d+)", text)
    return Answer(text, int(alert[1]) if alert else None, "\nReused, " in text)


def curl(port, cert=None, tls="1.3", extra=()):
    command = ["curl", "-sSk", "--trace-ascii", "-", "--http1.1", "--max-time", "30", "--noproxy", "*",
               f"--tlsv{tls}", "--tls-max", tls]
    if cert:
        command += ["--cert", cert.chain_file, "--key", cert.key_file]
    done = subprocess.run(command + list(extra) + [f"https://127.0.0.1:{port}/"], capture_output=True, timeout=60,
                          env=WEAK)
    text = (done.stdout + done.stderr).decode("latin-1")
    alert = [int(n) & 0xff for n in re.findall(r"\(IN\), TLS alert, [A-Za-z ]+ \((\d+)\)", text) if int(n) != 256]
    return Answer(text, alert[0] if alert else None)


def gnutls(port, cert=None, tls="1.3", request=REQUEST):
    command = ["gnutls-cli", "-d", "4", "--insecure", "--port", str(port), "--sni-hostname", "gw.example.test",
               "--priority", f"NORMAL:%PROFILE_VERY_WEAK:-VERS-ALL:+VERS-TLS{tls}"]
    if cert:
        command += ["--x509certfile", cert.chain_file, "--x509keyfile", cert.key_file]
    # Held open until the answer is complete: gnutls-cli leaves at the end of its input.
    process = subprocess.Popen(command + ["127.0.0.1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    try:
        process.stdin.write(request)
        process.stdin.flush()
    except BrokenPipeError:
        pass
    text = process.stdout.read().decode("latin-1")
    process.wait(60)
    alert = [int(n) for n in re.findall(r"Received alert \[(\d+)\]", text) if n != "0"]
    return Answer(text, alert[0] if alert else None)


CLIENTS = {"openssl": s_client, "curl": curl, "gnutls": gnutls}
