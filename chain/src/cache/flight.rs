use std::{collections::BTreeMap, mem, task::Waker};

/// Who asks for something that many tasks want, and who waits for the answer: a state without a
/// lock or a thread of its own.
///
/// One task has the lead. Those that wait have a seat, in which they find the answer. If the leader
/// gives up, all of them are woken, and the first takes the lead.
pub(super) struct Flight<T> {
    is_led: bool,
    /// By number.
    seats: BTreeMap<u64, Seat<T>>,
    next: u64,
}

/// The place of a task that waits.
pub(super) enum Seat<T> {
    Waits(Waker),
    Has(T),
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Self {
            is_led: false,
            seats: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<T: Clone> Flight<T> {
    /// Takes the lead, unless another task has it.
    pub(super) fn lead(&mut self) -> bool {
        !mem::replace(&mut self.is_led, true)
    }

    /// Ends the lead, with the answer or without one. The caller wakes the tasks that wait, without
    /// the lock.
    #[must_use]
    pub(super) fn end(&mut self, answer: Option<&T>) -> Vec<Waker> {
        self.is_led = false;
        let mut wakers = Vec::new();
        for seat in self.seats.values_mut() {
            let Seat::Waits(waker) = seat else { continue };
            match answer {
                None => wakers.push(waker.clone()),
                Some(answer) => {
                    if let Seat::Waits(waker) = mem::replace(seat, Seat::Has(answer.clone())) {
                        wakers.push(waker);
                    }
                }
            }
        }
        wakers
    }

    /// Waits in this seat, or in a new one. The caller drops what was there without the lock, as
    /// the waker of a task may be the last that holds the task.
    #[must_use]
    pub(super) fn wait(&mut self, number: &mut Option<u64>, waker: &Waker) -> Option<Seat<T>> {
        let number = *number.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        match self.seats.get(&number) {
            Some(Seat::Waits(old)) if old.will_wake(waker) => None,
            _ => self.seats.insert(number, Seat::Waits(waker.clone())),
        }
    }

    /// Returns the answer in a seat, if it has come.
    pub(super) fn answer(&self, number: Option<u64>) -> Option<T> {
        match self.seats.get(&number?)? {
            Seat::Has(answer) => Some(answer.clone()),
            Seat::Waits(_) => None,
        }
    }

    /// Gives up a seat. The caller drops what was there without the lock.
    #[must_use]
    pub(super) fn leave(&mut self, number: u64) -> Option<Seat<T>> {
        self.seats.remove(&number)
    }
}
