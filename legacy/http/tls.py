"""Ray's TLS settings (RAY_USE_TLS) for the ports between nodes: both sides show a certificate of the same authority."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from legacy.settings import Settings


@dataclass(frozen=True)
class TlsFiles:
    """Paths of PEM files."""

    certificate: str
    key: str
    ca: str

    def server_context(self) -> ssl.SSLContext:
        """For a replica's port: clients must have a certificate, as with Ray's own ports."""
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.ca)
        made.load_cert_chain(self.certificate, self.key)
        made.verify_mode = ssl.CERT_REQUIRED
        return made

    def client_context(self) -> ssl.SSLContext:
        """For a proxy. Nodes are addressed by IP, which Ray's certificates need not name: only the authority counts."""
        made = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca)
        made.load_cert_chain(self.certificate, self.key)
        made.check_hostname = False
        return made


def tls_files(settings: Settings) -> TlsFiles | None:
    """The files to use, or None when the cluster runs without TLS.

    Raises:
        ValueError: TLS is on and a file is not named; the message says which variable is missing.
    """
    if not settings.use_tls:
        return None
    files = {
        "RAY_TLS_SERVER_CERT": settings.tls_certificate,
        "RAY_TLS_SERVER_KEY": settings.tls_key,
        "RAY_TLS_CA_CERT": settings.tls_ca,
    }
    missing = [variable for variable, path in files.items() if not path]
    if missing:
        raise ValueError(f"RAY_USE_TLS is set but {', '.join(missing)} is not; set it to the path of a PEM file")
    return TlsFiles(settings.tls_certificate, settings.tls_key, settings.tls_ca)
