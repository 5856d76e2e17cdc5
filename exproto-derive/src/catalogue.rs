//! The CRCs of the usual public catalogue, by name.

use crate::ctxt::nearest;

/// The parameters of a CRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crc {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) poly: u64,
    pub(crate) init: u64,
    /// Bytes go in, and the register comes out, with the lowest bit first.
    pub(crate) reflected: bool,
    pub(crate) xorout: u64,
    /// What it makes of the text `123456789`.
    #[cfg_attr(not(test), allow(dead_code, reason = "proves the row"))]
    pub(crate) check: u64,
}

const fn crc(
    name: &'static str,
    width: u32,
    poly: u64,
    init: u64,
    reflected: bool,
    xorout: u64,
    check: u64,
) -> Crc {
    Crc { name, width, poly, init, reflected, xorout, check }
}

const ALL_ONES: u64 = u64::MAX;

#[rustfmt::skip]
pub(crate) const CRCS: &[Crc] = &[
    crc("CRC-8/AUTOSAR", 8, 0x2F, 0xFF, false, 0xFF, 0xDF),
    crc("CRC-8/BLUETOOTH", 8, 0xA7, 0x00, true, 0x00, 0x26),
    crc("CRC-8/CDMA2000", 8, 0x9B, 0xFF, false, 0x00, 0xDA),
    crc("CRC-8/DARC", 8, 0x39, 0x00, true, 0x00, 0x15),
    crc("CRC-8/DVB-S2", 8, 0xD5, 0x00, false, 0x00, 0xBC),
    crc("CRC-8/GSM-A", 8, 0x1D, 0x00, false, 0x00, 0x37),
    crc("CRC-8/GSM-B", 8, 0x49, 0x00, false, 0xFF, 0x94),
    crc("CRC-8/HITAG", 8, 0x1D, 0xFF, false, 0x00, 0xB4),
    crc("CRC-8/I-432-1", 8, 0x07, 0x00, false, 0x55, 0xA1),
    crc("CRC-8/I-CODE", 8, 0x1D, 0xFD, false, 0x00, 0x7E),
    crc("CRC-8/LTE", 8, 0x9B, 0x00, false, 0x00, 0xEA),
    crc("CRC-8/MAXIM-DOW", 8, 0x31, 0x00, true, 0x00, 0xA1),
    crc("CRC-8/MIFARE-MAD", 8, 0x1D, 0xC7, false, 0x00, 0x99),
    crc("CRC-8/NRSC-5", 8, 0x31, 0xFF, false, 0x00, 0xF7),
    crc("CRC-8/OPENSAFETY", 8, 0x2F, 0x00, false, 0x00, 0x3E),
    crc("CRC-8/ROHC", 8, 0x07, 0xFF, true, 0x00, 0xD0),
    crc("CRC-8/SAE-J1850", 8, 0x1D, 0xFF, false, 0xFF, 0x4B),
    crc("CRC-8/SMBUS", 8, 0x07, 0x00, false, 0x00, 0xF4),
    crc("CRC-8/TECH-3250", 8, 0x1D, 0xFF, true, 0x00, 0x97),
    crc("CRC-8/WCDMA", 8, 0x9B, 0x00, true, 0x00, 0x25),
    crc("CRC-16/ARC", 16, 0x8005, 0x0000, true, 0x0000, 0xBB3D),
    crc("CRC-16/CDMA2000", 16, 0xC867, 0xFFFF, false, 0x0000, 0x4C06),
    crc("CRC-16/CMS", 16, 0x8005, 0xFFFF, false, 0x0000, 0xAEE7),
    crc("CRC-16/DDS-110", 16, 0x8005, 0x800D, false, 0x0000, 0x9ECF),
    crc("CRC-16/DECT-R", 16, 0x0589, 0x0000, false, 0x0001, 0x007E),
    crc("CRC-16/DECT-X", 16, 0x0589, 0x0000, false, 0x0000, 0x007F),
    crc("CRC-16/DNP", 16, 0x3D65, 0x0000, true, 0xFFFF, 0xEA82),
    crc("CRC-16/EN-13757", 16, 0x3D65, 0x0000, false, 0xFFFF, 0xC2B7),
    crc("CRC-16/GENIBUS", 16, 0x1021, 0xFFFF, false, 0xFFFF, 0xD64E),
    crc("CRC-16/GSM", 16, 0x1021, 0x0000, false, 0xFFFF, 0xCE3C),
    crc("CRC-16/IBM-3740", 16, 0x1021, 0xFFFF, false, 0x0000, 0x29B1),
    crc("CRC-16/IBM-SDLC", 16, 0x1021, 0xFFFF, true, 0xFFFF, 0x906E),
    crc("CRC-16/ISO-IEC-14443-3-A", 16, 0x1021, 0xC6C6, true, 0x0000, 0xBF05),
    crc("CRC-16/KERMIT", 16, 0x1021, 0x0000, true, 0x0000, 0x2189),
    crc("CRC-16/LJ1200", 16, 0x6F63, 0x0000, false, 0x0000, 0xBDF4),
    crc("CRC-16/M17", 16, 0x5935, 0xFFFF, false, 0x0000, 0x772B),
    crc("CRC-16/MAXIM-DOW", 16, 0x8005, 0x0000, true, 0xFFFF, 0x44C2),
    crc("CRC-16/MCRF4XX", 16, 0x1021, 0xFFFF, true, 0x0000, 0x6F91),
    crc("CRC-16/MODBUS", 16, 0x8005, 0xFFFF, true, 0x0000, 0x4B37),
    crc("CRC-16/NRSC-5", 16, 0x080B, 0xFFFF, true, 0x0000, 0xA066),
    crc("CRC-16/OPENSAFETY-A", 16, 0x5935, 0x0000, false, 0x0000, 0x5D38),
    crc("CRC-16/OPENSAFETY-B", 16, 0x755B, 0x0000, false, 0x0000, 0x20FE),
    crc("CRC-16/PROFIBUS", 16, 0x1DCF, 0xFFFF, false, 0xFFFF, 0xA819),
    crc("CRC-16/RIELLO", 16, 0x1021, 0xB2AA, true, 0x0000, 0x63D0),
    crc("CRC-16/SPI-FUJITSU", 16, 0x1021, 0x1D0F, false, 0x0000, 0xE5CC),
    crc("CRC-16/T10-DIF", 16, 0x8BB7, 0x0000, false, 0x0000, 0xD0DB),
    crc("CRC-16/TELEDISK", 16, 0xA097, 0x0000, false, 0x0000, 0x0FB3),
    crc("CRC-16/TMS37157", 16, 0x1021, 0x89EC, true, 0x0000, 0x26B1),
    crc("CRC-16/UMTS", 16, 0x8005, 0x0000, false, 0x0000, 0xFEE8),
    crc("CRC-16/USB", 16, 0x8005, 0xFFFF, true, 0xFFFF, 0xB4C8),
    crc("CRC-16/XMODEM", 16, 0x1021, 0x0000, false, 0x0000, 0x31C3),
    crc("CRC-24/BLE", 24, 0x00_065B, 0x55_5555, true, 0x00_0000, 0xC2_5A56),
    crc("CRC-24/FLEXRAY-A", 24, 0x5D_6DCB, 0xFE_DCBA, false, 0x00_0000, 0x79_79BD),
    crc("CRC-24/FLEXRAY-B", 24, 0x5D_6DCB, 0xAB_CDEF, false, 0x00_0000, 0x1F_23B8),
    crc("CRC-24/INTERLAKEN", 24, 0x32_8B63, 0xFF_FFFF, false, 0xFF_FFFF, 0xB4_F3E6),
    crc("CRC-24/LTE-A", 24, 0x86_4CFB, 0x00_0000, false, 0x00_0000, 0xCD_E703),
    crc("CRC-24/LTE-B", 24, 0x80_0063, 0x00_0000, false, 0x00_0000, 0x23_EF52),
    crc("CRC-24/OPENPGP", 24, 0x86_4CFB, 0xB7_04CE, false, 0x00_0000, 0x21_CF02),
    crc("CRC-24/OS-9", 24, 0x80_0063, 0xFF_FFFF, false, 0xFF_FFFF, 0x20_0FA5),
    crc("CRC-32/AIXM", 32, 0x8141_41AB, 0x0000_0000, false, 0x0000_0000, 0x3010_BF7F),
    crc("CRC-32/AUTOSAR", 32, 0xF4AC_FB13, 0xFFFF_FFFF, true, 0xFFFF_FFFF, 0x1697_D06A),
    crc("CRC-32/BASE91-D", 32, 0xA833_982B, 0xFFFF_FFFF, true, 0xFFFF_FFFF, 0x8731_5576),
    crc("CRC-32/BZIP2", 32, 0x04C1_1DB7, 0xFFFF_FFFF, false, 0xFFFF_FFFF, 0xFC89_1918),
    crc("CRC-32/CD-ROM-EDC", 32, 0x8001_801B, 0x0000_0000, true, 0x0000_0000, 0x6EC2_EDC4),
    crc("CRC-32/CKSUM", 32, 0x04C1_1DB7, 0x0000_0000, false, 0xFFFF_FFFF, 0x765E_7680),
    crc("CRC-32/ISCSI", 32, 0x1EDC_6F41, 0xFFFF_FFFF, true, 0xFFFF_FFFF, 0xE306_9283),
    crc("CRC-32/ISO-HDLC", 32, 0x04C1_1DB7, 0xFFFF_FFFF, true, 0xFFFF_FFFF, 0xCBF4_3926),
    crc("CRC-32/JAMCRC", 32, 0x04C1_1DB7, 0xFFFF_FFFF, true, 0x0000_0000, 0x340B_C6D9),
    crc("CRC-32/MEF", 32, 0x741B_8CD7, 0xFFFF_FFFF, true, 0x0000_0000, 0xD2C2_2F51),
    crc("CRC-32/MPEG-2", 32, 0x04C1_1DB7, 0xFFFF_FFFF, false, 0x0000_0000, 0x0376_E6E7),
    crc("CRC-32/XFER", 32, 0x0000_00AF, 0x0000_0000, false, 0x0000_0000, 0xBD0B_E338),
    crc("CRC-40/GSM", 40, 0x00_0482_0009, 0, false, 0xFF_FFFF_FFFF, 0xD4_164F_C646),
    crc("CRC-64/ECMA-182", 64, 0x42F0_E1EB_A9EA_3693, 0, false, 0, 0x6C40_DF5F_0B49_7347),
    crc("CRC-64/GO-ISO", 64, 0x1B, ALL_ONES, true, ALL_ONES, 0xB909_56C7_75A4_1001),
    crc("CRC-64/MS", 64, 0x259C_84CB_A642_6349, ALL_ONES, true, 0, 0x75D4_B74F_024E_CEEA),
    crc("CRC-64/NVME", 64, 0xAD93_D235_94C9_3659, ALL_ONES, true, ALL_ONES, 0xAE8B_1486_0A79_9888),
    crc("CRC-64/REDIS", 64, 0xAD93_D235_94C9_35A9, 0, true, 0, 0xE9C6_D914_C4B8_D9CA),
    crc("CRC-64/WE", 64, 0x42F0_E1EB_A9EA_3693, ALL_ONES, false, ALL_ONES, 0x62EC_59E3_F1A4_F00A),
    crc("CRC-64/XZ", 64, 0x42F0_E1EB_A9EA_3693, ALL_ONES, true, ALL_ONES, 0x995D_C9BB_DF19_39FA),
];

/// Other names that are in use.
const ALIASES: &[(&str, &str)] = &[
    ("CRC-8", "CRC-8/SMBUS"),
    ("CRC-8/ITU", "CRC-8/I-432-1"),
    ("CRC-8/MAXIM", "CRC-8/MAXIM-DOW"),
    ("DOW-CRC", "CRC-8/MAXIM-DOW"),
    ("CRC-8/AES", "CRC-8/TECH-3250"),
    ("CRC-8/EBU", "CRC-8/TECH-3250"),
    ("CRC-16", "CRC-16/ARC"),
    ("CRC-IBM", "CRC-16/ARC"),
    ("CRC-16/LHA", "CRC-16/ARC"),
    ("CRC-16/EPC", "CRC-16/GENIBUS"),
    ("CRC-16/EPC-C1G2", "CRC-16/GENIBUS"),
    ("CRC-16/DARC", "CRC-16/GENIBUS"),
    ("CRC-16/I-CODE", "CRC-16/GENIBUS"),
    ("CRC-16/CCITT-FALSE", "CRC-16/IBM-3740"),
    ("CRC-16/AUTOSAR", "CRC-16/IBM-3740"),
    ("CRC-16/X-25", "CRC-16/IBM-SDLC"),
    ("CRC-16/ISO-HDLC", "CRC-16/IBM-SDLC"),
    ("CRC-16/ISO-IEC-14443-3-B", "CRC-16/IBM-SDLC"),
    ("CRC-A", "CRC-16/ISO-IEC-14443-3-A"),
    ("CRC-B", "CRC-16/IBM-SDLC"),
    ("X-25", "CRC-16/IBM-SDLC"),
    ("KERMIT", "CRC-16/KERMIT"),
    ("CRC-16/CCITT", "CRC-16/KERMIT"),
    ("CRC-16/CCITT-TRUE", "CRC-16/KERMIT"),
    ("CRC-16/V-41-LSB", "CRC-16/KERMIT"),
    ("CRC-16/BLUETOOTH", "CRC-16/KERMIT"),
    ("CRC-CCITT", "CRC-16/KERMIT"),
    ("CRC-16/MAXIM", "CRC-16/MAXIM-DOW"),
    ("MODBUS", "CRC-16/MODBUS"),
    ("CRC-16/IEC-61158-2", "CRC-16/PROFIBUS"),
    ("CRC-16/AUG-CCITT", "CRC-16/SPI-FUJITSU"),
    ("CRC-16/BUYPASS", "CRC-16/UMTS"),
    ("CRC-16/VERIFONE", "CRC-16/UMTS"),
    ("XMODEM", "CRC-16/XMODEM"),
    ("ZMODEM", "CRC-16/XMODEM"),
    ("CRC-16/ACORN", "CRC-16/XMODEM"),
    ("CRC-16/LTE", "CRC-16/XMODEM"),
    ("CRC-16/V-41-MSB", "CRC-16/XMODEM"),
    ("CRC-24", "CRC-24/OPENPGP"),
    ("CRC-32", "CRC-32/ISO-HDLC"),
    ("CRC-32/ADCCP", "CRC-32/ISO-HDLC"),
    ("CRC-32/V-42", "CRC-32/ISO-HDLC"),
    ("CRC-32/XZ", "CRC-32/ISO-HDLC"),
    ("PKZIP", "CRC-32/ISO-HDLC"),
    ("CRC-32C", "CRC-32/ISCSI"),
    ("CRC-32/CASTAGNOLI", "CRC-32/ISCSI"),
    ("CRC-32D", "CRC-32/BASE91-D"),
    ("CRC-32Q", "CRC-32/AIXM"),
    ("CRC-32/POSIX", "CRC-32/CKSUM"),
    ("CKSUM", "CRC-32/CKSUM"),
    ("JAMCRC", "CRC-32/JAMCRC"),
    ("CRC-64", "CRC-64/ECMA-182"),
    ("CRC-64/GO-ECMA", "CRC-64/XZ"),
];

/// The CRC of this name, in any case.
///
/// # Errors
///
/// A sentence with the nearest name.
pub(crate) fn named(name: &str) -> Result<Crc, String> {
    let wanted = name.to_uppercase();
    let full = ALIASES.iter().find(|(alias, _)| *alias == wanted).map_or(wanted.as_str(), |(_, full)| full);
    if let Some(found) = CRCS.iter().find(|crc| crc.name == full) {
        return Ok(*found);
    }
    let names = CRCS.iter().map(|crc| crc.name).chain(ALIASES.iter().map(|(alias, _)| *alias));
    Err(match nearest(&wanted, names) {
        Some(near) => format!("no CRC is called `{name}`; did you mean `{near}`?"),
        None => format!(
            "no CRC is called `{name}`: names are those of the usual catalogue, such as `CRC-16/MODBUS`"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One bit after the other, as the definition has it.
    fn by_definition(crc: &Crc, bytes: &[u8]) -> u64 {
        let mask = u64::MAX >> (64 - crc.width);
        let mut register = crc.init;
        for byte in bytes {
            let byte = if crc.reflected { byte.reverse_bits() } else { *byte };
            for bit in (0..8).rev() {
                let high = register >> (crc.width - 1) & 1 ^ u64::from(byte >> bit & 1);
                register = (register << 1 ^ if high == 1 { crc.poly } else { 0 }) & mask;
            }
        }
        let out = if crc.reflected { register.reverse_bits() >> (64 - crc.width) } else { register };
        (out ^ crc.xorout) & mask
    }

    #[test]
    fn every_row_has_its_check_value() {
        for crc in CRCS {
            assert_eq!(by_definition(crc, b"123456789"), crc.check, "{}", crc.name);
        }
    }

    #[test]
    fn every_alias_leads_to_a_row() {
        for (alias, full) in ALIASES {
            assert_eq!(named(alias).map(|crc| crc.name), Ok(*full));
        }
        assert_eq!(named("crc-16/modbus").map(|crc| crc.check), Ok(0x4B37));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        assert_eq!(
            named("CRC-16/MODBUSS"),
            Err("no CRC is called `CRC-16/MODBUSS`; did you mean `CRC-16/MODBUS`?".into())
        );
    }
}
