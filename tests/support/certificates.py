"""An authority of the test's own, with a certificate for servers on 127.0.0.1 and one for clients, by openssl."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """PEM files."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make all of them in the folder; they are valid for a day."""
    authority, authority_key = folder / "ca.pem", folder / "ca.key"
    subject = ["-subj", "/CN=streamseg test authority"]
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    _openssl("req", "-x509", *new_key, "-keyout", authority_key, "-out", authority, *subject)
    made = {}
    for name, use in (("server", "serverAuth"), ("client", "clientAuth")):
        key, request, certificate = (folder / f"{name}.{end}" for end in ("key", "csr", "pem"))
        _openssl("req", *new_key, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        extensions = folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage={use}\n")
        signed = ["-CA", authority, "-CAkey", authority_key, "-CAcreateserial", "-days", "1", "-extfile", extensions]
        _openssl("x509", "-req", "-in", request, "-out", certificate, *signed)
        made[name] = certificate, key
    return Certificates(authority, *made["server"], *made["client"])


def _openssl(*words: object) -> None:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
