pub(crate) mod assume_role;
pub(crate) mod assume_role_with_web_identity;
pub(crate) mod get_caller_identity;
pub(crate) mod get_session_token;
