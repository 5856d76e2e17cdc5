//! Mistakes that only show in the whole model. One function a rule.

use crate::ctxt::Ctxt;
use crate::ir::Model;

/// Runs all rules.
pub(crate) fn check(model: &Model, ctxt: &mut Ctxt) {
    let _ = (model, ctxt);
}
