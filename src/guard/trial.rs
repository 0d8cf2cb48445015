use crate::{context::Context, rejection::Rejection};

use super::{Exchange, Flow};

/// Kept aside while a guard on trial judges: what it may write, and must not change.
pub(crate) struct Trial {
    name: &'static str,
    around: Option<&'static str>,
    context: Context,
    judged: bool,
}

impl Trial {
    pub(crate) fn begin(exchange: &mut Exchange, name: &'static str) -> Self {
        Self {
            name,
            around: exchange.trial.replace(name),
            context: exchange.context.clone(),
            judged: exchange.judged,
        }
    }

    /// All is as it was, but for a note of the verdict and the request's id, which is the same
    /// whoever asks for it first.
    pub(crate) fn end(self, exchange: &mut Exchange, verdict: Result<Flow, Rejection>) {
        let id = exchange.context.request_id.take();
        exchange.context = self.context;
        exchange.context.request_id = id;
        exchange.judged = self.judged;
        exchange.trial = self.around;
        exchange.remark(|| match &verdict {
            Ok(Flow::Respond(_)) => "on trial, would answer".into(),
            Ok(_) => "on trial".into(),
            Err(rejection) => format!("on trial, would refuse: {rejection}").into(),
        });
        match verdict {
            Ok(Flow::Respond(_)) => exchange.note("would-respond", self.name),
            Ok(_) => {}
            Err(rejection) => {
                let code = rejection.reason().code();
                exchange.note("would-reject", format!("{}: {code}", self.name));
            }
        }
    }
}
