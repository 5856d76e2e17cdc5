//! A device's side of a protocol without the standard library: a frame is
//! declared, written, found in a stream and read.
#![no_std]

extern crate alloc;

use alloc::vec::Vec;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Ascii, Deframer, Error, Item, List, Text, encode, to_json};

/// A report with a list, text and a checksum: what makes use of most of the
/// codec.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 128)]
#[wire(endian = big)]
pub struct Report<'a> {
    pub sensor: u8,
    #[wire(scale = 0.1, unit = "°C")]
    pub temperature: i16,
    #[wire(size = prefix(u8), as = Ascii)]
    pub name: Text<'a>,
    #[wire(rest, after(crc: u16 = crc("CRC-16/MODBUS", sensor..)))]
    pub pulses: List<'a, Pulse>,
}

/// An element of a report.
#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(endian = big)]
pub struct Pulse(pub u8, pub u16);

/// The bytes of a report on the wire.
///
/// # Errors
///
/// A value that does not fit its field.
pub fn write(report: &Report<'_>) -> Result<Vec<u8>, Error> {
    let mut wire = Vec::new();
    encode::<Report<'static>>(report, &mut wire)?;
    Ok(wire)
}

/// The reports of a stream as JSON, one behind the other.
pub fn read(mut stream: &[u8]) -> Vec<u8> {
    let (mut deframer, mut scratch, mut json) = (Deframer::<Report<'static>>::new(), Vec::new(), Vec::new());
    while let Some(item) = deframer.next(&mut stream, &mut scratch) {
        if let Item::Frame(raw) = item
            && let Ok(received) = raw.decode::<Report<'static>>()
        {
            to_json(&received.frame, &mut json);
        }
    }
    json
}

#[cfg(bare)]
mod bare {
    //! What the standard library would bring.

    use core::alloc::{GlobalAlloc, Layout};
    use core::panic::PanicInfo;
    use core::ptr::null_mut;

    struct Nothing;

    // SAFETY: no memory is ever given out.
    unsafe impl GlobalAlloc for Nothing {
        unsafe fn alloc(&self, _: Layout) -> *mut u8 {
            null_mut()
        }

        unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
    }

    #[global_allocator]
    static ALLOCATOR: Nothing = Nothing;

    #[panic_handler]
    fn panic(_: &PanicInfo<'_>) -> ! {
        loop {}
    }

    /// Keeps the codec in the library.
    #[unsafe(no_mangle)]
    pub extern "C" fn exproto_reads(byte: u8) -> usize {
        super::read(&[byte]).len()
    }
}
