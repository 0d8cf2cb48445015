//! What there is to say about how the crate was built: for release, with what is for tests.

use crate::inspect::{Findings, rule};

pub(super) fn findings(report: &mut Findings) {
    report.add(
        &rule::TESTING_IN_RELEASE,
        "features",
        "the feature `testing` is on, and debug assertions are off",
    );
}
