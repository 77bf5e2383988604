"""Certificates like those that Plex issues for every server."""

from secrets import token_hex
import ssl

import trustme


class Authority:
    """The certificate authority behind all plex.direct names."""

    def __init__(self) -> None:
        """Create the authority."""
        self._ca = trustme.CA(organization_name="Simulated plex.direct")

    @property
    def pem(self) -> bytes:
        """The certificate that clients must trust."""
        return self._ca.cert_pem.bytes()

    def configure(self, context: ssl.SSLContext, certificate_hash: str) -> None:
        """Configure a context with the wildcard certificate of one server."""
        self._ca.issue_cert(f"*.{certificate_hash}.plex.direct").configure_cert(context)


class ServerCertificate:
    """The certificate of a server, whose hash can change as it does in reality."""

    def __init__(self, authority: Authority) -> None:
        """Initialize with a certificate with a random hash."""
        self._authority = authority
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.hash = ""
        self.renew(token_hex(16))

    def renew(self, certificate_hash: str) -> None:
        """Use another certificate, starting with the next connection."""
        self._authority.configure(self.context, certificate_hash)
        self.hash = certificate_hash
