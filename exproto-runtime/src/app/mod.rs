//! The program around a gateway: its command line.

mod decode;
