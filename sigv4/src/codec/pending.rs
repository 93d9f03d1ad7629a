use alloc::vec::Vec;

/// Bytes that come in pieces of any length, and are used in parts.
#[derive(Default)]
pub(crate) struct Pending(Vec<u8>);

impl Pending {
    /// Adds what has come. `take` gets what is there, uses a part at its front and tells how long that was, until there is no whole
    /// part.
    pub(crate) fn feed<E>(
        &mut self,
        input: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<Option<usize>, E>,
    ) -> Result<(), E> {
        self.0.extend_from_slice(input);
        let mut used = 0;
        while let Some(length) = take(&self.0[used..])? {
            used += length;
        }
        self.0.drain(..used);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
