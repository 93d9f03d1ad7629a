use core::time::Duration;

/// Finds the rate of a service by itself, from what the service grants and what it throttles.
///
/// It needs no parameter. While a service throttles, the rate at which it grants requests *is* its
/// rate; so this limiter counts what is granted between two throttled answers, paces requests at
/// that rate, and probes gently for more. It knows a full bucket from a sustained rate, follows a
/// rate that falls or rises, and shares a rate fairly with other processes that do the same at
/// similar round trips. Use one for each thing that is throttled, such as an API or an S3 prefix.
///
/// 1. *Start.* It lets 8 requests be in flight, and for each request that is granted a quarter of a
///    request more: 1,000 requests to a service without a limit take about 17 round trips.
///    [`cautious`](ProbingLimiter::cautious) starts with 4 and a tenth, which wastes fewer requests
///    and takes about 34 round trips. Requests that are granted are never delayed by time, however
///    fast they are.
/// 2. *First throttling.* The bucket is empty. What the service still grants of the requests in
///    flight shows its rate; if that is fewer than 4, it sends one request in a round trip and
///    doubles, until it is throttled again.
/// 3. *Tracking.* The rate rises slowly from 30 % below the estimate to 30 % above it, in 1.5 s or
///    longer. The bucket of the service fills and empties meanwhile, so nothing is lost if it holds
///    the requests of a tenth of a second; of a service with a bucket of 1, it gets half to two
///    thirds. At throttling, the estimate is measured again. Without throttling, the rate goes on
///    to double each second, or in four round trips if they take longer.
///
/// While most is throttled, the rate falls to a request in two seconds, or to a sixteenth of the
/// known rate if that is less; when something is granted again, it goes on at a quarter of the
/// known rate.
///
/// It is made for throttling, and is no circuit breaker. But it does not make an outage worse and
/// worse: the rate doubles only while requests are granted and most are answered without a server
/// error; above about a quarter of errors it hardly does. When most are errors, or missing, for a
/// round trip or longer, it goes back to where it doubled from. So a service that breaks, or
/// answers an overload with a plain 503, gets a few times what it grants. The rate does not fall
/// below what was granted before, as a service would need that works off what its callers have
/// given up. In the start there is no pace: 8 requests are in flight, or 4, however fast they fail.
/// After it, at most twice those of the rate in a round trip are, and 8; one without an answer for
/// 10 s counts as lost.
///
/// It is made for token buckets, which is what AWS documents. A service that counts requests in
/// fixed windows, such as 100 in each second, throttles all or nothing. There it gets half to three
/// quarters of the rate and wastes up to a tenth of the requests: use a
/// [`RateLimit`](super::RateLimit) with a small burst.
///
/// Each throttled answer costs a request and is the only news there is, so a share of requests is
/// always wasted: about one in each 1.5 s, which is 1 % at 100 requests a second and more at lower
/// rates. Where the limit is documented and no other program uses it, a
/// [`RateLimit`](super::RateLimit) wastes none.
///
/// The estimate counts requests, whatever they cost. It neither waits nor reads a clock. Share it
/// in a `Shared<ProbingLimiter>`, which is a [`Limiter`](super::Limiter), or by key in a
/// `KeyedLimit`. It depends on its calls and their times alone, so a trace of them can be replayed.
///
/// ```
/// use core::time::Duration;
/// use keyfob_backoff::limit::ProbingLimiter;
///
/// let mut limiter = ProbingLimiter::new();
/// let millis = Duration::from_millis;
/// assert_eq!(limiter.acquire(millis(0)), Ok(()));
/// limiter.on_answer(true, millis(20));
/// // The service grants nothing at this rate, so the next request is sent a round trip later.
/// assert!(limiter.acquire(millis(20)).is_err());
/// assert_eq!(limiter.acquire(millis(41)), Ok(()));
/// ```
#[derive(Clone, Debug)]
pub struct ProbingLimiter {
    /// Requests that may be in flight more for each that is granted, in the start.
    gain: f64,
    /// The rate that it does not fall below.
    least: f64,
    /// Requests that may be in flight, in the start, and the fewest of them.
    window: f64,
    least_window: f64,
    phase: Phase,
    /// Counts of requests: sent, answered (or lost), and granted.
    sent: u64,
    answered: u64,
    granted: u64,
    reaction: Reaction,
    anchor: Anchor,
    /// The rate measured last and when. What is measured while much is throttled does not replace
    /// it, until it is forgotten.
    known: Option<(f64, f64)>,
    /// The rate at which it goes on after a stretch in which nothing is granted. Each attempt
    /// divides it.
    comeback: f64,
    faults: Excess,
    outage: Outage,
    throttles: Excess,
    round_trip: RoundTrip,
    pace: Pace,
    /// The latest time it was given, in seconds, that of the latest request or answer, and that of
    /// the latest grant.
    now: f64,
    heard: f64,
    heard_grant: f64,
    /// Whether the request that waits does so because too many are in flight.
    full: bool,
    started: bool,
}

/// Times are in seconds, and rates in requests per second.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Nothing was throttled yet.
    Start,
    /// After the first throttling: no request is sent until the answers to all of the first `sent`
    /// requests are there.
    Drain { sent: u64, since: f64, granted: u64 },
    /// The rate doubles from `rate` on, in each round trip.
    Search { rate: f64 },
    /// The rate rises from `center` × (1 − `swing`) to `center` × (1 + `swing`), `periods` times a
    /// second, and then doubles in each second, or in four round trips.
    Track {
        center: f64,
        swing: f64,
        periods: f64,
    },
}

/// The last reaction to throttling.
#[derive(Clone, Copy, Debug)]
struct Reaction {
    /// The number of requests sent until then. Their answers are no news.
    sent: u64,
    granted: u64,
    /// Whether nothing was granted since the reaction before.
    starved: bool,
}

/// A throttled answer from which on grants are counted.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    at: f64,
    granted: u64,
    /// How much of the time since was spent at the pace, and not idle.
    busy: f64,
}

/// How far answers of one kind outnumber grants lately: each counts 1, up to a few, and each grant
/// takes away a part. So they are many where they are more than a quarter of the answers.
#[derive(Clone, Copy, Debug)]
struct Excess {
    count: f64,
    are_many: bool,
}

impl Excess {
    const NONE: Self = Self {
        count: 0.0,
        are_many: false,
    };
    const MOST: f64 = 8.0;
    const MANY: f64 = 4.0;
    const GRANT: f64 = 1.0 / 3.0;
    /// A request that was given up says little: they are many where they are two thirds.
    const GIVEN_UP: f64 = 1.0 / 6.0;

    const fn add(&mut self, part: f64) {
        self.count = (self.count + part).min(Self::MOST);
        self.are_many |= self.count > Self::MANY;
    }

    const fn take(&mut self, part: f64) {
        self.count = (self.count - part).max(0.0);
        // Only once none are left, or a share near a quarter would be many and few in turn.
        self.are_many &= self.count > 0.0;
    }
}

/// How far faults outnumber grants lately, one for one, and since when.
#[derive(Clone, Copy, Debug)]
struct Outage {
    count: u32,
    since: f64,
}

impl Outage {
    const NONE: Self = Self {
        count: 0,
        since: 0.0,
    };
    const MOST: u32 = 16;

    const fn add(&mut self, now: f64) {
        if self.count == 0 {
            self.since = now;
        }
        if self.count < Self::MOST {
            self.count += 1;
        }
    }

    /// Returns true if it goes on for so long. Connections that are lost at once are none.
    const fn is_longer_than(self, time: f64, now: f64) -> bool {
        self.count == Self::MOST && now - self.since > time
    }
}

/// The time from a request to its answer, by one probe at a time.
#[derive(Clone, Copy, Debug)]
struct RoundTrip {
    mean: f64,
    /// Whether there was an answer yet.
    measured: bool,
    /// The number of the request, and when it was sent.
    probe: Option<(u64, f64)>,
}

/// How far the rate has come, and the bucket that requests are sent from.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// How far the rate has come since the last reaction: in doublings, and while tracking, in
    /// periods first.
    position: f64,
    /// The rate there.
    rate: f64,
    credit: f64,
    /// The wait of the request that waits; 0 if none does.
    promised: f64,
}

impl ProbingLimiter {
    /// Grants of this many requests are counted before they count as a rate.
    const GRANTS: u64 = 12;
    /// The same for the search, which ends sooner, and for what is in flight at first.
    const FIRST_GRANTS: u64 = 8;
    const IN_FLIGHT_GRANTS: u64 = 4;
    const MAX_SWING: f64 = 0.3;
    const PERIOD: f64 = 1.5;
    /// Below this rate the period is longer.
    const SLOW: f64 = 4.0;
    const MIN_RATE: f64 = 0.05;
    /// In so many seconds, half of the known rate is forgotten.
    const MEMORY: f64 = 300.0;
    /// While most is throttled, the rate falls to this or to a part of the known one.
    const LOOKING: f64 = 0.5;
    const LOOKING_PART: f64 = 1.0 / 16.0;
    /// When something is granted again, it goes on at this part of the known rate.
    const RETURN: f64 = 0.25;
    const MAX_RATE: f64 = 1e9;
    /// Timers are late by some milliseconds: so much of the time is made up for at once.
    const LATENESS: f64 = 0.01;
    /// A shortfall this small, in requests, is granted: waiting for it would spin.
    const GRACE: f64 = 1e-9;
    /// Before the first answer.
    const FIRST_ROUND_TRIP: f64 = 0.1;
    /// A request without an answer for so long is taken for lost.
    const LOST: f64 = 10.0;
    /// So many may be in flight, whatever the rate.
    const FEW: f64 = 8.0;
    /// A clock that steps back by more has been set.
    const CLOCK_SET: f64 = 1.0;
    /// After so long without a request, what was learned is of no use.
    #[cfg(feature = "std")]
    const FORGOTTEN: f64 = 300.0;

    /// Creates a limiter that starts with 8 requests in flight and adds a quarter of a request for
    /// each that is granted.
    ///
    /// Of a bucket of *B* requests, about *B* ÷ 4 are sent in vain when it is empty for the first
    /// time.
    #[must_use]
    pub const fn new() -> Self {
        Self::start(8.0, 0.25)
    }

    /// Creates a limiter that starts with 4 requests in flight and adds a tenth of a request for
    /// each that is granted.
    ///
    /// Of a bucket of *B* requests, about *B* ÷ 10 are sent in vain when it is empty for the first
    /// time. Where nothing is throttled, or answers take longer than 100 ms, it takes twice as long
    /// to come up to speed.
    #[must_use]
    pub const fn cautious() -> Self {
        Self::start(4.0, 0.1)
    }

    /// Sets the rate, in requests per second, that throttling does not bring it below, give or take
    /// 30 %: for a service that is known to grant more. A lower one would only find the end of a
    /// burst of throttling later. Default: 0.05, which is also the least, and stands for NaN.
    ///
    /// ```
    /// use core::time::Duration;
    /// use keyfob_backoff::limit::ProbingLimiter;
    ///
    /// let mut limiter = ProbingLimiter::new().at_least(20.0);
    /// let mut now = Duration::ZERO;
    /// for _ in 0..100 {
    ///     while let Err(wait) = limiter.acquire(now) {
    ///         now += wait;
    ///     }
    ///     now += Duration::from_millis(5);
    ///     limiter.on_answer(true, now);
    /// }
    /// assert!(limiter.rate() > 13.0);
    /// ```
    #[must_use]
    pub const fn at_least(mut self, rate: f64) -> Self {
        // `max` leaves NaN out.
        self.least = rate.max(Self::MIN_RATE).min(Self::MAX_RATE);
        self
    }

    const fn start(window: f64, gain: f64) -> Self {
        Self {
            gain,
            least: Self::MIN_RATE,
            window,
            least_window: window,
            phase: Phase::Start,
            sent: 0,
            answered: 0,
            granted: 0,
            reaction: Reaction {
                sent: 0,
                granted: 0,
                starved: false,
            },
            anchor: Anchor {
                at: 0.0,
                granted: 0,
                busy: 0.0,
            },
            known: None,
            comeback: 0.0,
            faults: Excess::NONE,
            outage: Outage::NONE,
            throttles: Excess::NONE,
            round_trip: RoundTrip {
                mean: Self::FIRST_ROUND_TRIP,
                measured: false,
                probe: None,
            },
            pace: Pace {
                position: 0.0,
                rate: 0.0,
                credit: 0.0,
                promised: 0.0,
            },
            now: 0.0,
            heard: 0.0,
            heard_grant: f64::NEG_INFINITY,
            full: false,
            started: false,
        }
    }

    /// Takes permission to send one request at `now`, the time since any fixed point.
    ///
    /// # Errors
    ///
    /// If the request must wait, returns how long to wait before asking again, at most 20 s. Ask
    /// sooner if [`on_answer`](ProbingLimiter::on_answer) returns true. Nothing was taken.
    pub fn acquire(&mut self, now: Duration) -> Result<(), Duration> {
        self.advance(now);
        let wait = self.wait();
        if wait > 0.0 {
            // Time with too many in flight tells nothing about the service, after the start.
            let is_idle = self.full && !matches!(self.phase, Phase::Start);
            self.pace.promised = if is_idle { 0.0 } else { wait };
            // Rounded up by a nanosecond, so that the permit is there after the wait.
            return Err(Duration::from_nanos((wait * 1e9) as u64 + 1));
        }
        self.pace.promised = 0.0;
        // In the start there is no pace.
        if !matches!(self.phase, Phase::Start) {
            self.pace.credit -= 1.0;
        }
        self.sent += 1;
        self.heard = self.now;
        if self.round_trip.probe.is_none() {
            self.round_trip.probe = Some((self.sent, self.now));
        }
        Ok(())
    }

    /// Learns from an answer, success or failure, that came at `now`. One that is not throttling
    /// counts as granted; for a 5xx there is [`on_fault`](ProbingLimiter::on_fault).
    ///
    /// Returns true if requests that wait may be sent sooner than they were told.
    pub fn on_answer(&mut self, throttled: bool, now: Duration) -> bool {
        self.advance(now);
        let in_flight = self.in_flight();
        self.sample_round_trip();
        self.count_answer();
        let mut sooner = false;
        if throttled {
            self.throttles.add(1.0);
            // One reaction in a round trip: what was sent before the last one is no news.
            if self.answered > self.reaction.sent {
                self.react();
            }
        } else {
            self.granted += 1;
            self.heard_grant = self.now;
            self.faults.take(Excess::GRANT);
            self.outage.count = self.outage.count.saturating_sub(1);
            self.throttles.take(Excess::GRANT);
            if self.reaction.starved {
                sooner = self.end_starvation();
            }
            // A window that is not used proves nothing about the service.
            let is_used = 2.0 * in_flight >= self.window;
            if matches!(self.phase, Phase::Start) && is_used && !self.faults.are_many {
                self.window += self.gain;
            }
        }
        self.settle() || sooner
    }

    /// Notes that a 5xx came at `now` that is not throttling. It counts as neither granted nor
    /// throttled, and the rate hardly doubles where more than about a quarter of the answers are
    /// such.
    ///
    /// Returns true if requests that wait may be sent sooner than they were told.
    pub fn on_fault(&mut self, now: Duration) -> bool {
        self.advance(now);
        self.sample_round_trip();
        self.count_fault();
        self.count_answer();
        self.settle()
    }

    /// Notes that a request got no answer because no connection was made, it broke, or a timeout
    /// ended it. For the growth of the rate it counts as a 5xx does.
    ///
    /// Returns true if requests that wait may be sent sooner than they were told.
    pub fn on_lost(&mut self) -> bool {
        self.count_fault();
        self.forget_one()
    }

    /// Forgets a request that was granted and was not sent, or was given up before its answer. That
    /// says little about the service: the rate doubles until two thirds are given up.
    ///
    /// Returns true if requests that wait may be sent sooner than they were told.
    pub fn on_unanswered(&mut self) -> bool {
        self.faults.add(Excess::GIVEN_UP);
        self.forget_one()
    }

    fn forget_one(&mut self) -> bool {
        if let Some((number, sent_at)) = &mut self.round_trip.probe
            && self.sent > self.answered
        {
            // It is unknown which request that was, so one answer more ends the probe.
            *number += 1;
            if *number > self.sent || self.now - *sent_at > Self::LOST / 2.0 {
                self.round_trip.probe = None;
            }
        }
        self.count_answer();
        self.settle()
    }

    /// Returns the rate of the service by the latest measurement, in requests per second; `None`
    /// before the first.
    #[must_use]
    pub const fn estimate(&self) -> Option<f64> {
        match self.phase {
            Phase::Track { center, .. } => Some(center),
            _ => None,
        }
    }

    /// Returns the rate at which it lets requests pass at the moment, in requests per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        match self.phase {
            Phase::Start => self.window / self.round_trip.mean,
            Phase::Drain { .. } => 1.0 / self.round_trip.mean,
            Phase::Search { .. } | Phase::Track { .. } => self.pace.rate,
        }
    }

    /// Returns true if a throttled request may be sent again as soon as this limiter lets it,
    /// without a delay of its own.
    ///
    /// That is from the first throttling on, except while the service grants nothing.
    #[must_use]
    pub const fn paces(&self) -> bool {
        !matches!(self.phase, Phase::Start) && !self.reaction.starved
    }

    /// Returns true if earlier requests no longer count, so that a new limiter would do as well.
    /// Those that got no answer for so long are lost.
    #[cfg(feature = "std")]
    pub(super) fn is_idle(&self, now: Duration) -> bool {
        now.as_secs_f64() - self.now > Self::FORGOTTEN
    }

    /// Returns the rate of the pace when it has come to `position`.
    fn rate_at(&self, position: f64) -> f64 {
        match self.phase {
            Phase::Search { rate } => rate * doubled(position),
            Phase::Track { center, swing, .. } if position < 1.0 => {
                center * (1.0 + swing * (2.0 * position - 1.0))
            }
            Phase::Track { center, swing, .. } => center * (1.0 + swing) * doubled(position - 1.0),
            Phase::Start | Phase::Drain { .. } => 0.0,
        }
    }

    fn in_flight(&self) -> f64 {
        self.sent.saturating_sub(self.answered) as f64
    }

    /// Moves the time, the pace and the bucket on to `now`.
    fn advance(&mut self, now: Duration) {
        // Twice as fast as `as_secs_f64`, which divides.
        let now = now.as_secs() as f64 + f64::from(now.subsec_nanos()) * 1e-9;
        if !self.started {
            self.started = true;
            self.now = now;
            self.heard = now;
        }
        if now + Self::CLOCK_SET < self.now {
            self.set_clock_back(now);
        }
        // A clock that runs backwards adds nothing and takes nothing.
        let passed = (now - self.now).max(0.0);
        self.now = self.now.max(now);
        // At low rates, grants come too rarely to make up for faults.
        self.faults.take(passed);
        if let Some((_, sent_at)) = self.round_trip.probe
            && self.now - sent_at > Self::LOST
        {
            self.forget_in_flight();
        }
        // Only time in which a request waited tells something about the service.
        let busy = passed.min(1.5 * self.pace.promised + 0.001);
        let busy = if self.pace.promised > 0.0 { busy } else { 0.0 };
        self.anchor.busy += busy;
        if let Phase::Search { .. } | Phase::Track { .. } = self.phase {
            let before = self.pace.rate;
            // Some requests in each doubling, or a slow service would be overrun. This is written
            // with few divisions, which take longest.
            let doublings = match self.phase {
                Phase::Track { periods, .. } if self.pace.position < 1.0 => periods,
                _ if !self.is_granting() => 0.0,
                Phase::Search { rate } => {
                    let most = rate.max(before / 4.0) / 2.0;
                    most.min(1.0 / self.round_trip.mean)
                }
                _ => (before / 4.0).min(1.0).min(0.25 / self.round_trip.mean),
            };
            self.pace.position += busy * doublings;
            self.pace.rate = self.rate_at(self.pace.position);
            let rate = (before + self.pace.rate) / 2.0;
            let most = (Self::LATENESS * rate).max(1.0);
            self.pace.credit = (self.pace.credit + passed * rate).min(most);
        }
    }

    /// Follows a clock that was ahead and is right again.
    const fn set_clock_back(&mut self, now: f64) {
        self.now = now;
        self.heard = now;
        self.heard_grant = self.heard_grant.min(now);
        if let Some((_, at)) = &mut self.known {
            *at = at.min(now);
        }
        self.round_trip.probe = None;
        if let Phase::Drain { since, .. } = &mut self.phase {
            *since = since.min(now);
        }
        self.set_anchor();
    }

    /// Returns true if a request was granted so lately, and so few were faults, that the rate may
    /// double.
    fn is_granting(&self) -> bool {
        if self.faults.are_many {
            return false;
        }
        let late = self.now - self.heard_grant - 2.0 * self.round_trip.mean;
        late * self.pace.rate <= 2.0
    }

    /// Returns how many requests may be in flight.
    fn most_in_flight(&self) -> f64 {
        match self.phase {
            Phase::Start => self.window,
            Phase::Drain { .. } => 0.0,
            Phase::Search { .. } | Phase::Track { .. } => {
                2.0 * self.pace.rate * self.round_trip.mean + Self::FEW
            }
        }
    }

    /// Returns how long the next request has to wait, in seconds.
    fn wait(&mut self) -> f64 {
        self.full = false;
        if let Phase::Drain { since, .. } = self.phase {
            let left = since + 2.0 * self.round_trip.mean - self.now;
            if left > 0.0 {
                return left;
            }
            self.end_drain();
        }
        if self.in_flight() >= self.most_in_flight() {
            // Answers end this wait. Without any, requests were lost.
            let left = self.heard + Self::LOST - self.now;
            if left > 0.0 {
                self.full = true;
                return left;
            }
            self.forget_in_flight();
        }
        match self.phase {
            Phase::Start | Phase::Drain { .. } => 0.0,
            Phase::Search { .. } | Phase::Track { .. } => {
                let short = 1.0 - self.pace.credit;
                if short <= Self::GRACE {
                    0.0
                } else {
                    (short / self.pace.rate).min(1.0 / Self::MIN_RATE)
                }
            }
        }
    }

    const fn forget_in_flight(&mut self) {
        self.answered = self.sent;
        self.round_trip.probe = None;
    }

    fn count_answer(&mut self) {
        self.heard = self.now;
        // There may be more answers than requests: of lost ones, or of some that did not ask.
        self.answered = (self.answered + 1).min(self.sent);
    }

    fn count_fault(&mut self) {
        self.faults.add(1.0);
        self.outage.add(self.now);
        if self.faults.are_many {
            self.window = (self.window - self.gain).max(self.least_window);
        }
        if self.outage.is_longer_than(self.round_trip.mean, self.now) {
            // To where it doubled from: what came after is unproved.
            let first = match self.phase {
                Phase::Track { .. } => 1.0,
                _ => 0.0,
            };
            self.pace.position = self.pace.position.min(first);
            self.pace.rate = self.rate_at(self.pace.position);
        }
    }

    /// Ends the probe if the coming answer is that to its request.
    fn sample_round_trip(&mut self) {
        if let Some((number, sent_at)) = self.round_trip.probe
            && self.answered + 1 >= number
        {
            let RoundTrip { mean, measured, .. } = self.round_trip;
            let sample = self.now - sent_at;
            let is_far_off = !measured || 4.0 * sample < mean;
            let weight = if is_far_off { 1.0 } else { 0.25 };
            self.round_trip = RoundTrip {
                mean: (mean + weight * (sample - mean)).clamp(1e-4, Self::LOST),
                measured: true,
                probe: None,
            };
        }
    }

    /// Ends the drain if all answers are there. Returns true if a request may be sent sooner than
    /// it was told.
    fn settle(&mut self) -> bool {
        match self.phase {
            Phase::Drain { sent, .. } if self.answered >= sent => {
                self.end_drain();
                true
            }
            Phase::Start => self.in_flight() < self.window,
            // It was told to wait for answers in the start.
            Phase::Drain { .. } => self.full,
            _ => self.full && self.in_flight() < self.most_in_flight(),
        }
    }

    fn end_drain(&mut self) {
        let Phase::Drain { since, granted, .. } = self.phase else {
            return;
        };
        let (time, granted) = (self.now - since, self.granted - granted);
        if granted >= Self::IN_FLIGHT_GRANTS && time > 0.0 {
            let measured = granted as f64 / time;
            self.remember(measured);
            self.track(measured);
        } else {
            self.search(1.0 / self.round_trip.mean.min(1.0));
        }
    }

    fn react(&mut self) {
        self.reaction = Reaction {
            sent: self.sent,
            granted: self.granted,
            starved: self.granted == self.reaction.granted,
        };
        match self.phase {
            Phase::Start => {
                self.set_anchor();
                self.phase = Phase::Drain {
                    sent: self.sent,
                    since: self.now,
                    granted: self.granted,
                };
            }
            Phase::Drain { .. } => {}
            Phase::Search { .. } => self.react_in_search(),
            Phase::Track { center, swing, .. } => self.react_in_track(center, swing),
        }
    }

    fn react_in_search(&mut self) {
        let rate = self.rate();
        let granted = self.granted - self.anchor.granted;
        if let Some(measured) = self.measured(Self::FIRST_GRANTS) {
            self.set_anchor();
            self.remember(measured);
            self.track(measured);
        } else if granted >= Self::FIRST_GRANTS {
            // There were idle times, so nothing was measured.
            self.set_anchor();
            self.track(rate / 2.0);
        } else {
            let rough = (granted as f64 + 0.5) / self.anchor.busy.max(1e-3);
            let next = rough.min(rate / 2.0).max(self.lowest());
            self.search(next);
        }
    }

    fn react_in_track(&mut self, center: f64, swing: f64) {
        let rate = self.rate();
        // The decrease depends on the rate of the moment, which brings processes that share a limit
        // to the same rate: the faster ones are throttled earlier in their rise.
        let mut next = rate / (1.0 + swing);
        if self.reaction.starved && rate * self.round_trip.mean > 1.0 {
            // The many of a long round trip are all in vain: a small decrease would take too long.
            next = rate / 2.0;
        }
        if let Some(measured) = self.measured(Self::GRANTS) {
            self.remember(measured);
            next = next.min(1.2 * measured);
            let fell = measured < 0.8 * center;
            let rose = rate > 1.3 * center;
            if fell || rose {
                next = measured;
            }
            self.set_anchor();
        } else if self.was_idle() || self.granted == self.anchor.granted {
            self.set_anchor();
        }
        self.track(next.max(self.lowest()));
    }

    /// Keeps a measured rate. While much is throttled, whatever the pace, it is not the rate of the
    /// service alone: others may use it up.
    fn remember(&mut self, measured: f64) {
        let is_sure = !self.throttles.are_many;
        if is_sure {
            self.comeback = Self::RETURN * measured;
        }
        if is_sure || self.known().is_none_or(|known| measured > known) {
            self.known = Some((measured, self.now));
        }
    }

    /// Returns what is left of the known rate.
    fn known(&self) -> Option<f64> {
        let (rate, at) = self.known?;
        Some(rate / doubled((self.now - at) / Self::MEMORY))
    }

    /// Returns the rate below which throttling does not bring it: a lower one only finds the end of
    /// the throttling later.
    fn lowest(&self) -> f64 {
        let part = self.known().map(|known| Self::LOOKING_PART * known);
        part.unwrap_or(Self::LOOKING).min(Self::LOOKING)
    }

    /// Goes back towards the known rate, as something is granted again. Returns true if that makes
    /// the rate higher.
    fn end_starvation(&mut self) -> bool {
        self.reaction.starved = false;
        let Phase::Track { center, .. } = self.phase else {
            return false;
        };
        let next = self.comeback;
        let is_higher = next > 2.0 * center;
        if is_higher {
            self.comeback = Self::RETURN * next;
            self.track(next);
        }
        is_higher
    }

    /// Returns the rate of grants since the anchor: at both times the bucket was empty, so it is
    /// the rate of the service, whatever the size of the bucket. `None` if there were too few, or
    /// idle times in which the bucket filled.
    fn measured(&self, least: u64) -> Option<f64> {
        let granted = self.granted - self.anchor.granted;
        let time = self.now - self.anchor.at;
        (granted >= least && time > 0.0 && !self.was_idle()).then(|| granted as f64 / time)
    }

    fn was_idle(&self) -> bool {
        self.anchor.busy < 0.9 * (self.now - self.anchor.at)
    }

    const fn set_anchor(&mut self) {
        self.anchor = Anchor {
            at: self.now,
            granted: self.granted,
            busy: 0.0,
        };
    }

    fn search(&mut self, rate: f64) {
        let rate = rate.clamp(self.least, Self::MAX_RATE);
        self.set_phase(Phase::Search { rate });
    }

    fn track(&mut self, center: f64) {
        let center = center.clamp(self.least, Self::MAX_RATE);
        let round_trip = self.round_trip.mean;
        // Throttling comes a round trip late: the more requests that are, the flatter the rise.
        let swing = Self::MAX_SWING / (1.0 + center * round_trip / 4.0);
        // (SLOW ÷ center) to the power of 3/4.
        let root = sqrt((Self::SLOW / center).max(1.0));
        let period = Self::PERIOD * root * sqrt(root);
        self.set_phase(Phase::Track {
            center,
            swing,
            periods: 1.0 / period.max(4.0 * round_trip),
        });
    }

    fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        self.pace = Pace {
            position: 0.0,
            rate: self.rate_at(0.0),
            credit: self.pace.credit.clamp(-1.0, 0.0),
            promised: self.pace.promised,
        };
    }
}

impl Default for ProbingLimiter {
    fn default() -> Self {
        Self::new()
    }
}

/// Returns 2 to the power of `x`, but on straight lines between the whole powers, as `f64::exp2` is
/// not in `core`; 2³¹ at most, and 1 if `x` is negative.
fn doubled(x: f64) -> f64 {
    let x = x.clamp(0.0, 31.0);
    let whole = x as u32;
    f64::from(1_u32 << whole) * (1.0 + x - f64::from(whole))
}

/// Returns the square root of a number from 1 on, as `f64::sqrt` is not in `core`.
fn sqrt(x: f64) -> f64 {
    // Halving the bits halves the exponent, which is a guess within a few percent.
    let mut root = f64::from_bits(x.to_bits() / 2 + (0x3FF0_0000_0000_0000 / 2));
    for _ in 0..4 {
        root = (root + x / root) / 2.0;
    }
    root
}
