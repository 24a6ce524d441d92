//! What the libraries below say, and what that means.

/// What the alerts of a server mean that does not like our certificate.
const REFUSED: &str = "the server does not accept the certificate that is shown to it";

/// What the library that speaks TLS says in terms of its own, and what that means.
const MEANINGS: &[(&str, &str)] = &[
    (
        "UnknownIssuer",
        "none of the authorities that are trusted here has signed the server's certificate",
    ),
    (
        "CertificateRequired",
        "the server lets in only who shows a certificate",
    ),
    (
        "CaUsedAsEndEntity",
        "the server shows the certificate of an authority as its own, as plain `openssl req -x509` makes it: make it one of a server with `-addext basicConstraints=critical,CA:FALSE`, or let an authority sign it, and give that authority's certificate",
    ),
    (
        "NotValidForName",
        "the server's certificate does not name the host of the address: add it with `-addext subjectAltName=DNS:…` or `IP:…`",
    ),
    ("Expired", "the server's certificate is no longer valid"),
    ("UnsupportedCertificate", REFUSED),
    ("UnknownCA", REFUSED),
];

/// An error and its sources in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    if let Some((_, meaning)) = MEANINGS.iter().find(|(term, _)| text.contains(term)) {
        text.push_str(" (");
        text.push_str(meaning);
        text.push(')');
    }
    text
}
