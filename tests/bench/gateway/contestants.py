"""Who is measured: a row for each, and how its server is started on one core."""
import os
import resource
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# name: (understands HTTP, command). @WORDS@ are filled in, in the command as in peers/NAME.conf.
ROWS = {
    "nginx": (True, "nginx -p @RUN@ -e @RUN@/log -c @CONF@"),
    "nginx-stream": (False, "nginx -p @RUN@ -e @RUN@/log -c @CONF@"),
    "haproxy": (True, "haproxy -db -q -f @CONF@"),
    "haproxy-tcp": (False, "haproxy -db -q -f @CONF@"),
    "stunnel": (False, "stunnel4 @CONF@"),
    "hitch": (False, "hitch --config=@CONF@"),
    "caddy": (True, "env HOME=@RUN@ XDG_CONFIG_HOME=@RUN@ XDG_DATA_HOME=@RUN@ GOMAXPROCS=@WORKERS@ "
                    "caddy run --adapter caddyfile --config @CONF@"),
    "certgate": (True, "@BUILD@/cmd/certgated --config @CONF@"),
    "certgate-tcp": (False, "@BUILD@/cmd/certgated --config @CONF@"),
}


def fill(text, words):
    for word, value in words.items():
        text = text.replace(f"@{word}@", str(value))
    return text


def descriptors():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


class Server:
    """One contestant in the foreground, in a process group of its own."""

    def __init__(self, name, folder, pki, backend, listen, build, cpus, workers=1, trusted=()):
        self.name, self.port = name, listen
        self.run = run = os.path.join(folder, f"{name}-{os.path.basename(pki)}-{workers}-{listen}")
        os.makedirs(os.path.join(run, "tcs"))
        os.chmod(run, 0o755)
        with open(os.path.join(pki, "root.crt"), "rb") as root, open(os.path.join(run, "tcs/root.pem"), "wb") as tcs:
            tcs.write(root.read())
        for path in trusted:
            os.link(path, os.path.join(run, "tcs", os.path.basename(path)))
        words = {"RUN": run, "PKI": pki, "LISTEN": listen, "BACKEND": backend, "BUILD": build, "WORKERS": workers,
                 "CONF": os.path.join(run, "conf"), "NOFILE": descriptors(), "MAXCONN": descriptors() // 2 - 100}
        with open(os.path.join(HERE, "peers", f"{name}.conf"), encoding="utf-8") as template, \
                open(words["CONF"], "w", encoding="utf-8") as conf:
            conf.write(fill(template.read(), words))
        self.output = os.path.join(run, "output")
        self.process = subprocess.Popen(
            ["taskset", "-c", cpus, *fill(ROWS[name][1], words).split()], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=open(self.output, "wb"), stderr=subprocess.STDOUT,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors(),) * 2))

    @property
    def pid(self):
        return self.process.pid

    def said(self):
        with open(self.output, encoding="utf-8", errors="replace") as output:
            return output.read()

    def stop(self):
        for signal in ("TERM", "KILL"):  # the group: workers may outlive their master
            subprocess.run(["kill", f"-{signal}", "--", f"-{self.pid}"], stderr=subprocess.DEVNULL, check=False)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                continue
            deadline = time.monotonic() + 5
            while time.monotonic() < deadline:
                try:
                    os.killpg(self.pid, 0)
                except ProcessLookupError:
                    return
                time.sleep(0.02)
