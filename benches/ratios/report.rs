//! The table.

use crate::measure::Effort;

/// What a row must show.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// Our time over the peer's, at most.
    Ratio(f64),
    /// The peer's time over ours, at least.
    Faster(f64),
    /// Our time, at most so many nanoseconds.
    Nanos(f64),
    /// Nothing: a row to read beside the others.
    None,
}

/// Prints rows as they are known.
pub(crate) struct Report {
    pub(crate) effort: Effort,
    missed: usize,
}

impl Report {
    pub(crate) fn new(effort: Effort) -> Self {
        Self { effort, missed: 0 }
    }

    pub(crate) fn open(&self) {
        let Effort { batches, requests } = self.effort;
        let signatures = self.effort.of_signatures();
        println!(
            "median of {batches} batches of {requests} requests a side, taken in turns; \
             {} of {} where each is a signature (*)",
            signatures.batches, signatures.requests
        );
        println!("times are nanoseconds a request\n");
        println!("{:<70} {:>9} {:>9} {:>8} {:>9}", "row", "ours", "peer", "ratio", "bar");
    }

    pub(crate) fn row(&mut self, name: &str, ours: f64, peer: f64, bar: Bar) {
        let ratio = ours / peer;
        let (ratio, bar, is_met) = match bar {
            Bar::Ratio(most) => (format!("{ratio:.2}"), format!("<= {most:.2}"), ratio <= most),
            Bar::Faster(least) => {
                let times = peer / ours;
                (format!("{times:.1} x"), format!(">= {least} x"), times >= least)
            }
            Bar::Nanos(most) => (format!("{ratio:.2}"), format!("<= {most:.0} ns"), ours <= most),
            Bar::None => (format!("{ratio:.2}"), "-".to_owned(), true),
        };
        let verdict = match (bar.as_str(), is_met) {
            ("-", _) => "",
            (_, true) => "ok",
            (_, false) => "MISS",
        };
        self.missed += usize::from(!is_met);
        println!("{name:<70} {ours:>9.0} {peer:>9.0} {ratio:>8} {bar:>9} {verdict}");
    }

    /// A row whose bar is a figure of ours, at most.
    pub(crate) fn figure(&mut self, name: &str, ours: f64, peer: f64, most: f64) {
        let verdict = if ours <= most { "ok" } else { "MISS" };
        self.missed += usize::from(ours > most);
        let bar = format!("<= {most:.0}");
        println!("{name:<70} {ours:>9.0} {peer:>9.0} {:>8} {bar:>9} {verdict}", "");
    }

    pub(crate) fn note(&self, text: &str) {
        println!("    {text}");
    }

    pub(crate) fn close(&self) {
        match self.missed {
            0 => println!("\nevery bar is met"),
            missed => println!("\n{missed} missed"),
        }
    }
}
