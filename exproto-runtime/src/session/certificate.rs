//! The certificate that a device has shown.

/// The certificate that a device has shown and an authority of the listener
/// has signed.
///
/// Templates name its parts `{certificate.name}`, `{certificate.subject}`,
/// `{certificate.alternative}` and `{certificate.fingerprint}`; functions find it in
/// [`ConnInfo`](super::ConnInfo).
///
/// ```
/// use exproto_runtime::prelude::*;
///
/// /// Whether the device is the one that its certificate was made for.
/// fn is_owner(cx: &Cx<'_, ()>, imei: &str) -> bool {
///     cx.info.certificate.as_ref().is_some_and(|shown| &*shown.name == imei)
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCertificate {
    /// The subject's common name, `""` if it has none.
    pub name: Box<str>,
    /// The subject as text, in the form of RFC 4514: `CN=490154203237518,O=Fleet`.
    pub subject: Box<str>,
    /// The subject's alternative names in the certificate's order: DNS names, addresses of
    /// mail, URIs and IP addresses. Behind EMQX none, which does not tell them.
    pub alternatives: Box<[Box<str>]>,
    /// The SHA-256 of the whole certificate as 64 lower-case hexadecimal digits, which
    /// `openssl x509 -noout -fingerprint -sha256` prints with colons. Behind EMQX
    /// `""`, which does not tell it.
    pub fingerprint: Box<str>,
}

impl PeerCertificate {
    /// What is known of a certificate.
    #[must_use]
    pub fn new(name: &str, subject: &str) -> Self {
        Self { name: name.into(), subject: subject.into(), ..Self::default() }
    }

    /// The same with alternative names.
    #[must_use]
    pub fn with_alternatives(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.alternatives = names.into_iter().map(Into::into).collect();
        self
    }

    /// The same with a fingerprint.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: &str) -> Self {
        self.fingerprint = fingerprint.into();
        self
    }

    /// The part that `{certificate.PART}` names: `name`, `subject`, `alternative` (the
    /// first) or `fingerprint`; `""` for others.
    #[must_use]
    pub fn part(&self, part: &str) -> &str {
        match part {
            "name" => &self.name,
            "subject" => &self.subject,
            "alternative" => self.alternatives.first().map_or("", |first| first),
            "fingerprint" => &self.fingerprint,
            _ => "",
        }
    }
}
