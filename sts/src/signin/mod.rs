//! AWS Sign-In: the credentials of a user who is signed in to the console, as `aws login` has them.
//!
//! | to | use |
//! |---|---|
//! | send the user to a browser | [`LoginUrl`] |
//! | trade the code that comes back for credentials | [`CreateOAuth2Token::authorization_code`] |
//! | refresh the credentials | [`LoginFile::refresh`] |
//! | read and write the file that all tools share | [`LoginFile`] |
//!
//! Each request proves that it has the key of the login ([`DpopKey`]). Send the calls with
//! [`Client::send_unsigned`](crate::Client), with a client for
//! [`Service::SIGNIN`](crate::call::Service::SIGNIN).

mod dpop;
mod login_file;
mod login_url;
mod token;

pub use self::{
    dpop::DpopKey,
    login_file::LoginFile,
    login_url::LoginUrl,
    token::{CreateOAuth2Token, LoginToken},
};
