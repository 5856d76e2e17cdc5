//! Walking over elements that only the checksum behind them ends.

use super::{Check, Halt, Walker};
use crate::codec::check::Running;
use crate::codec::error::ErrorKind;

/// How far the walk over elements has come that end where the checksum behind
/// them fits.
#[derive(Clone, Debug, Default)]
pub struct SummedScan<S> {
    begun: bool,
    /// Where the element at hand begins.
    from: usize,
    /// Whether it is done, and the checksum is due.
    due: bool,
    sum: Running,
    /// Up to where that goes.
    summed: usize,
    element: S,
}

impl<S: Default> SummedScan<S> {
    /// Walks over the elements, at least one. Of `check`, `from` is where what
    /// it covers begins, `gap` the bytes between that and itself, and `tail` the
    /// bytes between the last element and itself.
    ///
    /// # Errors
    ///
    /// What `element` says; more bytes than a frame may have.
    #[inline]
    pub fn each<'b>(
        &mut self,
        w: &mut Walker<'b>,
        check: &Check,
        mut element: impl FnMut(&mut S, &mut Walker<'b>) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        if !self.begun {
            (self.begun, self.from, self.summed) = (true, w.at(), check.from);
        }
        loop {
            if !self.due {
                element(&mut self.element, w)?;
                self.element = S::default();
                if w.at() == self.from {
                    // It read nothing, so the others will read nothing too.
                    return Err(w.bad(ErrorKind::Length, check.at));
                }
                w.fits()?;
                self.due = true;
            }
            let at = w.at().saturating_add(check.tail);
            let sent = w.behind(at, check.width)?;
            let end = at.saturating_sub(check.gap);
            let bytes = w.covered(self.summed, end, check.at)?;
            self.sum = self.sum.and(check.algorithm, bytes);
            self.summed = end;
            let computed = self.sum.value(check.algorithm, check.width, check.digits);
            if check.number(sent) == Some(computed) {
                return Ok(());
            }
            (self.due, self.from) = (false, w.at());
        }
    }
}
