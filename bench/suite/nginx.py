"""The one nginx of a run: a port over HTTP, one over HTTPS, and as many HTTP ports as there are receivers."""

import pathlib
import socket
import subprocess
import time

CONFIGURATION = """
daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log crit;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u;
  scgi_temp_path {dir}/s;
  server {{ {listen} location / {{ return 200 "ok"; }} }}
  map $connection_requests $is_first {{ 1 1; default 0; }}
  log_format handshake "$ssl_protocol $ssl_session_reused";
  server {{ listen 127.0.0.1:{https} ssl backlog=4096; ssl_protocols TLSv1.3; keepalive_requests {https_requests};
    ssl_certificate {dir}/certificate.pem; ssl_certificate_key {dir}/key.pem;
    access_log {dir}/handshakes handshake if=$is_first;
    location / {{ return 200 "ok"; }} }} }}
"""


def make_certificate(directory):
    """For 127.0.0.1, signed by itself."""
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                           "-noenc", "-days", "2", "-subj", "/CN=herald-bench",
                           "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", directory / "key.pem",
                           "-out", directory / "certificate.pem"],
                          capture_output=True, text=True, check=False, timeout=30)
    if done.returncode != 0:
        raise RuntimeError(f"openssl made no certificate: {done.stderr.strip()}")
    return directory / "certificate.pem"


class Nginx:
    """Answers every request with 200 and "ok"; over HTTPS it ends a connection after `https_requests` of them."""

    def __init__(self, processes, directory, descriptors, receivers, https_requests):
        directory.mkdir()
        self.certificate = make_certificate(directory)
        self._handshakes = pathlib.Path(directory / "handshakes")
        reserved = [self._reserve() for _ in range(2 + receivers)]
        http, https, *own = [each.getsockname()[1] for each in reserved]
        (directory / "nginx.conf").write_text(CONFIGURATION.format(
            dir=directory, files=descriptors, connections=min(16_384, descriptors - 64), https=https,
            https_requests=https_requests, listen=" ".join(f"listen 127.0.0.1:{port} backlog=4096;"
                                                           for port in (http, *own))))
        self.url, self.https_url = f"http://127.0.0.1:{http}/", f"https://127.0.0.1:{https}/"
        self.own_urls = [f"http://127.0.0.1:{port}/" for port in own]
        self.child = processes.start(["nginx", "-p", directory, "-c", directory / "nginx.conf"],
                                     stderr=subprocess.DEVNULL)
        try:
            self._wait_listening(http)
        finally:
            for each in reserved:
                each.close()

    @staticmethod
    def _reserve():
        """A port that nobody else gets and nginx may listen on: neither minds the other's SO_REUSEADDR."""
        reserved = socket.socket()
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        return reserved

    @staticmethod
    def _wait_listening(port, seconds=10):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.01)
        raise RuntimeError("nginx does not listen")

    def take_handshakes(self):
        """How many TLS connections carried a request since the last call, and how many of them resumed a session."""
        lines = self._handshakes.read_text().splitlines()
        self._handshakes.write_text("")
        others = [line for line in lines if not line.startswith("TLSv1.3 ")]
        if others:
            raise RuntimeError(f"not TLS 1.3: {others[0]}")
        return {"handshakes": len(lines), "resumed": sum(line.endswith(" r") for line in lines)}
