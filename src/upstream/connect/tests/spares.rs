//! Paid calls over HTTP/1.1.

use tokio::time::{advance, pause};

use super::*;

const FRESH: Reuse = Reuse::Fresh;

/// Makes one paid call; yields its connection.
async fn pay(upstream: &Upstream, connections: &Connections, peer: Option<Peer>) -> Peer {
    let serve = async {
        let mut peer = match peer {
            Some(peer) => peer,
            None => upstream.accepts().await,
        };
        peer.answers().await;
        peer
    };
    let (peer, body) = tokio::join!(serve, call(connections, FRESH, upstream.request("paid")));
    assert_eq!(body.expect("an answer"), "{}");
    peer
}

/// RT16: also where the upstream would keep it open.
#[tokio::test]
async fn a_paid_call_has_a_connection_of_its_own_opened_ahead() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    let mut peer = pay(&upstream, &connections, None).await;
    for _ in 0..3 {
        peer.is_left().await;
        let spare = upstream.accepts().await;
        settle().await;
        assert_eq!(connections.spares.len(), 1);
        peer = pay(&upstream, &connections, Some(spare)).await;
    }
    upstream.accepts().await;
    assert!(!upstream.is_wanted().await, "one at a time");
    assert_eq!(connections.kept.len(), 0, "none of them serves a free call");
}

#[tokio::test]
async fn a_spare_that_grows_old_is_closed_and_not_replaced() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    pay(&upstream, &connections, None).await;
    let mut spare = upstream.accepts().await;
    settle().await;
    pause();
    let age = upstream.settings.spare_age;
    advance(age.checked_sub(Duration::from_millis(1)).expect("longer")).await;
    settle().await;
    assert_eq!(connections.spares.len(), 1);
    advance(Duration::from_millis(2)).await;
    settle().await;
    assert_eq!(connections.spares.len(), 0);
    spare.is_left().await;
    assert!(!upstream.is_wanted().await);
}

#[tokio::test]
async fn a_spare_that_the_upstream_has_closed_is_not_used() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    pay(&upstream, &connections, None).await;
    for _ in 0..3 {
        drop(upstream.accepts().await);
        settle().await;
        pay(&upstream, &connections, None).await;
    }
}

/// RT03, RT16: a spare that dies as the call leaves is an outcome nobody knows.
#[tokio::test]
async fn a_paid_call_that_is_lost_on_a_spare_is_not_sent_again() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    pay(&upstream, &connections, None).await;
    let mut spare = upstream.accepts().await;
    settle().await;
    let serve = async {
        spare.is_asked().await;
        spare.resets();
    };
    let ((), answer) = tokio::join!(serve, call(&connections, FRESH, upstream.request("paid")));
    assert_eq!(answer.expect_err("lost"), Failure::Lost);
    // The next spare, of which nothing is wanted.
    let mut next = upstream.accepts().await;
    assert!(!upstream.is_wanted().await);
    drop(connections);
    next.is_left().await;
}

#[tokio::test]
async fn no_spare_is_opened_where_none_is_wanted() {
    let mut upstream = Upstream::new().await;
    upstream.settings.spare_connections = 0;
    let connections = upstream.connections();
    for _ in 0..3 {
        pay(&upstream, &connections, None).await;
        assert!(!upstream.is_wanted().await);
    }
}

#[tokio::test]
async fn calls_that_come_together_leave_as_many_spares_as_are_allowed() {
    let mut upstream = Upstream::new().await;
    upstream.settings.spare_connections = 2;
    let connections = upstream.connections();
    let serve = async {
        let (mut one, mut two, mut three) =
            (upstream.accepts().await, upstream.accepts().await, upstream.accepts().await);
        tokio::join!(one.answers(), two.answers(), three.answers());
    };
    let paid = || call(&connections, FRESH, upstream.request("paid"));
    let ((), one, two, three) = tokio::join!(serve, paid(), paid(), paid());
    assert!([one, two, three].iter().all(Result::is_ok));
    let _spares = (upstream.accepts().await, upstream.accepts().await);
    assert!(!upstream.is_wanted().await);
    assert_eq!(connections.spares.len(), 2);
}

/// A spare that cannot be had is nobody's failure.
#[tokio::test]
async fn a_spare_that_cannot_be_opened_goes_unnoticed() {
    let upstream = Upstream::new().await;
    let connections = upstream.connections();
    let request = upstream.request("paid");
    let serve = async {
        let mut peer = upstream.accepts().await;
        drop(upstream);
        peer.answers().await;
    };
    let ((), body) = tokio::join!(serve, call(&connections, FRESH, request));
    assert_eq!(body.expect("an answer"), "{}");
    settle().await;
    assert_eq!(connections.spares.len(), 0);
}
