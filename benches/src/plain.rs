//! The value of a frame, independent of who decoded it.

/// A decoded frame in the form in which peers are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Message id.
    pub id: u16,
    /// Bit 15 of the attributes.
    pub reserved: bool,
    /// Bits 10 to 12 of the attributes.
    pub encryption: u8,
    /// The protocol version of a 2019 header.
    pub version: Option<u8>,
    /// The packed digits of the phone number as received.
    pub phone: Vec<u8>,
    /// Serial number of the message.
    pub serial: u16,
    /// The location in the body.
    pub location: PlainLocation,
}

/// The body of a location report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainLocation {
    /// Alarm bits.
    pub alarm: u32,
    /// Status bits.
    pub status: u32,
    /// Latitude in millionths of a degree.
    pub latitude: u32,
    /// Longitude in millionths of a degree.
    pub longitude: u32,
    /// Altitude in metres.
    pub altitude: u16,
    /// Speed in tenths of a kilometre per hour.
    pub speed: u16,
    /// Course in degrees.
    pub course: u16,
    /// The packed digits of the time as received.
    pub time: [u8; 6],
    /// Additional items.
    pub items: Vec<PlainItem>,
    /// What follows the last whole item.
    pub tail: Vec<u8>,
}

/// An additional item of a location report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlainItem {
    /// 0x01, tenths of a kilometre.
    Mileage(u32),
    /// 0x02, tenths of a litre.
    Fuel(u16),
    /// 0x03, tenths of a kilometre per hour.
    RecorderSpeed(u16),
    /// 0x30.
    Signal(u8),
    /// 0x31.
    Satellites(u8),
    /// Any other item, or a known one of another length.
    Other {
        /// Its id.
        id: u8,
        /// Its bytes.
        data: Vec<u8>,
    },
}
