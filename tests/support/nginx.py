"""nginx in front of the API, with keep-alive to it, as in production."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream api {{ server {api}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port};
    location {prefix}/ {{
      proxy_pass http://api/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_read_timeout 20s;
    }}
  }}
}}
"""


@contextmanager
def nginx(folder: Path, port: int, api: str, prefix: str = "") -> Iterator[str]:
    """Run nginx on `port` before the API at the address `api`, below the path `prefix`; yield its address."""
    folder.mkdir(exist_ok=True)
    file = folder / "nginx.conf"
    file.write_text(CONFIG.format(folder=folder, port=port, api=api.removeprefix("http://"), prefix=prefix))
    process = subprocess.Popen(["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(file)])
    try:
        ends = time.monotonic() + 10
        while True:
            with suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, (folder / "error.log").read_text()
            assert time.monotonic() < ends, "nginx does not listen"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}{prefix}"
    finally:
        process.terminate()
        process.wait(10)
