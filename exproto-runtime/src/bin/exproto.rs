//! The program `exproto`: EMQX's side of ExProto, without a declared protocol.

fn main() -> std::process::ExitCode {
    exproto_runtime::app::exproto()
}
