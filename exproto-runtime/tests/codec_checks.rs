//! Checksums: against an oracle, in every place of a frame, right and wrong.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Decode, Encode, Error, ErrorKind, Flag, Random, Reader, Wire, Writer};

fn encoded<T: Encode + Wire<Ctx = ()>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode(&mut Writer::new(&mut bytes), ()).unwrap();
    bytes
}

fn decoded<'a, T: Decode<'a> + Wire<Ctx = ()>>(bytes: &'a [u8]) -> Result<T, Error> {
    let mut r = Reader::new(bytes);
    let value = T::decode(&mut r, ())?;
    assert_eq!(r.left(), 0);
    Ok(value)
}

/// Every single wrong bit of `good` is found.
fn every_bit_counts<T>(good: &[u8])
where
    T: for<'a> Decode<'a> + Wire<Ctx = ()>,
{
    for bit in 0..good.len() * 8 {
        let mut bad = good.to_vec();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(decoded::<T>(&bad).is_err(), "bit {bit} of {good:02x?}");
    }
}

mod catalogue {
    use super::*;

    macro_rules! oracle {
        ($($name:literal, $on_wire:ident, $int:ty, $algorithm:ident;)*) => {
            #[test]
            fn every_crc_agrees_with_the_oracle() {
                let mut random = Random::new(3);
                $({
                    #[derive(ExProtoFrame, Debug, PartialEq)]
                    #[wire(endian = big, after(check: $on_wire = crc($name, data)))]
                    struct Checked {
                        #[wire(before(len: u16 = size(data)))]
                        data: Vec<u8>,
                    }
                    let oracle = crc::Crc::<$int>::new(&crc::$algorithm);
                    for len in (0..40).chain([63, 64, 65, 100, 255]) {
                        let data: Vec<u8> = (0..len).map(|_| random.within(0..=255_u8)).collect();
                        let want = u64::from(oracle.checksum(&data)).to_be_bytes();
                        let bytes = encoded(&Checked { data: data.clone() });
                        let width = bytes.len() - 2 - data.len();
                        assert_eq!(bytes[2 + data.len()..], want[8 - width..], "{} over {len} bytes", $name);
                        assert_eq!(decoded::<Checked>(&bytes).unwrap().data, data);
                    }
                })*
            }
        };
    }

    oracle! {
        "CRC-8/AUTOSAR", u8, u8, CRC_8_AUTOSAR;
        "CRC-8/BLUETOOTH", u8, u8, CRC_8_BLUETOOTH;
        "CRC-8/CDMA2000", u8, u8, CRC_8_CDMA2000;
        "CRC-8/DARC", u8, u8, CRC_8_DARC;
        "CRC-8/DVB-S2", u8, u8, CRC_8_DVB_S2;
        "CRC-8/GSM-A", u8, u8, CRC_8_GSM_A;
        "CRC-8/GSM-B", u8, u8, CRC_8_GSM_B;
        "CRC-8/HITAG", u8, u8, CRC_8_HITAG;
        "CRC-8/I-432-1", u8, u8, CRC_8_I_432_1;
        "CRC-8/I-CODE", u8, u8, CRC_8_I_CODE;
        "CRC-8/LTE", u8, u8, CRC_8_LTE;
        "CRC-8/MAXIM-DOW", u8, u8, CRC_8_MAXIM_DOW;
        "CRC-8/MIFARE-MAD", u8, u8, CRC_8_MIFARE_MAD;
        "CRC-8/NRSC-5", u8, u8, CRC_8_NRSC_5;
        "CRC-8/OPENSAFETY", u8, u8, CRC_8_OPENSAFETY;
        "CRC-8/ROHC", u8, u8, CRC_8_ROHC;
        "CRC-8/SAE-J1850", u8, u8, CRC_8_SAE_J1850;
        "CRC-8/SMBUS", u8, u8, CRC_8_SMBUS;
        "CRC-8/TECH-3250", u8, u8, CRC_8_TECH_3250;
        "CRC-8/WCDMA", u8, u8, CRC_8_WCDMA;
        "CRC-16/ARC", u16, u16, CRC_16_ARC;
        "CRC-16/CDMA2000", u16, u16, CRC_16_CDMA2000;
        "CRC-16/CMS", u16, u16, CRC_16_CMS;
        "CRC-16/DDS-110", u16, u16, CRC_16_DDS_110;
        "CRC-16/DECT-R", u16, u16, CRC_16_DECT_R;
        "CRC-16/DECT-X", u16, u16, CRC_16_DECT_X;
        "CRC-16/DNP", u16, u16, CRC_16_DNP;
        "CRC-16/EN-13757", u16, u16, CRC_16_EN_13757;
        "CRC-16/GENIBUS", u16, u16, CRC_16_GENIBUS;
        "CRC-16/GSM", u16, u16, CRC_16_GSM;
        "CRC-16/IBM-3740", u16, u16, CRC_16_IBM_3740;
        "CRC-16/IBM-SDLC", u16, u16, CRC_16_IBM_SDLC;
        "CRC-16/ISO-IEC-14443-3-A", u16, u16, CRC_16_ISO_IEC_14443_3_A;
        "CRC-16/KERMIT", u16, u16, CRC_16_KERMIT;
        "CRC-16/LJ1200", u16, u16, CRC_16_LJ1200;
        "CRC-16/M17", u16, u16, CRC_16_M17;
        "CRC-16/MAXIM-DOW", u16, u16, CRC_16_MAXIM_DOW;
        "CRC-16/MCRF4XX", u16, u16, CRC_16_MCRF4XX;
        "CRC-16/MODBUS", u16, u16, CRC_16_MODBUS;
        "CRC-16/NRSC-5", u16, u16, CRC_16_NRSC_5;
        "CRC-16/OPENSAFETY-A", u16, u16, CRC_16_OPENSAFETY_A;
        "CRC-16/OPENSAFETY-B", u16, u16, CRC_16_OPENSAFETY_B;
        "CRC-16/PROFIBUS", u16, u16, CRC_16_PROFIBUS;
        "CRC-16/RIELLO", u16, u16, CRC_16_RIELLO;
        "CRC-16/SPI-FUJITSU", u16, u16, CRC_16_SPI_FUJITSU;
        "CRC-16/T10-DIF", u16, u16, CRC_16_T10_DIF;
        "CRC-16/TELEDISK", u16, u16, CRC_16_TELEDISK;
        "CRC-16/TMS37157", u16, u16, CRC_16_TMS37157;
        "CRC-16/UMTS", u16, u16, CRC_16_UMTS;
        "CRC-16/USB", u16, u16, CRC_16_USB;
        "CRC-16/XMODEM", u16, u16, CRC_16_XMODEM;
        "CRC-24/BLE", u24, u32, CRC_24_BLE;
        "CRC-24/FLEXRAY-A", u24, u32, CRC_24_FLEXRAY_A;
        "CRC-24/FLEXRAY-B", u24, u32, CRC_24_FLEXRAY_B;
        "CRC-24/INTERLAKEN", u24, u32, CRC_24_INTERLAKEN;
        "CRC-24/LTE-A", u24, u32, CRC_24_LTE_A;
        "CRC-24/LTE-B", u24, u32, CRC_24_LTE_B;
        "CRC-24/OPENPGP", u24, u32, CRC_24_OPENPGP;
        "CRC-24/OS-9", u24, u32, CRC_24_OS_9;
        "CRC-32/AIXM", u32, u32, CRC_32_AIXM;
        "CRC-32/AUTOSAR", u32, u32, CRC_32_AUTOSAR;
        "CRC-32/BASE91-D", u32, u32, CRC_32_BASE91_D;
        "CRC-32/BZIP2", u32, u32, CRC_32_BZIP2;
        "CRC-32/CD-ROM-EDC", u32, u32, CRC_32_CD_ROM_EDC;
        "CRC-32/CKSUM", u32, u32, CRC_32_CKSUM;
        "CRC-32/ISCSI", u32, u32, CRC_32_ISCSI;
        "CRC-32/ISO-HDLC", u32, u32, CRC_32_ISO_HDLC;
        "CRC-32/JAMCRC", u32, u32, CRC_32_JAMCRC;
        "CRC-32/MEF", u32, u32, CRC_32_MEF;
        "CRC-32/MPEG-2", u32, u32, CRC_32_MPEG_2;
        "CRC-32/XFER", u32, u32, CRC_32_XFER;
        "CRC-40/GSM", u40, u64, CRC_40_GSM;
        "CRC-64/ECMA-182", u64, u64, CRC_64_ECMA_182;
        "CRC-64/GO-ISO", u64, u64, CRC_64_GO_ISO;
        "CRC-64/MS", u64, u64, CRC_64_MS;
        "CRC-64/NVME", u64, u64, CRC_64_NVME;
        "CRC-64/REDIS", u64, u64, CRC_64_REDIS;
        "CRC-64/WE", u64, u64, CRC_64_WE;
        "CRC-64/XZ", u64, u64, CRC_64_XZ;
    }
}

/// A checksum before the data it covers, a length that it covers too, and one
/// over the header alone.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = little)]
struct Ahead {
    #[wire(before(check: u16 = crc("CRC-16/MODBUS", len..)))]
    #[wire(before(len: u16 = size(data)))]
    #[wire(before(head: u8 = sum8(len)))]
    kind: u8,
    data: Vec<u8>,
}

#[test]
fn a_checksum_may_stand_before_what_it_covers() {
    let value = Ahead { kind: 7, data: b"hello".to_vec() };
    let bytes = encoded(&value);
    // The check covers the length and the header's checksum as they are sent.
    let crc = crc::Crc::<u16>::new(&crc::CRC_16_MODBUS);
    assert_eq!(bytes[..2], crc.checksum(&bytes[2..]).to_le_bytes());
    assert_eq!(bytes[2..6], [5, 0, 5, 7]);
    assert_eq!(decoded::<Ahead>(&bytes).unwrap(), value);
    every_bit_counts::<Ahead>(&bytes);
}

/// Two checksums, the outer over the inner, in the order in which neither
/// could be written before the other is known.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, before(outer: u32 = crc("CRC-32", inner..)), before(inner: u8 = xor(data)))]
struct Nested {
    #[wire(size = prefix(u8))]
    data: Vec<u8>,
}

#[test]
fn a_checksum_may_cover_another() {
    let bytes = encoded(&Nested { data: vec![1, 2, 4] });
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    // Prefixes belong to the field that they measure.
    assert_eq!(bytes[4..], [7 ^ 3, 3, 1, 2, 4]);
    assert_eq!(bytes[..4], crc.checksum(&bytes[4..]).to_be_bytes());
    every_bit_counts::<Nested>(&bytes);
}

/// The checksum of an internet header, which lies in what it covers.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Header {
    version: u16,
    length: u16,
    id: u32,
    ttl_protocol: u16,
    #[wire(before(check: u16 = internet(version..=target)))]
    source: u32,
    target: u32,
}

#[test]
fn a_checksum_over_itself_counts_its_own_bytes_as_zero() {
    // The header of RFC 1071's companion examples: 45 00 00 73 .. c0 a8 00 c7.
    let bytes = [
        0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xB8, 0x61, 0xC0, 0xA8, 0x00, 0x01, 0xC0,
        0xA8, 0x00, 0xC7,
    ];
    let header: Header = decoded(&bytes).unwrap();
    assert_eq!(encoded(&header), bytes);
    every_bit_counts::<Header>(&bytes);
}

/// Each record has its own checksum.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, after(check: u8 = lrc(id..)))]
struct Record {
    id: u16,
    #[wire(size = prefix(u8))]
    value: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Records {
    #[wire(before(n: u8 = count(list)))]
    list: Vec<Record>,
    #[wire(before(total: u8 = sum8(list)))]
    end: u8,
}

#[test]
fn every_record_may_have_a_checksum() {
    let value = Records {
        list: vec![Record { id: 0x0102, value: vec![3] }, Record { id: 1, value: vec![] }],
        end: 9,
    };
    let bytes = encoded(&value);
    assert_eq!(bytes[..6], [2, 1, 2, 1, 3, 0xF9]);
    assert_eq!(decoded::<Records>(&bytes).unwrap(), value);
    let mut bad = bytes.clone();
    bad[1] ^= 0x10;
    assert_eq!(decoded::<Records>(&bad).unwrap_err().offset(), 5, "the checksum of the first record");
}

fn weighted(bytes: &[u8], start: u8) -> u16 {
    bytes
        .iter()
        .zip(1_u16..)
        .fold(u16::from(start), |sum, (byte, at)| sum.wrapping_add(u16::from(*byte).wrapping_mul(at)))
}

fn plain(bytes: &[u8]) -> u8 {
    !bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

/// A function of the user, with and without further arguments; a seed taken
/// from an earlier field; arithmetic on a sum.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Own {
    id: u8,
    data: [u8; 3],
    #[wire(before(weighted: u16 = fn(weighted, id..=data, id)))]
    #[wire(before(inverted: u8 = fn(self::plain, data)))]
    #[wire(before(seeded: u16 = crc("CRC-16/KERMIT", data, seed = id)))]
    #[wire(before(shifted: u8 = sum(data) + 0x33))]
    #[wire(before(of_words: u16 = sum16(..=data)))]
    end: u8,
}

#[test]
fn functions_seeds_and_arithmetic_are_followed_in_both_directions() {
    let value = Own { id: 0x7F, data: [0xFF, 0xFE, 0x01], end: 1 };
    let bytes = encoded(&value);
    assert_eq!(bytes[4..6], weighted(&bytes[..4], 0x7F).to_be_bytes());
    assert_eq!(bytes[6], plain(&bytes[1..4]));
    let kermit = crc::Algorithm::<u16> { init: 0x7F, ..crc::CRC_16_KERMIT };
    let kermit: &'static _ = Box::leak(Box::new(kermit));
    assert_eq!(bytes[7..9], crc::Crc::<u16>::new(kermit).checksum(&bytes[1..4]).to_be_bytes());
    assert_eq!(bytes[9], 0xFE_u8.wrapping_add(0x33));
    assert_eq!(bytes[10..12], (0x7F + 0xFF + 0xFE + 0x01_u16).to_be_bytes());
    assert_eq!(decoded::<Own>(&bytes).unwrap(), value);
    for at in 4..12 {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert_eq!(decoded::<Own>(&bad).unwrap_err().kind(), ErrorKind::Checksum, "byte {at}");
    }
}

/// A checksum of four bits, as some radio protocols have.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Nibble {
    data: u16,
    #[wire(bits = 4)]
    kind: u8,
    #[wire(before(check: bits(4) = sum(data)))]
    end: u8,
}

#[test]
fn a_checksum_may_be_a_few_bits() {
    let value = Nibble { data: 0x1234, kind: 0xA, end: 5 };
    let bytes = encoded(&value);
    assert_eq!(bytes, [0x12, 0x34, 0xA6, 5]);
    assert_eq!(decoded::<Nibble>(&bytes).unwrap(), value);
    assert!(decoded::<Nibble>(&[0x12, 0x34, 0xA7, 5]).is_err());
}

#[test]
fn a_wrong_checksum_may_be_accepted_and_is_flagged() {
    let mut bytes = encoded(&Ahead { kind: 7, data: b"hello".to_vec() });
    bytes[0] ^= 0xFF;
    assert_eq!(decoded::<Ahead>(&bytes).unwrap_err().kind(), ErrorKind::Checksum);
    let mut r = Reader::new(&bytes).accepting_bad(true);
    let value = Ahead::decode(&mut r, ()).unwrap();
    assert_eq!(value.data, b"hello");
    assert!(r.flags().has(Flag::Checksum));
}

/// The received checksum is a field: a reply may echo it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = little)]
struct Echo {
    #[wire(size = prefix(u8))]
    data: Vec<u8>,
    #[wire(is = crc("CRC-16/MODBUS", ..))]
    check: u16,
}

#[test]
fn a_received_checksum_can_be_read() {
    let bytes = encoded(&Echo { data: b"123456789".to_vec(), check: 0 });
    let echo: Echo = decoded(&bytes).unwrap();
    assert_eq!(echo.check, crc::Crc::<u16>::new(&crc::CRC_16_MODBUS).checksum(b"\x09123456789"));
    every_bit_counts::<Echo>(&bytes);
}

#[test]
fn random_values_survive_both_directions() {
    let mut random = Random::new(11);
    for _ in 0..500 {
        let value: Ahead = random.make();
        assert_eq!(decoded::<Ahead>(&encoded(&value)).unwrap(), value);
        let value: Nested = random.make();
        assert_eq!(decoded::<Nested>(&encoded(&value)).unwrap(), value);
        let value: Records = random.make();
        assert_eq!(decoded::<Records>(&encoded(&value)).unwrap(), value);
        let value: Own = random.make();
        assert_eq!(decoded::<Own>(&encoded(&value)).unwrap(), value);
        let value: Header = random.make();
        assert_eq!(decoded::<Header>(&encoded(&value)).unwrap(), value);
        let value: Nibble = random.make();
        assert_eq!(decoded::<Nibble>(&encoded(&value)).unwrap(), value);
    }
}
