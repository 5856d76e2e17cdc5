//! The committed Rust code of the gRPC interfaces is what the `.proto` files
//! make.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::{env, fs};

const HEADER: &str = "\
// Generated from proto/exproto.proto by proto/tests/codegen.rs; not written by
// hand. After a change of the .proto file:
// EXPROTO_BLESS=1 cargo test -p exproto-proto --test codegen
";

/// Generates the code of one `.proto` file of this folder.
fn generate(file: &str, package: &str) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile([here.join(file)], [here]).unwrap();
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    tonic_prost_build::configure()
        .bytes(".")
        .emit_rerun_if_changed(false)
        .out_dir(&out)
        .compile_fds(descriptors)
        .unwrap();
    let code = fs::read_to_string(out.join(format!("{package}.rs"))).unwrap();
    format!("{HEADER}{code}")
}

#[test]
fn committed_code_is_up_to_date() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../exproto-runtime/src/exproto/pb/emqx_exproto_v1.rs");
    let generated = generate("exproto.proto", "emqx.exproto.v1");
    if env::var_os("EXPROTO_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &generated).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    // A checkout may have turned the line ends.
    let committed = committed.replace("\r\n", "\n");
    if let Some(line) = first_difference(&committed, &generated) {
        panic!(
            "exproto-runtime/src/exproto/pb/emqx_exproto_v1.rs is not what proto/exproto.proto \
             makes, from line {line} on; rewrite it with\n    \
             EXPROTO_BLESS=1 cargo test -p exproto-proto --test codegen"
        );
    }
}

fn first_difference(left: &str, right: &str) -> Option<usize> {
    if left == right {
        return None;
    }
    let same = left.lines().zip(right.lines()).take_while(|(l, r)| l == r).count();
    Some(same + 1)
}
