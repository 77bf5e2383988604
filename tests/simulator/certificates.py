"""Certificates like those that Plex gives every server."""

from secrets import token_hex
import ssl

import trustme


class Authority:
    """The certificate authority behind all plex.direct names."""

    def __init__(self) -> None:
        """Make the authority."""
        self._ca = trustme.CA(organization_name="Simulated plex.direct")

    @property
    def pem(self) -> bytes:
        """The certificate that clients have to trust."""
        return self._ca.cert_pem.bytes()

    def configure(self, context: ssl.SSLContext, certificate_hash: str) -> None:
        """Let a context present the wildcard certificate of one server."""
        self._ca.issue_cert(f"*.{certificate_hash}.plex.direct").configure_cert(context)


class ServerCertificate:
    """The one certificate of a server. Its hash can change, as it does in reality."""

    def __init__(self, authority: Authority) -> None:
        """Start with a certificate of a random hash."""
        self._authority = authority
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.hash = ""
        self.renew(token_hex(16))

    def renew(self, certificate_hash: str) -> None:
        """Present another certificate from the next connection on."""
        self._authority.configure(self.context, certificate_hash)
        self.hash = certificate_hash
