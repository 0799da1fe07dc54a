//! What a paid call asks for: for whoever reads the ledger, for quotas by model, and for budgets.

use std::sync::Arc;

use crate::budget::Cost;
use crate::capability::Table;
use crate::capability::judgement::Judgement;
use crate::capability::model::Model;
use crate::ledger::operation::Operation;
use crate::ledger::record::Job;

/// What is asked for, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Order {
    /// The configured name of the model.
    pub(super) model: Option<Arc<str>>,
    /// The name by which the client ordered it, where it named one.
    pub(super) model_named: Option<Arc<str>>,
    /// Seconds of video that are made.
    pub(super) seconds: Option<u32>,
    pub(super) size: Option<String>,
    /// What they cost, in units of the currency.
    pub(super) price: Option<f64>,
}

impl Order {
    /// What a judged create asks for, as far as its model decides it where the request does not.
    pub(super) fn of(judgement: &Judgement) -> Self {
        let model = judgement.model.as_deref();
        let seconds = judgement.seconds.or(model.and_then(|model| model.default_seconds));
        let size = judgement.size.or(model.and_then(|model| model.default_size));
        let per_second = model.and_then(|model| model.price.at(size));
        Self {
            model: model.map(|model| Arc::clone(&model.name)),
            model_named: None,
            seconds,
            size: size.map(|size| size.to_string()),
            price: per_second.zip(seconds).map(|(price, seconds)| price * f64::from(seconds)),
        }
    }

    /// What an operation on a video asks for: as much of the same model as the job that made the video, or, of an
    /// extension, the `seconds` that are added. Without that job nothing of it is known.
    pub(super) fn again(
        operation: Operation,
        source: Option<&Job>,
        seconds: Option<u32>,
        table: &Table,
    ) -> Self {
        let makes_video = operation != Operation::Character;
        let Some(source) = source.filter(|_| makes_video) else {
            return Self { seconds: seconds.filter(|_| makes_video), ..Self::default() };
        };
        // An extended video is longer than what was paid for last; how long, no record says.
        let whole = source.operation != Operation::Extension;
        let seconds =
            if operation == Operation::Extension { seconds } else { source.cost.seconds.filter(|_| whole) };
        let model = source.model.as_deref().and_then(|name| table.configured(name));
        let now = model.and_then(|model| per_second(model, source)).zip(seconds);
        // The model may be gone, or its price. What the same cost then is what it costs.
        let then = source.cost.price.filter(|_| whole && operation != Operation::Extension);
        Self {
            model: model.map(|model| Arc::clone(&model.name)),
            model_named: source.model_named.clone(),
            seconds,
            size: source.size.clone(),
            price: now.map(|(price, seconds)| price * f64::from(seconds)).or(then),
        }
    }

    /// What a budget is charged for it. A character is not a video.
    pub(super) fn cost(&self, operation: Operation) -> Cost {
        match operation {
            Operation::Character => Cost { seconds: Some(0), price: Some(0.0) },
            Operation::Create | Operation::Remix | Operation::Edit | Operation::Extension => {
                Cost { seconds: self.seconds, price: self.price }
            }
        }
    }
}

fn per_second(model: &Model, source: &Job) -> Option<f64> {
    model.price.at(source.size.as_deref().and_then(|size| size.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Shared;
    use crate::capability::model::Price;
    use crate::capability::testing::model;
    use crate::ledger::Timestamp;
    use crate::ledger::record::JobStatus;

    fn table() -> Table {
        let sora = Model { price: Price::Flat(0.5), ..model("sora-2", &[4, 8]) };
        Table::new(vec![sora], None, Vec::new(), Shared::default())
    }

    fn job(operation: Operation, model: &str) -> Job {
        Job {
            id: "video_1".into(),
            upstream: "main".into(),
            model: Some(model.into()),
            model_named: None,
            client: "team".into(),
            since: Timestamp(0),
            status: JobStatus::Completed,
            operation,
            size: Some("1280x720".to_owned()),
            cost: Cost { seconds: Some(8), price: Some(2.0) },
        }
    }

    fn again(operation: Operation, source: Option<&Job>, seconds: Option<u32>) -> (Option<u32>, Option<f64>) {
        let order = Order::again(operation, source, seconds, &table());
        (order.seconds, order.price)
    }

    #[test]
    fn a_remix_is_as_long_as_its_source_at_todays_price() {
        let source = job(Operation::Create, "sora-2");
        for operation in [Operation::Remix, Operation::Edit] {
            assert_eq!(again(operation, Some(&source), None), (Some(8), Some(4.0)), "{operation:?}");
        }
        let order = Order::again(Operation::Remix, Some(&source), None, &table());
        assert_eq!((order.model.as_deref(), order.size.as_deref()), (Some("sora-2"), Some("1280x720")));
    }

    #[test]
    fn an_extension_is_paid_for_what_it_adds() {
        let source = job(Operation::Create, "sora-2");
        assert_eq!(again(Operation::Extension, Some(&source), Some(12)), (Some(12), Some(6.0)));
        assert_eq!(
            again(Operation::Extension, Some(&job(Operation::Extension, "sora-2")), Some(4)),
            (Some(4), Some(2.0))
        );
    }

    #[test]
    fn the_price_of_a_model_that_is_gone_is_what_it_was() {
        let source = job(Operation::Create, "sora-1");
        assert_eq!(again(Operation::Remix, Some(&source), None), (Some(8), Some(2.0)));
        assert_eq!(
            again(Operation::Extension, Some(&source), Some(4)),
            (Some(4), None),
            "nobody knows it by the second"
        );
        assert_eq!(Order::again(Operation::Remix, Some(&source), None, &table()).model, None);
    }

    #[test]
    fn what_nobody_knows_is_not_guessed() {
        assert_eq!(again(Operation::Remix, None, None), (None, None));
        assert_eq!(again(Operation::Extension, None, Some(4)), (Some(4), None));
        let extended = job(Operation::Extension, "sora-2");
        assert_eq!(
            again(Operation::Remix, Some(&extended), None),
            (None, None),
            "it is longer than its last part"
        );
    }

    #[test]
    fn a_character_costs_a_call_and_no_video() {
        let order =
            Order::again(Operation::Character, Some(&job(Operation::Create, "sora-2")), None, &table());
        assert_eq!(order, Order::default());
        assert_eq!(order.cost(Operation::Character), Cost { seconds: Some(0), price: Some(0.0) });
    }
}
