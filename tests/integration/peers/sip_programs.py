"""SIP programs as peers, and as the server behind the gateway."""
import glob
import os
import re

from conftest import until
from ports import free_port, free_ports
from programs import HERE, Program, listens, run

TRUNK_DOMAIN = "sip.example.test"
SNI = "gw.example.test"


class Kamailio(Program):
    """
    Kamailio with its TLS module. With `to`, the port of a gateway: a trunk that carries over TLS, with the
    certificate `cert`, what comes in by TCP at `port`; after `patience` seconds without an answer it makes one
    itself. Without: a plaintext server at `port` that answers, registers phones and calls them. Its TLS port
    (`tls_port`) presents `identity` to others.
    """

    def __init__(self, folder, identity, to=None, cert=None, tls="1.3", haproxy=False, verify=None, patience=20):
        self.port, self.tls_port = free_port(), free_port()
        folder = os.path.join(str(folder), f"kamailio-{self.port}")
        os.makedirs(folder)
        with open(os.path.join(HERE, "kamailio.cfg"), encoding="ascii") as f:
            text = f.read()
        names = {"TCP": self.port, "TLS": self.tls_port, "FOLDER": folder, "HAPROXY": "yes" if haproxy else "no",
                 "PATIENCE": patience * 1000, "MODULES": glob.glob("/usr/lib/*/kamailio/modules")[0] + "/",
                 "NEXT": f"127.0.0.1:{to}" if to else "none"}
        for name, value in names.items():
            text = text.replace(f"@{name}@", str(value))
        with open(os.path.join(folder, "kamailio.cfg"), "w", encoding="ascii") as f:
            f.write(text)
        with open(os.path.join(folder, "tls.cfg"), "w", encoding="ascii") as f:
            f.write(self._tls(identity, cert, tls, verify))
        super().__init__(["kamailio", "-DD", "-E", "-m", "64", "-M", "8", "-f", f"{folder}/kamailio.cfg",
                          "-P", f"{folder}/pid", "-Y", folder], folder, lambda: " READY" in self.output())

    @staticmethod
    def _tls(identity, cert, tls, verify):
        # Kamailio 5.6 has no word for TLS 1.3 alone: "or newer" gives it where it is offered.
        lines = ["[server:default]", "method = TLSv1.2+", f"certificate = {identity.chain_file}",
                 f"private_key = {identity.key_file}"]
        lines += [f"ca_list = {verify}", "verify_certificate = yes", "require_certificate = yes"] if verify else \
                 ["verify_certificate = no", "require_certificate = no"]
        lines += ["[client:default]", "method = " + ("TLSv1.2" if tls == "1.2" else "TLSv1.2+"),
                  f"server_name = {SNI}", "verify_certificate = no", "require_certificate = no"]
        lines += [f"certificate = {cert.chain_file}", f"private_key = {cert.key_file}"] if cert else []
        return "\n".join(lines) + "\n"

    def seen(self, method):
        """Where requests of this method came from: (address, port) of each."""
        return [(host, int(port)) for host, port in re.findall(rf"SEEN {method} from ([\d.]+):(\d+)", self.output())]


def sipp_at(port, folder, scenario):
    """The beginning of a sipp's command: where it stands, and the file that its messages are written to."""
    messages = os.path.join(str(folder), f"messages.{port}")
    return ["sipp", "-sf", os.path.join(HERE, scenario + ".xml"), "-t", "t1", "-i", "127.0.0.1", "-p", str(port),
            "-cp", str(free_port()), "-nostdin", "-trace_msg", "-message_file", messages], messages


def messages_in(path):
    if not os.path.exists(path):
        return ""
    with open(path, encoding="latin-1") as f:
        return f.read()


class SippServer(Program):
    """Answers OPTIONS, and INVITE with what follows, by TCP in plaintext."""

    def __init__(self, folder):
        self.port = free_port()
        folder = os.path.join(str(folder), f"uas-{self.port}")
        os.makedirs(folder)
        command, self.messages = sipp_at(self.port, folder, "uas")
        super().__init__(command, folder, lambda: listens(self.port))

    def received(self):
        """The first lines of the requests that came."""
        return re.findall(r"^(?:OPTIONS|INVITE|ACK|BYE) sip:.*", messages_in(self.messages), re.M)


class Call:
    """What a sipp client came to: `status` of the last final answer (None: none came), all its messages in `text`."""

    def __init__(self, done, text):
        self.complete = done.returncode == 0
        found = [int(code) for code in re.findall(r"^SIP/2\.0 (\d{3})", text, re.M)]
        final = [code for code in found if code >= 200]
        self.status = final[-1] if final else None
        self.text, self.output = text, done.stdout.decode("latin-1", "replace")[-2000:]


def sipp(folder, port, scenario, domain=TRUNK_DOMAIN, seconds=30, callee="100", times=1):
    """
    An OPTIONS or a call ("options", "call"), or several, by TCP to a local port. Two sipp that start together may
    collide over the ports for media that they choose for themselves; one that has sent nothing was not there, and
    starts again.
    """
    for _ in range(5):
        command, messages = sipp_at(free_port(), folder, scenario)
        done = run([*command, "-m", str(times), "-s", SNI, "-key", "domain", domain, "-key", "callee", callee,
                    "-max_reconnect", "0", "-recv_timeout", str(seconds * 1000), f"127.0.0.1:{port}"],
                   cwd=str(folder), timeout=120)
        text = messages_in(messages)
        if " SIP/2.0" in text:
            break
    return Call(done, text)


class Stunnel(Program):
    """TLS for a program that has none: local plaintext at `port` goes to the gateway with the certificate."""

    def __init__(self, folder, to, cert=None, tls="1.3"):
        self.port = free_port()
        config = os.path.join(str(folder), f"stunnel-{self.port}.conf")
        lines = ["foreground = yes", "debug = 6", "pid =", "[peer]", "client = yes", f"accept = 127.0.0.1:{self.port}",
                 f"connect = 127.0.0.1:{to}", f"sni = {SNI}", f"sslVersion = TLSv{tls}"]
        lines += [f"cert = {cert.chain_file}", f"key = {cert.key_file}"] if cert else []
        with open(config, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        # Asking the port would be a connection to the gateway.
        super().__init__(["stunnel4", config], folder, lambda: "Configuration successful" in self.output(),
                         name=f"stunnel-{self.port}")


class Baresip(Program):
    """A phone that registers over TLS and takes calls: `answer()` is the status that it got, None for no answer."""

    def __init__(self, folder, to, cert=None, domain="phones.example.test", host="127.0.0.1"):
        self.to = f"{host}:{to}"
        port = free_ports(2)  # it takes the one above for TLS
        folder = os.path.join(str(folder), f"baresip-{port}")
        os.makedirs(folder)
        settings = [f"sip_listen {host}:{port}", "sip_transports tls", "sip_cafile /etc/ssl/certs/ca-certificates.crt",
                    "module_path /usr/lib/baresip/modules", "audio_source aubridge,a", "audio_player aubridge,b"]
        settings += [f"module {name}.so" for name in ("account", "menu", "g711", "aubridge")]
        if cert:
            both = os.path.join(folder, "client.pem")
            with open(both, "w", encoding="ascii") as f:
                for path in (cert.key_file, cert.chain_file):
                    with open(path, encoding="ascii") as part:
                        f.write(part.read())
            settings.append(f"sip_certificate {both}")
        account = (f"<sip:1001@{domain};transport=tls>;regint=60;auth_pass=x;"
                   f'outbound="sip:{self.to};transport=tls"')
        for name, lines in (("config", settings), ("accounts", [account]), ("contacts", [])):
            with open(os.path.join(folder, name), "w", encoding="ascii") as f:
                f.write("".join(line + "\n" for line in lines))
        super().__init__(["baresip", "-f", folder, "-s", "-e", "/answermode auto"], folder, lambda: True)

    def stop(self):
        self.process.kill()  # told to end, it waits for an answer to its last REGISTER
        super().stop()

    def answer(self, ended=lambda: False):
        """baresip is silent about a connection that ends in the handshake: ended() says whether that was seen."""
        def told():
            status = re.search(r"^SIP/2\.0 (\d{3})", self.output(), re.M)
            return [int(status[1])] if status else [None] if ended() else None
        return until("baresip's answer", told)[0]


def linphone(folder, port, cert=None, domain="phones.example.test"):
    """linphonec registers once: "ok", or what its log says of the end."""
    folder = os.path.join(str(folder), f"linphone-{free_port()}")
    for name in (".local/share/linphone", ".config/linphone"):
        os.makedirs(os.path.join(folder, name))
    settings = ["[sip]", "sip_port=0", "sip_tcp_port=0", "sip_tls_port=-1", "verify_server_certs=0",
                "verify_server_cn=0", 'contact="desk" <sip:1002@127.0.0.1>', "default_proxy=0"]
    settings += [f"client_cert_chain={cert.chain_file}", f"client_cert_key={cert.key_file}"] if cert else []
    settings += ["[proxy_0]", f"reg_proxy=<sip:127.0.0.1:{port};transport=tls>", f"reg_identity=sip:1002@{domain}",
                 "reg_expires=60", "reg_sendregister=1"]
    with open(os.path.join(folder, "rc"), "w", encoding="ascii") as f:
        f.write("\n".join(settings) + "\n")
    log = os.path.join(folder, "log")

    def text():
        if not os.path.exists(log):
            return ""
        with open(log, encoding="utf-8", errors="replace") as f:
            return f.read()
    ends = {"ok": "RegistrationOk", "refused": "RegistrationFailed"}
    program = Program(["linphonec", "-c", "rc", "-d", "6", "-l", log], folder, lambda: True,
                      env={**os.environ, "HOME": folder})

    answered = 0

    def told():
        # It asks for a password that nobody wants, and stands still until it has a line of its own.
        nonlocal answered
        if program.output().count("Password for ") > answered:
            answered += 1
            program.process.stdin.write(b"none\n")
            program.process.stdin.flush()
        return [end for end, word in ends.items() if word in text()]
    try:
        return until("linphone's answer", told)[0]
    finally:
        program.process.kill()  # told to end, it would connect once more
        program.stop()
