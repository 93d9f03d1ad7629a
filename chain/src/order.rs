/// The order in which [`Chain::default_for`](crate::Chain::default_for) tries the providers.
///
/// Every order starts with the environment variables and ends with instance metadata. The orders
/// differ in two rules: whether a profile chosen by the program disables the keys in the
/// environment, and whether web identity from the environment comes before or after the profile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// The AWS CLI and boto3: `--profile` disables the keys in the environment; web identity comes
    /// before the profile.
    #[default]
    Cli,
    /// The AWS SDK for Java 1: the keys in the environment always count; web identity comes before
    /// the profile.
    JavaV1,
    /// The AWS SDK for Java 2: the same as [`JavaV1`](Self::JavaV1).
    JavaV2,
    /// The AWS SDK for Rust: the keys in the environment always count; web identity comes after the
    /// profile.
    Rust,
}

impl Order {
    /// Returns true if a profile may have any name, as in botocore. The parser that the SDKs share
    /// ignores a section whose name has other characters than letters, digits and `_-/.%@:+`.
    pub(crate) fn allows_any_name(self) -> bool {
        matches!(self, Self::Cli)
    }

    /// Returns true if `NAME = VALUE` that is indented right below a header is a property, as in
    /// botocore. The parser that the SDKs share refuses it.
    pub(crate) fn allows_indented_properties(self) -> bool {
        matches!(self, Self::Cli)
    }
}
