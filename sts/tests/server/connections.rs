//! How many connections calls need.

use std::sync::Arc;

use keyfob_imds::server::listen::ListenerCounters;
use keyfob_sts::{actions::GetCallerIdentity, server::Fault};
use tokio::{runtime::Builder, task::JoinSet};

use crate::{Lab, assume};

const CALLS: usize = 1000;

#[tokio::test]
async fn a_thousand_calls_in_a_row_use_one_connection_also_after_errors() {
    let lab = Lab::start().await;
    let client = lab.builder().build().unwrap();
    for number in 0..CALLS {
        match number % 100 {
            // Refused, a page of a gateway that passes, and an answer that cannot be read.
            30 => {
                let call = assume().unwrap().duration_seconds(43_200).unwrap();
                client.send(&call, &lab.alice).await.unwrap_err();
            }
            60 => lab.services.fail(Fault::HtmlPage, 1),
            90 => {
                lab.services.fail(Fault::Truncated, 1);
                let whoami = GetCallerIdentity::new();
                client.send(&whoami, &lab.alice).await.unwrap_err();
            }
            _ => (),
        }
        let whoami = GetCallerIdentity::new();
        client.send(&whoami, &lab.alice).await.unwrap();
    }
    let counters = lab.listener.counters();
    assert_eq!((counters.connections, counters.requests), (1, 1030));
}

/// An answer may be there a moment before its connection is free again, so that some more are
/// opened than there are calls at once.
#[test]
fn eight_calls_at_once_share_connections() {
    for mut runtime in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let runtime = runtime.enable_all().build().unwrap();
        let counters = runtime.block_on(eight_at_once());
        assert!(counters.connections <= CALLS as u64 / 10, "{counters:?}");
        assert_eq!(counters.requests, CALLS as u64);
    }
}

async fn eight_at_once() -> ListenerCounters {
    let lab = Arc::new(Lab::start().await);
    let client = lab.builder().build().unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (client, lab) = (client.clone(), Arc::clone(&lab));
        tasks.spawn(async move {
            for _ in 0..CALLS / 8 {
                let whoami = GetCallerIdentity::new();
                client.send(&whoami, &lab.alice).await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    lab.listener.counters()
}
