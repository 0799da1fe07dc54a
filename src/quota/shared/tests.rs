//! Shared buckets, over a real server, on the server's clock.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::config::Config;
use crate::config::secret::Sources;
use crate::metrics::Metrics;
use crate::quota::bucket::Refused;
use crate::quota::rate_limiter::Token;
use crate::quota::wait_budget::WaitBudget;
use crate::quota::{Asked, Class, Quotas};
use crate::redis_client::tests::RedisServer;
use crate::rejection::Rejection;

const SECOND: Duration = Duration::from_secs(1);
static SERVED: WaitBudget = WaitBudget { deadline: None, journey: None };

/// One of several gateways that share a server.
struct Sharing {
    quotas: Quotas,
    metrics: Metrics,
}

impl Sharing {
    fn new(server: &RedisServer, quota: &str, redis: &str) -> Self {
        // Only where it is the time-out that is tested may a busy machine be taken for a server that is away.
        let patience = if redis.contains("timeout") { "" } else { "timeout = \"3s\"" };
        let text = format!(
            "quota = {{ submit = {quota} }}\n[redis]\nurl = \"{}\"\nlimits = true\nprobe = \"50ms\"\n{patience}\n{redis}",
            server.url()
        );
        let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let config = Config::parse(&text, Path::new(""), Sources { var: &|_| None, file: &nothing });
        let config = config.unwrap_or_else(|error| panic!("{error}"));
        let metrics = Metrics::new().expect("metrics");
        Self { quotas: Quotas::new(&config, &metrics), metrics }
    }

    async fn take(&self) -> Result<Token, Refused> {
        let limit = self.quotas.global.of(Class::Submit).expect("a limit");
        limit.take(&SERVED).await
    }

    async fn spend(&self) -> bool {
        self.take().await.map(Token::commit).is_ok()
    }

    /// How many calls in a row pass.
    async fn spend_all(&self) -> u32 {
        let mut passed = 0;
        while self.spend().await {
            passed += 1;
        }
        passed
    }

    fn remaining(&self) -> u32 {
        let asked = Asked { class: Class::Submit, key: None, model: None, patience: &SERVED };
        self.quotas.standing(&asked).expect("a limit").remaining
    }

    /// Others look now and then what is left.
    async fn until_remaining(&self, number: u32) {
        let seen = timeout(20 * SECOND, async {
            while self.remaining() != number {
                sleep(Duration::from_millis(5)).await;
            }
        });
        seen.await.unwrap_or_else(|_| panic!("{} instead of {number}", self.remaining()));
    }

    fn is_up(&self) -> bool {
        let page = String::from_utf8(self.metrics.page(|_| ())).expect("UTF-8");
        page.contains("reelgate_redis_up 1")
    }

    async fn until_up(&self, up: bool) {
        let waited = timeout(20 * SECOND, async {
            while self.is_up() != up {
                sleep(Duration::from_millis(5)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("waited in vain for redis_up {up}"));
    }
}

/// LM08: of all gateways together.
#[tokio::test]
async fn gateways_that_share_a_limit_give_out_no_more_than_that() {
    let server = RedisServer::start();
    let sharing = [0, 1, 2].map(|_| Arc::new(Sharing::new(&server, "{ rate = \"100/h\" }", "")));
    let asking: Vec<_> = (0..300)
        .map(|number| {
            let one = Arc::clone(&sharing[number % 3]);
            tokio::spawn(async move { one.spend().await })
        })
        .collect();
    let mut passed = 0;
    for asked in asking {
        passed += u32::from(asked.await.expect("no panic"));
    }
    assert_eq!(passed, 100);
    let Err(Refused::Empty { wait, .. }) = sharing[0].take().await else { panic!("it is empty") };
    assert!(wait > 30 * SECOND && wait <= 36 * SECOND, "{wait:?}");
}

/// LM08: the burst, then the rate.
#[tokio::test]
async fn a_shared_bucket_refills_at_its_rate_and_may_be_waited_for() {
    let server = RedisServer::start();
    let one = Sharing::new(&server, "{ rate = \"20/s\", burst = 2, wait = \"5s\" }", "");
    let begun = Instant::now();
    for _ in 0..12 {
        assert!(one.spend().await);
    }
    let passed = begun.elapsed();
    assert!(passed >= Duration::from_millis(495) && passed < 3 * SECOND, "{passed:?}");
}

/// LM09
#[tokio::test]
async fn a_shared_token_comes_back_unless_it_is_committed() {
    let server = RedisServer::start();
    let (one, other) =
        (Sharing::new(&server, "{ rate = \"5/h\" }", ""), Sharing::new(&server, "{ rate = \"5/h\" }", ""));
    for _ in 0..20 {
        let mut held = Vec::new();
        for _ in 0..5 {
            held.push(one.take().await.expect("a token"));
        }
        assert!(other.take().await.is_err());
        fastrand::shuffle(&mut held);
        drop(held);
        // What one asks for after it has given back, it gets.
        drop(one.take().await.expect("a token"));
    }
    // A client that left before it was told got nothing.
    let limit = one.quotas.global.of(Class::Submit).expect("a limit");
    for _ in 0..20 {
        let _ = timeout(Duration::from_micros(50), limit.take(&SERVED)).await;
    }
    assert!(one.spend().await);
    assert_eq!(one.spend_all().await, 4);
}

#[tokio::test]
async fn what_is_left_is_told_as_far_as_it_is_known() {
    let server = RedisServer::start();
    let (one, other) =
        (Sharing::new(&server, "{ rate = \"10/h\" }", ""), Sharing::new(&server, "{ rate = \"10/h\" }", ""));
    assert!(one.spend().await && one.spend().await);
    assert_eq!(one.remaining(), 8);
    other.until_remaining(8).await;
}

/// LM12: down from the beginning, down while it serves; each gives out its part, and nothing above it.
#[tokio::test]
async fn while_the_server_is_down_each_gateway_gives_out_its_part() {
    let mut server = RedisServer::start();
    let lines = "replicas = 2";
    server.kill();
    let one = Sharing::new(&server, "{ rate = \"10/h\" }", lines);
    assert!(!one.is_up());
    assert_eq!(one.spend_all().await, 5);

    server.restart();
    one.until_up(true).await;
    let other = Sharing::new(&server, "{ rate = \"10/h\" }", lines);
    assert_eq!(other.spend_all().await, 5, "what was given out meanwhile was entered");
}

/// LM12: a bucket that changes hands stays as full as it was, also if the server forgets it.
#[tokio::test]
async fn kills_and_restarts_give_out_nothing_twice() {
    for remembers in [false, true] {
        let mut server = if remembers { RedisServer::durable() } else { RedisServer::start() };
        let sharing = [0, 1].map(|_| Sharing::new(&server, "{ rate = \"20/h\" }", "replicas = 2"));
        let mut passed = 0;
        for _ in 0..3 {
            for one in &sharing {
                passed += u32::from(one.spend().await);
            }
            for one in &sharing {
                one.until_remaining(20 - passed).await;
            }
            server.kill();
            for one in &sharing {
                // Whoever asks finds it out.
                passed += u32::from(one.spend().await);
                assert!(!one.is_up());
            }
            server.restart();
            for one in &sharing {
                one.until_up(true).await;
            }
        }
        assert_eq!(passed, 12);
        for one in &sharing {
            one.until_remaining(8).await;
        }
        for one in &sharing {
            passed += one.spend_all().await;
        }
        assert_eq!(passed, 20, "remembers: {remembers}");
    }
}

/// LM12: the other mode.
#[tokio::test]
async fn or_nobody_gets_anything_while_the_server_is_down() {
    let mut server = RedisServer::start();
    let one = Sharing::new(&server, "{ rate = \"10/h\" }", "on_failure = \"refuse\"");
    assert!(one.spend().await);
    server.kill();
    assert!(matches!(one.take().await, Err(Refused::Away)));
    let asked = Asked { class: Class::Submit, key: None, model: None, patience: &SERVED };
    assert_eq!(one.quotas.spend(&asked).await.err(), Some(Rejection::Overloaded));
}

/// LM13: a stall costs its time-out once, and nobody else anything; recovery is automatic.
#[tokio::test]
async fn a_server_that_is_stalled_costs_one_time_out_and_comes_back_by_itself() {
    let server = RedisServer::start();
    let one = Sharing::new(&server, "{ rate = \"1000/h\" }", "timeout = \"100ms\"\nreplicas = 2");
    assert!(one.spend().await);
    server.stall();
    let begun = Instant::now();
    assert!(one.spend().await);
    let first = begun.elapsed();
    assert!(first >= Duration::from_millis(100) && first < 5 * SECOND, "{first:?}");
    assert!(!one.is_up());
    let begun = Instant::now();
    for _ in 0..200 {
        assert!(one.spend().await);
    }
    // Twenty seconds, if each had waited.
    assert!(begun.elapsed() < 5 * SECOND, "{:?}: somebody waited", begun.elapsed());
    server.resume();
    one.until_up(true).await;
    assert!(one.spend().await);
}

/// Whatever is taken and given back at random: what is committed never exceeds the burst and what was refilled.
#[tokio::test]
async fn nothing_above_the_burst_is_ever_lent() {
    for seed in 0..20 {
        let server = RedisServer::start();
        let mut random = fastrand::Rng::with_seed(seed);
        let burst = NonZeroU32::new(random.u32(1..6)).expect("above zero");
        let one = Sharing::new(&server, &format!("{{ rate = \"100/s\", burst = {burst} }}"), "");
        let begun = Instant::now();
        let mut held = Vec::new();
        let mut kept = 0;
        for _ in 0..150 {
            match random.u8(0..10) {
                0..6 => held.extend(one.take().await.ok()),
                6..9 if !held.is_empty() => {
                    let token: Token = held.swap_remove(random.usize(..held.len()));
                    if random.bool() {
                        token.commit();
                        kept += 1;
                    }
                }
                _ => sleep(Duration::from_millis(random.u64(0..20))).await,
            }
        }
        let most = u128::from(burst.get()) + begun.elapsed().as_millis() / 10 + 1;
        assert!(kept <= most, "seed {seed}: {kept} of {most}");
    }
}
