use std::{
    future,
    net::Ipv4Addr,
    sync::{Arc, mpsc},
    thread,
};

use keyfob_imds::server::listen::Listener;
use keyfob_sigv4::{Credentials, Timestamp};
use keyfob_sts::server::{Account, Delay, Services};

use crate::keyfob::Home;

pub(crate) const ACCOUNT: &str = "123456789012";

/// The services of an account with the user alice, on a port of this machine.
pub(crate) struct Lab {
    pub(crate) account: Arc<Account>,
    pub(crate) services: Arc<Services>,
    pub(crate) alice: Credentials,
    pub(crate) url: String,
}

impl Lab {
    /// Starts the services on a thread, which ends with the tests.
    pub(crate) fn start() -> Self {
        let account = Arc::new(Account::new(ACCOUNT).unwrap());
        let alice = account.add_user("alice").unwrap();
        let services = Arc::new(Services::new(Arc::clone(&account)));
        let (sender, receiver) = mpsc::channel();
        let answering = Arc::clone(&services);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = Listener::builder()
                    .bind((Ipv4Addr::LOCALHOST, 0).into())
                    .start(move |request| {
                        let (head, body) = request.into_parts();
                        let answer = answering.answer(&head, &body, Timestamp::now());
                        async {
                            if let Some(Delay(delay)) = answer.extensions().get() {
                                tokio::time::sleep(*delay).await;
                            }
                            answer
                        }
                    })
                    .await
                    .unwrap();
                sender.send(listener.url()).unwrap();
                future::pending::<()>().await;
            });
        });
        let url = receiver.recv().unwrap();
        Self {
            account,
            services,
            alice,
            url,
        }
    }

    /// Returns a home whose profile `alice` has her key. It is the one in use.
    pub(crate) fn home(&self) -> Home {
        let (id, secret) = (self.alice.access_key_id(), self.alice.secret_access_key());
        let file = format!(
            "# mine\n[alice] # the key\naws_access_key_id = {id}\naws_secret_access_key = {}\n",
            secret.expose()
        );
        Home::new()
            .with("AWS_ENDPOINT_URL", &self.url)
            .with("AWS_REGION", "us-east-1")
            .with("AWS_PROFILE", "alice")
            .with_file("credentials", &file)
    }
}
