//! How far the walk over the elements of a list has come.

use super::Halt;
use super::walk::Walker;
use crate::codec::error::ErrorKind;
use crate::codec::schema::FieldInfo;

/// The most elements in a row of a list with numbers that read nothing.
const MAX_EMPTY: u16 = 256;

/// How far the walk over a list has come.
#[derive(Clone, Debug, Default)]
pub struct ListScan<S> {
    begun: bool,
    left: usize,
    /// The number of the element at hand, where something depends on it.
    index: usize,
    /// How many before it read nothing.
    empty: u16,
    /// Where that begins.
    from: usize,
    element: S,
}

impl<S: Default> ListScan<S> {
    /// Learns the number of elements, once.
    ///
    /// # Errors
    ///
    /// It has not come yet, or is none.
    #[inline]
    pub fn begin<'b>(
        &mut self,
        w: &mut Walker<'b>,
        count: impl FnOnce(&mut Walker<'b>) -> Result<usize, Halt>,
    ) -> Result<(), Halt> {
        if !self.begun {
            self.left = count(w)?;
            self.from = w.at();
            self.begun = true;
        }
        Ok(())
    }

    /// Skips elements of one size, however many.
    #[inline]
    pub fn skip(&mut self, w: &mut Walker<'_>, size: usize) {
        w.skip(self.left.saturating_mul(size));
        self.left = 0;
    }

    /// Walks over the elements.
    ///
    /// # Errors
    ///
    /// What `element` says; more bytes than a frame may have.
    #[inline]
    pub fn each<'b>(
        &mut self,
        w: &mut Walker<'b>,
        mut element: impl FnMut(&mut S, &mut Walker<'b>) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        while self.left > 0 {
            element(&mut self.element, w)?;
            self.element = S::default();
            if w.at() == self.from {
                // It read nothing, so the others will read nothing too.
                self.left = 0;
                break;
            }
            w.fits()?;
            self.from = w.at();
            self.left -= 1;
        }
        Ok(())
    }

    /// Walks over elements whose layout depends on their number, so that one may
    /// read nothing and the next something.
    ///
    /// # Errors
    ///
    /// What `element` says; more bytes than a frame may have; more than
    /// [`MAX_EMPTY`] elements in a row that read nothing, so that a large count costs
    /// little.
    #[inline]
    pub fn each_numbered<'b>(
        &mut self,
        w: &mut Walker<'b>,
        at: &'static FieldInfo,
        mut element: impl FnMut(&mut S, &mut Walker<'b>, usize) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        while self.left > 0 {
            element(&mut self.element, w, self.index)?;
            self.element = S::default();
            self.index += 1;
            self.left -= 1;
            self.empty = if w.at() == self.from { self.empty + 1 } else { 0 };
            if self.empty > MAX_EMPTY {
                return Err(w.bad(ErrorKind::TooLong, at));
            }
            w.fits()?;
            self.from = w.at();
        }
        Ok(())
    }
}
