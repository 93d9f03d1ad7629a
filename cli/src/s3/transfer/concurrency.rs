use std::time::Duration;

/// How many requests there are at first.
const FIRST: u32 = 8;
/// How long work is measured at least before the number changes.
const WINDOW: Duration = Duration::from_millis(250);
/// How long a number is kept that more requests did not improve.
const REST: Duration = Duration::from_secs(5);
/// What a request is worth, in bytes, besides those that it moves.
const REQUEST: u64 = 64 << 10;

/// Looks for the number of requests at a time that gets most done.
///
/// It begins with a few, and doubles them as long as that is of use. Then it tries a quarter more
/// from time to time. More requests are of use if they get a fifth of what was hoped for: if twice
/// as many do 1.2 times as much in a second. Throttling is the concern of the pace of the requests,
/// which those on their way keep to.
///
/// It does not look at a clock, and does not wait.
#[derive(Debug)]
pub(super) struct Concurrency {
    max: u32,
    limit: u32,
    /// What was before the limit was raised, until it is known whether that was of use.
    before: Option<Before>,
    /// Whether it is still doubled. Later, a quarter is added.
    doubles: bool,
    /// Until when the limit is not raised.
    rests_until: Duration,
    window: Window,
}

#[derive(Clone, Copy, Debug)]
struct Before {
    limit: u32,
    /// Bytes in a thousand seconds.
    rate: u128,
}

/// What was done since some time.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    start: Duration,
    /// How many bytes had moved at its start.
    moved: u64,
    completed: u32,
    /// Whether there were as many requests as the limit allows.
    is_full: bool,
}

/// What is seen when a request has come to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// How many requests were on their way, with this one.
    pub(super) on_the_way: u32,
    /// How many bytes have moved since the start.
    pub(super) moved: u64,
    pub(super) now: Duration,
}

impl Concurrency {
    /// Creates one that allows 1 to `max` requests.
    pub(super) fn new(max: u32) -> Self {
        let max = max.max(1);
        Self {
            max,
            limit: FIRST.min(max),
            before: None,
            doubles: true,
            rests_until: Duration::ZERO,
            window: Window::default(),
        }
    }

    /// Returns how many requests may be on their way.
    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Takes note of a request that has come to its end.
    pub(super) fn on_end(&mut self, seen: Seen) {
        self.window.completed += 1;
        self.window.is_full |= seen.on_the_way >= self.limit;
        let time = seen.now.saturating_sub(self.window.start);
        if time < WINDOW || self.window.completed < self.limit {
            return;
        }
        // A limit that is not reached does not show what it allows.
        if self.window.is_full {
            let moved = seen.moved.saturating_sub(self.window.moved);
            let work = moved + u64::from(self.window.completed) * REQUEST;
            let rate = u128::from(work) * 1_000_000 / time.as_millis();
            self.judge(rate, seen.now);
        }
        self.begin_window(seen);
    }

    /// Decides by the work that was done in some time.
    fn judge(&mut self, rate: u128, now: Duration) {
        if let Some(before) = self.before.take() {
            let [limit, less] = [self.limit, before.limit].map(u128::from);
            if rate * 5 * less < before.rate * (4 * less + limit) {
                self.limit = before.limit;
                self.doubles = false;
                self.rests_until = now + REST;
                return;
            }
        }
        if now < self.rests_until || self.limit == self.max {
            return;
        }
        let limit = self.limit;
        self.before = Some(Before { limit, rate });
        let more = if self.doubles {
            limit
        } else {
            limit.div_ceil(4)
        };
        self.limit = limit.saturating_add(more).min(self.max);
    }

    fn begin_window(&mut self, seen: Seen) {
        self.window = Window {
            start: seen.now,
            moved: seen.moved,
            ..Window::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service that is simulated. More requests at a time than are of use wait for each other.
    struct Service {
        useful: u32,
        millis: u32,
        bytes: u64,
    }

    const SERVICE: Service = Service {
        useful: u32::MAX,
        millis: 30,
        bytes: 4096,
    };

    impl Service {
        /// Sends as many requests as are allowed, and returns how many were at the end of each
        /// second.
        fn run(&self, concurrency: &mut Concurrency, seconds: u64) -> Vec<u32> {
            let mut limits = Vec::new();
            let (mut now, mut moved) = (Duration::ZERO, 0);
            for second in 1..=seconds {
                while now < Duration::from_secs(second) {
                    let on_the_way = concurrency.limit();
                    now += Duration::from_millis(self.millis.into()) / on_the_way.min(self.useful);
                    moved += self.bytes;
                    concurrency.on_end(Seen {
                        on_the_way,
                        moved,
                        now,
                    });
                }
                limits.push(concurrency.limit());
            }
            limits
        }
    }

    #[test]
    fn it_doubles_as_long_as_that_is_of_use() {
        let mut concurrency = Concurrency::new(64);
        assert_eq!(concurrency.limit(), 8);
        assert_eq!(SERVICE.run(&mut concurrency, 2), [64, 64]);
    }

    #[test]
    fn it_goes_back_to_what_is_enough() {
        for millis in [1, 30, 2000] {
            let service = Service {
                useful: 16,
                millis,
                bytes: 8 << 20,
            };
            let mut concurrency = Concurrency::new(64);
            let limits = service.run(&mut concurrency, 60);
            let last = &limits[limits.len() - 20..];
            // Now and then it tries a quarter more.
            assert!(
                last.iter().all(|limit| [16, 20].contains(limit)),
                "{millis}: {limits:?}"
            );
            assert!(last.contains(&16), "{millis}: {limits:?}");
        }
    }

    #[test]
    fn it_stays_with_few_where_more_are_of_no_use() {
        let service = Service {
            useful: 1,
            ..SERVICE
        };
        let limits = service.run(&mut Concurrency::new(64), 20);
        // Now and then it tries a quarter more.
        assert!(
            limits.iter().all(|limit| [8, 10].contains(limit)),
            "{limits:?}"
        );
    }

    #[test]
    fn what_is_not_used_does_not_grow() {
        let mut concurrency = Concurrency::new(64);
        for second in 1..100 {
            concurrency.on_end(Seen {
                on_the_way: 3,
                moved: second << 20,
                now: Duration::from_secs(second),
            });
        }
        assert_eq!(concurrency.limit(), 8);
    }

    #[test]
    fn it_keeps_to_the_bounds() {
        for max in [0, 1, 2, 3, 8, 9, 1000, u32::MAX] {
            let mut concurrency = Concurrency::new(max);
            for limit in SERVICE.run(&mut concurrency, 3) {
                assert!((1..=max.max(1)).contains(&limit), "{max}: {limit}");
            }
        }
    }
}
