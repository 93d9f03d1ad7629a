use super::Policy;
use crate::fault::{
    Failure, FailurePoint, Fault, FaultKind, classify, contains_code, is_throttling_code,
};
use crate::skew::ClockSkew;

/// The opt-ins of a policy, which add to the rule of [`classify`], and the marks of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    /// Replaces the rule of [`classify`] by that of the AWS SDKs.
    pub(super) sdk: bool,
    pub(super) connect: bool,
    pub(super) unanswered: bool,
    pub(super) clock_skew: bool,
    pub(super) non_idempotent: bool,
    pub(super) long_polling: bool,
    pub(super) idp_communication_error: bool,
    pub(super) codes: &'static [&'static str],
    pub(super) throttling_codes: &'static [&'static str],
}

impl Policy {
    /// Decides whether a failure is a fault: by [`classify`], and by the opt-ins of this policy.
    ///
    /// ```
    /// use keyfob_backoff::{Failure, FaultKind, Policy};
    ///
    /// let policy = Policy::aws().retry_connect_failures();
    /// let kind = |failure| policy.classify(&failure).map(|fault| fault.kind());
    /// assert_eq!(kind(Failure::connect()), Some(FaultKind::Connect));
    /// assert_eq!(kind(Failure::response(503)), Some(FaultKind::Server));
    /// assert_eq!(kind(Failure::response(404)), None);
    /// ```
    #[must_use]
    #[inline]
    pub fn classify(&self, failure: &Failure<'_>) -> Option<Fault> {
        if failure
            .code
            .is_some_and(|code| contains_code(self.rules.throttling_codes, code))
        {
            return Some(Fault::new(FaultKind::Throttling));
        }
        let strict = if self.rules.sdk {
            sdk_fault(failure)
        } else {
            classify(failure.status(), failure.code)
        };
        strict.or_else(|| self.rules.opted_in(failure).map(Fault::new))
    }

    /// Returns true if the call may be sent again after this fault. A call that must not happen
    /// twice may be, if the service did not act on it.
    pub(crate) const fn allows_resend(&self, fault: Fault) -> bool {
        // The service refused these without acting on them, or never got them.
        let never_acted_on = matches!(
            fault.kind(),
            FaultKind::Throttling | FaultKind::Connect | FaultKind::ClockSkew
        );
        never_acted_on || !self.rules.non_idempotent
    }
}

impl Rules {
    pub(super) const NONE: Self = Self {
        sdk: false,
        connect: false,
        unanswered: false,
        clock_skew: false,
        non_idempotent: false,
        long_polling: false,
        idp_communication_error: false,
        codes: &[],
        throttling_codes: &[],
    };

    fn opted_in(&self, failure: &Failure<'_>) -> Option<FaultKind> {
        match failure.point {
            FailurePoint::Connect => self.connect.then_some(FaultKind::Connect),
            FailurePoint::NoResponse => self.unanswered.then_some(FaultKind::NoResponse),
            FailurePoint::Timeout => self.unanswered.then_some(FaultKind::Timeout),
            FailurePoint::Local => None,
            FailurePoint::Response(_) => self.opted_in_code(failure),
        }
    }

    fn opted_in_code(&self, failure: &Failure<'_>) -> Option<FaultKind> {
        let code = failure.code?;
        if contains_code(self.codes, code)
            || (self.idp_communication_error && code == "IDPCommunicationError")
        {
            return Some(FaultKind::Code);
        }
        let refused_for_its_date = contains_code(&CLOCK_SKEW_CODES, code)
            && failure.skew.is_some_and(ClockSkew::is_significant);
        (self.clock_skew && refused_for_its_date).then_some(FaultKind::ClockSkew)
    }
}

/// The codes that a wrong date can cause. They have other causes too, so the measured skew decides.
const CLOCK_SKEW_CODES: [&str; 5] = [
    "AccessDeniedException",
    "AuthFailure",
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// Classifies a failure as the standard retry mode of the AWS SDKs does.
fn sdk_fault(failure: &Failure<'_>) -> Option<Fault> {
    let kind = match (failure.point, failure.code) {
        (_, Some(code)) if is_throttling_code(code) => FaultKind::Throttling,
        (_, Some("RequestTimeout" | "RequestTimeoutException")) => FaultKind::Code,
        (FailurePoint::Response(500 | 502 | 503 | 504), _) => FaultKind::Server,
        (FailurePoint::Connect, _) => FaultKind::Connect,
        (FailurePoint::NoResponse, _) => FaultKind::NoResponse,
        (FailurePoint::Timeout, _) => FaultKind::Timeout,
        _ => return None,
    };
    Some(Fault::new(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(policy: Policy, failure: Failure<'_>) -> Option<FaultKind> {
        policy.classify(&failure).map(Fault::kind)
    }

    #[test]
    fn nothing_but_faults_is_retried_unless_opted_in() {
        let aws = Policy::aws();
        for failure in [
            Failure::connect(),
            Failure::no_response(),
            Failure::timeout(),
            Failure::local(),
        ] {
            assert_eq!(kind(aws, failure), None, "{failure:?}");
        }
        assert_eq!(
            kind(aws.retry_connect_failures(), Failure::connect()),
            Some(FaultKind::Connect)
        );
        assert_eq!(
            kind(aws.retry_connect_failures(), Failure::no_response()),
            None
        );
        assert_eq!(
            kind(aws.retry_unanswered(), Failure::no_response()),
            Some(FaultKind::NoResponse)
        );
        assert_eq!(
            kind(aws.retry_unanswered(), Failure::timeout()),
            Some(FaultKind::Timeout)
        );
        assert_eq!(kind(aws.retry_unanswered(), Failure::connect()), None);
    }

    #[test]
    fn codes_are_opted_in_by_name() {
        let idp = Failure::response(400).with_code("IDPCommunicationError");
        assert_eq!(kind(Policy::aws(), idp), None);
        assert_eq!(
            kind(Policy::aws().retry_idp_communication_error(), idp),
            Some(FaultKind::Code)
        );
        assert_eq!(
            kind(Policy::aws().retry_codes(&["RequestTimeout"]), idp),
            None
        );
    }

    #[test]
    fn throttling_by_a_code_of_ones_own_has_the_delays_and_the_rights_of_throttling() {
        let own = Policy::aws()
            .throttling_codes(&["KMSThrottlingException"])
            .retry_codes(&["KMSThrottlingException"]);
        for policy in [own, own.sdk_rules(), own.non_idempotent()] {
            for status in [200, 400, 503] {
                for code in ["KMSThrottlingException", "kMSThrottlingException"] {
                    let failure = Failure::response(status).with_code(code);
                    let fault = policy.classify(&failure).unwrap();
                    assert_eq!(fault.kind(), FaultKind::Throttling, "{status} {code}");
                    assert_eq!(policy.bound(fault, 1).as_millis(), 1_000);
                    assert!(policy.allows_resend(fault));
                }
            }
        }
        let other = Failure::response(400).with_code("KMSDisabledException");
        assert_eq!(kind(own, other), None);
    }

    #[test]
    fn codes_that_are_opted_in_have_the_form_of_event_streams_too() {
        let policy = Policy::aws().retry_codes(&["ModelStreamErrorException", "Odd"]);
        let answer = |code| kind(policy, Failure::response(200).with_code(code));
        assert_eq!(answer("modelStreamErrorException"), Some(FaultKind::Code));
        assert_eq!(answer("odd"), None);
        let policy = Policy::aws().retry_codes(&["modelStreamErrorException"]);
        let answer = Failure::response(424).with_code("ModelStreamErrorException");
        assert_eq!(kind(policy, answer), Some(FaultKind::Code));
    }

    #[test]
    fn a_refused_date_is_a_fault_only_if_the_clocks_differ() {
        let policy = Policy::aws().retry_clock_skew();
        let refused = Failure::response(403).with_code("SignatureDoesNotMatch");
        let skewed = refused.with_skew(ClockSkew::from_millis(600_000));
        assert_eq!(kind(policy, skewed), Some(FaultKind::ClockSkew));
        assert_eq!(kind(policy, refused), None);
        assert_eq!(kind(Policy::aws(), skewed), None);
        assert_eq!(kind(policy, skewed.with_code("AccessDenied")), None);
    }

    #[test]
    fn the_sdk_rules_differ_where_they_say() {
        let sdk = Policy::aws().sdk_rules();
        for status in [501, 505, 599, 429, 408, 400] {
            assert_eq!(kind(sdk, Failure::response(status)), None, "{status}");
        }
        for status in [500, 502, 503, 504] {
            assert_eq!(
                kind(sdk, Failure::response(status)),
                Some(FaultKind::Server),
                "{status}"
            );
        }
        assert_eq!(
            kind(sdk, Failure::response(400).with_code("RequestTimeout")),
            Some(FaultKind::Code)
        );
        assert_eq!(kind(sdk, Failure::connect()), Some(FaultKind::Connect));
        assert_eq!(kind(sdk, Failure::timeout()), Some(FaultKind::Timeout));
        assert_eq!(kind(sdk, Failure::local()), None);
    }
}
