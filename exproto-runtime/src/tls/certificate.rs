//! What a certificate says about its owner.
//!
//! Only certificates come here that an authority of the listener has signed and
//! `webpki` has accepted, so what cannot be read is left out rather than
//! refused. The form is that of RFC 5280.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;

use crate::session::PeerCertificate;

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const BOOLEAN: u8 = 0x01;
/// `[0]`, the version.
const VERSION: u8 = 0xA0;
/// `[3]`, the extensions.
const EXTENSIONS: u8 = 0xA3;

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
/// 2.5.29.17
const ALTERNATIVES: &[u8] = &[0x55, 29, 17];

/// Short names of RFC 4514, section 3, and what OpenSSL adds.
const ATTRIBUTES: &[(&[u8], &str)] = &[
    (COMMON_NAME, "CN"),
    (&[0x55, 4, 4], "SN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "STREET"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "title"),
    (&[0x55, 4, 42], "GN"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 25], "DC"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 1], "UID"),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 1], "emailAddress"),
];

/// Reads a certificate in DER form.
pub(crate) fn describe(der: &[u8]) -> PeerCertificate {
    let owner = owner(der).unwrap_or_default();
    let mut fingerprint = String::with_capacity(64);
    if let Some(suite) = TLS13_AES_128_GCM_SHA256.tls13() {
        for byte in suite.common.hash_provider.hash(der).as_ref() {
            // Writing to a `String` cannot fail.
            let _ = write!(fingerprint, "{byte:02x}");
        }
    }
    PeerCertificate::new(&owner.name, &owner.subject)
        .with_alternatives(owner.alternatives)
        .with_fingerprint(&fingerprint)
}

#[derive(Default)]
struct Owner {
    name: String,
    subject: String,
    alternatives: Vec<String>,
}

fn owner(der: &[u8]) -> Option<Owner> {
    let certificate = Der(der).take(SEQUENCE)?;
    let mut body = Der(Der(certificate).take(SEQUENCE)?);
    body.take(VERSION);
    // Serial number, algorithm, issuer, validity.
    for _ in 0..4 {
        body.next()?;
    }
    let (name, subject) = subject(body.take(SEQUENCE)?);
    // The key.
    body.next()?;
    let mut alternatives = Vec::new();
    while let Some((tag, content)) = body.next() {
        if tag == EXTENSIONS {
            alternatives = from_extensions(content).unwrap_or_default();
        }
    }
    Some(Owner { name, subject, alternatives })
}

/// The common name and the whole, the last part first as RFC 4514 has it.
fn subject(der: &[u8]) -> (String, String) {
    let mut name = String::new();
    let mut parts = Vec::new();
    let mut sets = Der(der);
    while let Some((_, set)) = sets.next() {
        let mut attributes = Der(set);
        let mut text = String::new();
        while let Some(attribute) = attributes.take(SEQUENCE) {
            let mut attribute = Der(attribute);
            let Some(kind) = attribute.take(OBJECT) else { continue };
            let Some((tag, value)) = attribute.next() else { continue };
            let value = string(tag, value);
            if kind == COMMON_NAME && name.is_empty() {
                name.clone_from(&value);
            }
            if !text.is_empty() {
                text.push('+');
            }
            match ATTRIBUTES.iter().find(|(known, _)| *known == kind) {
                Some((_, short)) => text.push_str(short),
                None => dotted(kind, &mut text),
            }
            text.push('=');
            escape(&value, &mut text);
        }
        parts.push(text);
    }
    parts.reverse();
    (name, parts.join(","))
}

fn from_extensions(der: &[u8]) -> Option<Vec<String>> {
    let mut extensions = Der(Der(der).take(SEQUENCE)?);
    while let Some(extension) = extensions.take(SEQUENCE) {
        let mut extension = Der(extension);
        if extension.take(OBJECT)? != ALTERNATIVES {
            continue;
        }
        extension.take(BOOLEAN);
        let mut names = Der(Der(extension.take(OCTETS)?).take(SEQUENCE)?);
        let mut all = Vec::new();
        while let Some((tag, value)) = names.next() {
            match tag {
                // A mail address, a DNS name, a URI.
                0x81 | 0x82 | 0x86 => all.push(String::from_utf8_lossy(value).into_owned()),
                0x87 => all.extend(
                    <[u8; 4]>::try_from(value).map(|octets| Ipv4Addr::from(octets).to_string()).or_else(
                        |_| <[u8; 16]>::try_from(value).map(|octets| Ipv6Addr::from(octets).to_string()),
                    ),
                ),
                _ => {}
            }
        }
        return Some(all);
    }
    None
}

fn string(tag: u8, value: &[u8]) -> String {
    match tag {
        // T61String: Latin-1, as it is used.
        0x14 => value.iter().copied().map(char::from).collect(),
        // BMPString.
        0x1E => char::decode_utf16(value.chunks_exact(2).map(|pair| match pair {
            [high, low] => u16::from_be_bytes([*high, *low]),
            _ => 0,
        }))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect(),
        _ => String::from_utf8_lossy(value).into_owned(),
    }
}

/// An object identifier as numbers.
fn dotted(object: &[u8], out: &mut String) {
    let mut number = 0_u64;
    let mut first = true;
    for byte in object {
        number = number << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 != 0 {
            continue;
        }
        let _ = if first {
            let root = (number / 40).min(2);
            write!(out, "{root}.{}", number - root * 40)
        } else {
            write!(out, ".{number}")
        };
        first = false;
        number = 0;
    }
}

/// RFC 4514, section 2.4.
fn escape(value: &str, out: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (index, character) in value.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => out.push('\\'),
            ' ' if index == 0 || index == last => out.push('\\'),
            '#' if index == 0 => out.push('\\'),
            '\0' => {
                out.push_str("\\00");
                continue;
            }
            _ => {}
        }
        out.push(character);
    }
}

/// Elements one after the other.
struct Der<'d>(&'d [u8]);

impl<'d> Der<'d> {
    /// The next element's tag and content.
    fn next(&mut self) -> Option<(u8, &'d [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (short, mut rest) = rest.split_first()?;
        let length = if *short < 0x80 {
            usize::from(*short)
        } else {
            let (bytes, behind) = rest.split_at_checked(usize::from(short & 0x7F))?;
            rest = behind;
            bytes
                .iter()
                .try_fold(0_usize, |length, byte| Some(length.checked_mul(256)? | usize::from(*byte)))?
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The content of the next element if it has this tag.
    fn take(&mut self, tag: u8) -> Option<&'d [u8]> {
        let before = self.0;
        match self.next() {
            Some((found, content)) if found == tag => Some(content),
            _ => {
                self.0 = before;
                None
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, KeyPair, SanType};

    use super::*;

    fn made(change: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        change(&mut params);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn subject_and_names_are_read() {
        let der = made(|params| {
            let name = &mut params.distinguished_name;
            name.push(DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap()));
            name.push(DnType::OrganizationName, "Fleet, \"north\" ");
            name.push(DnType::CustomDnType(vec![1, 2, 840, 999]), "#7");
            name.push(DnType::CommonName, DnValue::BmpString("Müller".try_into().unwrap()));
            params.subject_alt_names = vec![
                SanType::DnsName("a.example".try_into().unwrap()),
                SanType::URI("urn:imei:490154203237518".try_into().unwrap()),
                SanType::IpAddress([192, 0, 2, 1].into()),
                SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
            ];
            params.custom_extensions =
                vec![CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![SEQUENCE, 0])];
        });
        let about = describe(&der);
        assert_eq!(&*about.name, "Müller");
        assert_eq!(&*about.subject, r#"CN=Müller,1.2.840.999=\#7,O=Fleet\, \"north\"\ ,C=DE"#);
        let all: Vec<&str> = about.alternatives.iter().map(|name| &**name).collect();
        assert_eq!(all, ["a.example", "urn:imei:490154203237518", "192.0.2.1", "::1"]);
        assert_eq!(about.part("alternative"), "a.example");
        assert_eq!(about.fingerprint.len(), 64);
        let other = describe(&made(|_| {}));
        assert_eq!((&*other.name, &*other.subject, other.alternatives.len()), ("", "", 0));
        assert_ne!(about.fingerprint, other.fingerprint);
    }

    #[test]
    fn the_fingerprint_is_sha_256() {
        // FIPS 180-4's first example.
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(&*describe(b"abc").fingerprint, digest);
    }

    #[test]
    fn what_is_cut_or_changed_never_panics() {
        let der = made(|params| {
            params.distinguished_name.push(DnType::CommonName, "a");
            params.subject_alt_names = vec![SanType::DnsName("a".try_into().unwrap())];
        });
        for end in 0..der.len() {
            describe(&der[..end]);
        }
        for at in 0..der.len() {
            for value in [0, 0x7F, 0x80, 0x84, 0x88, 0xFF] {
                let mut changed = der.clone();
                changed[at] = value;
                describe(&changed);
            }
        }
    }
}
