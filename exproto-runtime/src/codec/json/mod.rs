//! JSON: how decoded values leave the gateway and how downlinks come back.
//!
//! It stands in the codec because generated code implements both ways for
//! every type, whatever features the runtime was built with.
//!
//! | value | JSON |
//! |---|---|
//! | struct | object |
//! | list, array | array |
//! | variant with content | `{"variant_name": content}` |
//! | variant without content | `"variant_name"` |
//! | number with a scale | exact decimal of the physical value |
//! | bytes | lower-case hex text |
//! | `Option` | the value or `null` |

mod build;
mod fill;
mod node;
mod read;
mod shape;
mod write;

pub use build::{Base64, JsonObject};
pub use fill::{Fill, FillError, Object};
pub use node::Node;
pub use shape::{
    Entries, Entry, FillEntry, FillFlat, FillVariant, Flat, JsonKey, JsonKeys, Unseen, UnseenDefault,
    UnseenMissing, check_distinct, fill_map, no_entry, number_in, put_number, show_map, text_in,
};
pub use write::{JsonWriter, to_json};

#[cfg(feature = "cli")]
pub(crate) use read::is_json;
#[cfg(feature = "cli")]
pub(crate) use write::{write_hex, write_string};
