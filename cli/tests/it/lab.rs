use std::{
    future,
    net::Ipv4Addr,
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};

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
    pub(crate) gate: Arc<Gate>,
}

/// Where a request stops.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// For ever, before it is carried out or after, at the request with this number.
    At { request: usize, is_after: bool },
    /// It is carried out, and half of its answer is sent.
    Cut { request: usize },
}

/// Stops a request on its way. The first one after it was closed has the number 0.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<GateState>);

#[derive(Debug, Default)]
struct GateState {
    count: usize,
    stop: Option<Stop>,
    is_reached: bool,
}

impl Gate {
    pub(crate) fn close(&self, stop: Stop) {
        let stop = Some(stop);
        *self.0.lock().unwrap() = GateState {
            stop,
            ..GateState::default()
        };
    }

    pub(crate) fn open(&self) {
        self.0.lock().unwrap().stop = None;
    }

    /// Waits until a request stops, and returns true, or until it is over.
    pub(crate) fn wait(&self, mut is_over: impl FnMut() -> bool) -> bool {
        loop {
            if self.0.lock().unwrap().is_reached {
                return true;
            }
            if is_over() {
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    async fn pass(&self, services: &Services, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        let stop = self.next();
        if let Some(Stop::At {
            is_after: false, ..
        }) = stop
        {
            self.hold().await;
        }
        let mut answer = services.answer(&head, &body, Timestamp::now());
        match stop {
            Some(Stop::At { .. }) => self.hold().await,
            Some(Stop::Cut { .. }) => {
                let body = answer.body_mut();
                *body = body.slice(..body.len() / 2);
            }
            None => {}
        }
        if let Some(Delay(delay)) = answer.extensions().get() {
            tokio::time::sleep(*delay).await;
        }
        answer
    }

    /// Counts a request, and returns whether it stops.
    fn next(&self) -> Option<Stop> {
        let mut state = self.0.lock().unwrap();
        let number = state.count;
        state.count += 1;
        state.stop.filter(|stop| match stop {
            Stop::At { request, .. } | Stop::Cut { request } => *request == number,
        })
    }

    async fn hold(&self) {
        self.0.lock().unwrap().is_reached = true;
        future::pending::<()>().await;
    }
}

impl Lab {
    /// Starts the services on a thread, which ends with the tests.
    pub(crate) fn start() -> Self {
        Self::with_key_of(Account::new(ACCOUNT).unwrap(), Timestamp::now())
    }

    /// Starts the services of an account, to which it adds the user with a key of this time.
    pub(crate) fn with_key_of(account: Account, created: Timestamp) -> Self {
        let account = Arc::new(account);
        let alice = account.add_access_key("alice", created).unwrap();
        let gate = Arc::new(Gate::default());
        let services = Arc::new(Services::new(Arc::clone(&account)));
        let (sender, receiver) = mpsc::channel();
        let answering = Arc::clone(&services);
        let passing = Arc::clone(&gate);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = Listener::builder()
                    .bind((Ipv4Addr::LOCALHOST, 0).into())
                    .start(move |request| {
                        let (gate, services) = (Arc::clone(&passing), Arc::clone(&answering));
                        async move { gate.pass(&services, request).await }
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
            gate,
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
