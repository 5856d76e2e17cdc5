//! The committed Rust code of the gRPC interfaces is what the `.proto` files
//! make.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::{env, fs};

/// A `.proto` file of this folder, its package, and where its code is kept.
struct Source {
    file: &'static str,
    package: &'static str,
    code: &'static str,
    /// Whether this project calls the services, and does not only serve them.
    client: bool,
}

const SOURCES: [Source; 4] = [
    Source {
        file: "exproto.proto",
        package: "emqx.exproto.v1",
        code: "exproto/pb/emqx_exproto_v1.rs",
        client: true,
    },
    Source {
        file: "exhook_v1.proto",
        package: "emqx.exhook.v1",
        code: "exhook/pb/emqx_exhook_v1.rs",
        client: false,
    },
    Source {
        file: "exhook_v2.proto",
        package: "emqx.exhook.v2",
        code: "exhook/pb/emqx_exhook_v2.rs",
        client: false,
    },
    Source {
        file: "exhook_v3.proto",
        package: "emqx.exhook.v3",
        code: "exhook/pb/emqx_exhook_v3.rs",
        client: false,
    },
];

/// Generates the code of one `.proto` file of this folder.
fn generate(source: &Source) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile([here.join(source.file)], [here]).unwrap();
    let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    tonic_prost_build::configure()
        .bytes(".")
        .btree_map(".")
        .build_client(source.client)
        .emit_rerun_if_changed(false)
        .out_dir(&out)
        .compile_fds(descriptors)
        .unwrap();
    let code = fs::read_to_string(out.join(format!("{}.rs", source.package))).unwrap();
    format!(
        "// Generated from proto/{} by proto/tests/codegen.rs; not written by\n\
         // hand. After a change of the .proto file:\n\
         // EXPROTO_BLESS=1 cargo test -p exproto-proto --test codegen\n\
         {code}",
        source.file
    )
}

/// What the reflection service tells of a `.proto` file.
fn descriptors(source: &Source) -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut compiler = protox::Compiler::new([here]).unwrap();
    compiler.include_imports(true).open_file(here.join(source.file)).unwrap();
    compiler.encode_file_descriptor_set()
}

#[test]
fn committed_descriptors_are_up_to_date() {
    for source in &SOURCES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../exproto-runtime/src")
            .join(source.code)
            .with_extension("bin");
        let generated = descriptors(source);
        if env::var_os("EXPROTO_BLESS").is_some() {
            fs::write(&path, &generated).unwrap();
        }
        let committed = fs::read(&path).unwrap_or_default();
        assert!(committed == generated, "{} is out of date: set EXPROTO_BLESS=1", path.display());
    }
}

#[test]
fn committed_code_is_up_to_date() {
    for source in &SOURCES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../exproto-runtime/src").join(source.code);
        let generated = generate(source);
        if env::var_os("EXPROTO_BLESS").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &generated).unwrap();
            continue;
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        // A checkout may have turned the line ends.
        let committed = committed.replace("\r\n", "\n");
        if let Some(line) = first_difference(&committed, &generated) {
            panic!(
                "exproto-runtime/src/{} is not what proto/{} makes, from line {line} on; rewrite it with\n    \
                 EXPROTO_BLESS=1 cargo test -p exproto-proto --test codegen",
                source.code, source.file
            );
        }
    }
}

fn first_difference(left: &str, right: &str) -> Option<usize> {
    if left == right {
        return None;
    }
    let same = left.lines().zip(right.lines()).take_while(|(l, r)| l == r).count();
    Some(same + 1)
}
