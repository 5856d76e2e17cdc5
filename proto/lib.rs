//! The `.proto` files and the check that the committed Rust code matches them.
