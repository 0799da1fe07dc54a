//! Budgets with the date in hand, and in whatever order calls come and end.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;
use crate::config::secret::Sources;

const DAY: Duration = Duration::from_hours(24);

/// Budgets of the key "team", and of "other" by default.
fn budgets(team: &str, default: &str) -> Budgets {
    Budgets::new(&config(team, default))
}

fn config(team: &str, default: &str) -> Config {
    let text = format!(
        "[auth]\nmode = \"keys\"\n[auth.key_budget]\n{default}\n[auth.keys.team]\nenv = \"rg-key-of-the-team\"\n\
         budget = {{ {team} }}\n[auth.keys.other]\nenv = \"rg-key-of-another\"\n\
         [models.sora-2]\nprice_per_second = 0.1\n[models.sora-2-pro]\nprice_per_second = 0.3"
    );
    let file = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let sources = Sources { var: &|name| Some(name.to_owned()), file: &file };
    Config::parse(&text, Path::new(""), sources).unwrap_or_else(|error| panic!("{error}"))
}

/// Noon of a day in the middle of a month.
fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_262_400)
}

fn team() -> Arc<str> {
    "team".into()
}

fn cost(seconds: u32, price: f64) -> Cost {
    Cost { seconds: Some(seconds), price: Some(price) }
}

fn reserved(budgets: &Budgets, cost: Cost, now: SystemTime) -> Result<Charge, Rejection> {
    budgets.reserve(Some(&team()), cost, now).map(|reserved| reserved.keep().expect("a charge"))
}

fn over(wait: Duration) -> Result<Charge, Rejection> {
    Err(Rejection::OverBudget { wait })
}

fn used(budgets: &Budgets, now: SystemTime) -> Vec<(Unit, Period, f64)> {
    let standing = budgets.standing(now).into_iter().filter(|one| *one.key == *"team");
    standing.map(|one| (one.unit, one.period, one.used)).collect()
}

/// A name is changed without a budget's being new.
#[test]
fn what_was_used_under_a_former_name_counts_for_the_key_that_has_taken_it_over() {
    let budgets = budgets("day = { requests = 3 } }\nformerly = [\"old\"]\nquota = {", "");
    let used_by = |name: &str, requests| (Arc::from(name), Amount { requests, ..Amount::default() });
    let day = HashMap::from([used_by("old", 2), used_by("team", 1), used_by("stranger", 9)]);
    budgets.restore([&day, &day], noon());
    assert_eq!(reserved(&budgets, cost(8, 0.8), noon()), over(Duration::from_hours(12)));
    // A job fails that was ordered under the former name.
    let amount = Amount { requests: 1, ..Amount::default() };
    budgets.give_back(&Charge { key: "old".into(), amount, at: noon() });
    assert!(reserved(&budgets, cost(8, 0.8), noon()).is_ok());
}

#[test]
fn each_unit_of_each_window_is_a_limit_of_its_own() {
    let until_midnight = Duration::from_hours(12);
    for (limits, cost, passes) in [
        ("day = { requests = 3 }", cost(8, 0.8), 3),
        ("day = { seconds = 20 }", cost(8, 0.8), 2),
        ("day = { money = 2.4 }", cost(8, 0.8), 3),
        ("day = { requests = 9, seconds = 8, money = 100 }", cost(8, 0.8), 1),
        ("day = { requests = 0 }", cost(8, 0.8), 0),
    ] {
        let budgets = budgets(limits, "");
        for n in 0..passes {
            assert!(reserved(&budgets, cost, noon()).is_ok(), "{limits}: number {n}");
        }
        assert_eq!(reserved(&budgets, cost, noon()), over(until_midnight), "{limits}");
    }
}

#[test]
fn what_does_not_fit_takes_nothing_of_anything() {
    let budgets = budgets("day = { requests = 9, seconds = 10 }, month = { money = 1 }", "");
    assert!(reserved(&budgets, cost(4, 0.4), noon()).is_ok());
    for too_much in [cost(8, 0.1), cost(1, 0.7)] {
        assert!(reserved(&budgets, too_much, noon()).is_err());
    }
    let expected = [
        (Unit::Requests, Period::Day, 1.0),
        (Unit::Seconds, Period::Day, 4.0),
        (Unit::Money, Period::Month, 0.4),
    ];
    assert_eq!(used(&budgets, noon()), expected);
    assert!(reserved(&budgets, cost(6, 0.6), noon()).is_ok(), "to the last second and cent");
}

#[test]
fn a_new_day_and_a_new_month_begin_with_nothing_used() {
    let budgets = budgets("day = { requests = 2 }, month = { requests = 3 }", "");
    let half_a_day = DAY / 2;
    for _ in 0..2 {
        assert!(reserved(&budgets, cost(4, 0.4), noon()).is_ok());
    }
    let last_moment = noon() + half_a_day - Duration::from_millis(1);
    assert_eq!(reserved(&budgets, cost(4, 0.4), last_moment), over(Duration::from_millis(1)));
    let midnight = noon() + half_a_day;
    assert!(reserved(&budgets, cost(4, 0.4), midnight).is_ok());
    let Err(Rejection::OverBudget { wait }) = reserved(&budgets, cost(4, 0.4), midnight) else {
        panic!("the month is used up");
    };
    assert!(reserved(&budgets, cost(4, 0.4), midnight + wait - Duration::from_secs(1)).is_err());
    assert!(reserved(&budgets, cost(4, 0.4), midnight + wait).is_ok());
}

#[test]
fn a_clock_that_is_set_back_brings_nothing_back() {
    let budgets = budgets("day = { requests = 1 }", "");
    assert!(reserved(&budgets, cost(4, 0.4), noon()).is_ok());
    assert!(reserved(&budgets, cost(4, 0.4), noon() - DAY).is_err());
    assert!(reserved(&budgets, cost(4, 0.4), noon()).is_err());
}

#[test]
fn what_came_to_nothing_is_given_back_to_the_day_it_was_taken_from() {
    let budgets = budgets("day = { requests = 1 }, month = { requests = 9 }", "");
    drop(budgets.reserve(Some(&team()), cost(4, 0.4), noon()).expect("room"));
    let charge = reserved(&budgets, cost(4, 0.4), noon()).expect("what is dropped goes back");
    let tomorrow = noon() + DAY;
    assert!(reserved(&budgets, cost(4, 0.4), tomorrow).is_ok());
    budgets.give_back(&charge);
    assert!(reserved(&budgets, cost(4, 0.4), tomorrow).is_err(), "nothing was taken from this day");
    let month = (Unit::Requests, Period::Month, 1.0);
    assert_eq!(used(&budgets, tomorrow), [(Unit::Requests, Period::Day, 1.0), month], "but from this month");
}

#[test]
fn what_is_counted_and_not_known_is_refused() {
    let unknown = Cost { seconds: Some(4), price: None };
    let refused = reserved(&budgets("day = { money = 9 }", ""), unknown, noon());
    assert_eq!(refused, Err(Rejection::UnknownCost));
    assert_eq!(
        reserved(&budgets("month = { seconds = 9 }", ""), Cost::default(), noon()),
        Err(Rejection::UnknownCost)
    );
    assert!(reserved(&budgets("day = { requests = 9, seconds = 9 }", ""), unknown, noon()).is_ok());
}

#[test]
fn every_key_has_a_budget_of_its_own_and_nobody_else_has_any() {
    let budgets = budgets("", "day = { requests = 1 }");
    for key in ["team", "other"] {
        let reserve = || budgets.reserve(Some(&Arc::from(key)), cost(4, 0.4), noon()).map(Reserved::keep);
        assert!(reserve().is_ok() && reserve().is_err(), "{key}");
    }
    for nobody in [None, Some(&Arc::from("stranger"))] {
        assert_eq!(budgets.reserve(nobody, cost(4, 0.4), noon()).expect("no limit").keep(), None);
    }
}

/// A reload exchanges the limits, and what was used stays used; also by a key that had no budget until now.
#[test]
fn new_limits_count_what_was_used_under_the_old_ones() {
    let old = budgets("", "");
    assert!(old.is_empty());
    let charge = reserved(&old, cost(8, 0.8), noon()).expect("no limit");
    let new = old.carried_over(&config("day = { requests = 2, seconds = 12 }", ""));
    assert!(!new.is_empty());
    assert!(reserved(&new, cost(8, 0.8), noon()).is_err());
    // What began under the old ones ends under them.
    old.give_back(&charge);
    assert!(reserved(&new, cost(8, 0.8), noon()).is_ok());
    let lower = new.carried_over(&config("day = { requests = 1 }", ""));
    assert!(reserved(&lower, cost(8, 0.8), noon()).is_err());
}

#[test]
fn what_was_used_before_is_entered_once() {
    let amount = |requests| Amount { requests, seconds: 4 * requests, money: Money::of(0.4) };
    let used_by_team =
        |requests| HashMap::from([(team(), amount(requests)), (Arc::from("sha256:0123"), amount(7))]);
    let budgets = budgets("day = { requests = 3 }, month = { requests = 5 }", "");
    budgets.restore([&used_by_team(2), &used_by_team(4)], noon());
    assert!(reserved(&budgets, cost(4, 0.4), noon()).is_ok());
    assert!(reserved(&budgets, cost(4, 0.4), noon() + DAY).is_err(), "five of this month");
    budgets.restore([&used_by_team(0), &used_by_team(0)], noon());
    assert!(reserved(&budgets, cost(4, 0.4), noon()).is_err(), "what is known here is known better");
    assert_eq!(budgets.book.lock().len(), 2, "LM14: names that nobody configured are not kept");
}

#[test]
fn standings_tell_how_much_of_what_until_when() {
    let budgets = budgets("day = { money = 50 }, month = { seconds = 100 }", "");
    assert!(reserved(&budgets, cost(8, 0.8), noon()).is_ok());
    let midnight = noon() + DAY / 2;
    let standing = budgets.standing(noon());
    let day = BudgetStanding {
        key: team(),
        unit: Unit::Money,
        period: Period::Day,
        used: 0.8,
        limit: 50.0,
        resets_at: midnight,
    };
    assert_eq!((standing.first(), standing.len()), (Some(&day), 2));
    assert_eq!(
        used(&budgets, midnight),
        [(Unit::Money, Period::Day, 0.0), (Unit::Seconds, Period::Month, 8.0)]
    );
}

/// Somebody is told at 80 %, once for each day and month.
#[test]
fn little_left_is_told_once() {
    let budget = config("day = { requests = 5 }, month = { requests = 100 }", "").auth.keys[0].budget;
    let amount = cost(4, 0.4).amount();
    let mut account = Account::new(Amount::default(), Amount::default(), noon());
    let mut told = |now| account.reserve(amount, &budget, now).map(|nearly| nearly.len());
    assert_eq!([told(noon()), told(noon()), told(noon())], [Ok(0), Ok(0), Ok(0)]);
    assert_eq!([told(noon()), told(noon())], [Ok(1), Ok(0)]);
    let tomorrow: Vec<_> = (0..4).map(|_| told(noon() + DAY)).collect();
    assert_eq!(tomorrow, [Ok(0), Ok(0), Ok(0), Ok(1)]);
}

/// Whatever is reserved, kept, dropped and given back in whatever order, by several threads: never more than the
/// budget, and in the end just what was kept.
#[test]
fn however_calls_interleave_no_more_is_used_than_allowed() {
    for seed in 0..200 {
        let mut random = fastrand::Rng::with_seed(seed);
        let limits = (random.u64(1..20), random.u64(1..100), random.u64(1..1000));
        let (requests, seconds, cents) = limits;
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let money = cents as f64 / 100.0;
        let team = format!("day = {{ requests = {requests}, seconds = {seconds}, money = {money} }}");
        let budgets = budgets(&team, "");
        let (mut waiting, mut made) = (Vec::new(), Vec::<Charge>::new());
        for _ in 0..200 {
            match random.u8(..5) {
                0 | 1 => {
                    let cost = cost(random.u32(1..10), f64::from(random.u32(1..100)) / 100.0);
                    waiting.extend(budgets.reserve(Some(&self::team()), cost, noon()));
                }
                2 if !waiting.is_empty() => {
                    made.extend(waiting.swap_remove(random.usize(..waiting.len())).keep());
                }
                3 if !waiting.is_empty() => drop(waiting.swap_remove(random.usize(..waiting.len()))),
                4 if !made.is_empty() => budgets.give_back(&made.swap_remove(random.usize(..made.len()))),
                _ => {}
            }
            for one in budgets.standing(noon()) {
                assert!(*one.key != *"team" || one.used <= one.limit, "seed {seed}: {one:?}");
            }
        }
        drop(waiting);
        let sum = made.iter().fold(Amount::default(), |sum, charge| sum + charge.amount);
        let left = used(&budgets, noon());
        let expected = Unit::ALL.map(|unit| (unit, Period::Day, unit.shown(unit.of(&sum))));
        assert_eq!(left, expected, "seed {seed}");
    }
}

#[test]
fn threads_that_come_together_get_no_more_than_there_is() {
    let budgets = budgets("day = { requests = 50 }", "");
    let passed: usize = std::thread::scope(|scope| {
        let ask = || (0..40).filter(|_| reserved(&budgets, cost(4, 0.4), noon()).is_ok()).count();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(passed, 50);
}
