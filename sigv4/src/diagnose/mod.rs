//! Diagnosis of a refused signature: what the server would have signed, compared with what was.
//!
//! Many services answer a wrong signature with the canonical request and the string to sign that
//! they expected. [`ServerView::parse`] reads such an answer,
//! [`Explanation::compare`](crate::Explanation::compare) names each [`Difference`], with its usual
//! cause and the cure.
//!
//! # Examples
//!
//! ```
//! use keyfob_sigv4::{Request, Signer, diagnose::{Part, ServerView}};
//! # use keyfob_sigv4::Credentials;
//! # let credentials = Credentials::new("AKIDEXAMPLE", "secret")?;
//!
//! let signer = Signer::s3("us-east-1")?;
//! let request = Request::new("GET", "https://examplebucket.s3.amazonaws.com/a%20b")?;
//! let ours = signer.explain(&request, &credentials, "20150830T123600Z".parse()?)?;
//!
//! let answer = "<Error><Code>SignatureDoesNotMatch</Code>\
//!     <CanonicalRequest>GET\n/a%2520b\n</CanonicalRequest></Error>";
//! let first = &ours.compare(&ServerView::parse(answer))[0];
//! assert_eq!(first.part(), &Part::Path);
//! assert_eq!((first.ours(), first.theirs()), ("/a%20b", "/a%2520b"));
//! assert!(first.cause().contains("encodes the path once more"));
//! # Ok::<(), keyfob_sigv4::Error>(())
//! ```

mod advice;
mod compare;
mod difference;
mod server_view;

pub use difference::{Difference, Part};
pub use server_view::ServerView;
