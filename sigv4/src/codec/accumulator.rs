use alloc::vec::Vec;

/// Collects input that comes in pieces of any length, until a part of it is complete.
#[derive(Default)]
pub(crate) struct Accumulator(Vec<u8>);

impl Accumulator {
    /// Appends input and consumes complete parts from the front.
    ///
    /// `consume` gets all bytes not yet consumed. It returns the length of the part that it
    /// consumed, or `None` if there is no complete part.
    pub(crate) fn feed<E>(
        &mut self,
        input: &[u8],
        consume: impl FnMut(&[u8]) -> Result<Option<usize>, E>,
    ) -> Result<(), E> {
        // Only what is incomplete is copied.
        if self.0.is_empty() {
            let consumed = consume_parts(input, consume)?;
            self.0.extend_from_slice(&input[consumed..]);
        } else {
            self.0.extend_from_slice(input);
            let consumed = consume_parts(&self.0, consume)?;
            self.0.drain(..consumed);
        }
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns the length of all complete parts at the front.
fn consume_parts<E>(
    bytes: &[u8],
    mut consume: impl FnMut(&[u8]) -> Result<Option<usize>, E>,
) -> Result<usize, E> {
    let mut consumed = 0;
    while let Some(length) = consume(&bytes[consumed..])? {
        consumed += length;
    }
    Ok(consumed)
}
