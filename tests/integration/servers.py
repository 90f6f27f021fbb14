"""Servers on loopback that an outbound interface is carried to: real TLS, and some that only seem so."""
import socket
import ssl
import subprocess
import threading

from conftest import PATIENCE, until
from ports import free_port


class Server:
    """Accepts on loopback and gives each connection to serve(connection) in a thread."""

    def __init__(self, serve, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.serve = serve
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        with connection:
            try:
                self.serve(connection)
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # or accept() would go on with a closed descriptor
        self.listener.close()


class TlsServer(Server):
    """Presents cert and echoes; `errors`, `names`, `peers` and `received` tell what it saw."""

    def __init__(self, cert, tls=("1.2", "1.3"), client_ca=None, answer=None, tickets=2):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        versions = [getattr(ssl.TLSVersion, "TLSv" + version.replace(".", "_")) for version in tls]
        self.context.minimum_version, self.context.maximum_version = versions[0], versions[-1]
        self.context.num_tickets = tickets
        self.context.set_ciphers("DEFAULT:@SECLEVEL=0")  # it may have a key that its OpenSSL thinks too weak
        self.context.load_cert_chain(cert.chain_file, cert.key_file)
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(cadata=client_ca)
        self.names, self.errors, self.peers, self.received = [], [], [], bytearray()
        self.answer = answer or self.echo
        super().__init__(self.serve_tls)

    def serve_tls(self, connection):
        connection.settimeout(PATIENCE)
        try:
            with self.context.wrap_socket(connection, server_side=True, suppress_ragged_eofs=False) as tls:
                self.peers.append(tls.getpeercert(binary_form=True))
                self.answer(tls)
        except (ssl.SSLError, OSError) as error:
            self.errors.append(str(error))

    def echo(self, tls):
        while True:
            data = tls.recv(65536)
            self.received += data
            if not data:
                tls.unwrap()
                return
            tls.sendall(data)


class OpenSslServer:
    """openssl s_server, stopped by its pid."""

    def __init__(self, cert, folder, extra=()):
        self.port = free_port()
        with open(f"{folder}/s_server.{self.port}", "wb") as out:
            self.process = subprocess.Popen(
                ["openssl", "s_server", "-accept", f"127.0.0.1:{self.port}", "-cert", cert.cert_file,
                 "-key", cert.key_file, "-cert_chain", cert.chain_file, "-www", *extra],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        until("s_server listens", self._listens)

    def _listens(self):
        with open("/proc/net/tcp", encoding="ascii") as sockets:
            return f"0100007F:{self.port:04X} 00000000:0000 0A" in sockets.read()

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


def ask(to, request=b"ping", read=65536):
    """Plaintext to a local listener (a port or a path): what came back, and how it ended: "end" or "reset"."""
    family = socket.AF_UNIX if isinstance(to, str) else socket.AF_INET
    got = b""
    with socket.socket(family) as connection:
        connection.settimeout(PATIENCE)
        try:  # a refusal may be there before connect() has returned
            connection.connect(to if isinstance(to, str) else ("127.0.0.1", to))
            connection.sendall(request)
            if request:
                connection.shutdown(socket.SHUT_WR)
            while True:
                more = connection.recv(read)
                if not more:
                    return got, "end"
                got += more
        except (ConnectionResetError, BrokenPipeError):
            return got, "reset"
        except OSError as error:  # shutdown() of a connection that was reset meanwhile
            assert error.errno == 107, error
            return got, "reset"
