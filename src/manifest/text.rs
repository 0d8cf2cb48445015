//! The manifest as text, in columns.

use std::fmt;

use super::{Line, Manifest, Step, Who};

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "guards, in the order they run")?;
        write_steps(f, 2, &self.guards)?;
        match &self.routes {
            None => writeln!(f, "\nno routes: the guards alone say who may call")?,
            Some(lines) => {
                writeln!(f, "\nroutes, and who may call them")?;
                write_lines(f, lines)?;
            }
        }
        writeln!(f, "\nlimits, where a route has none of its own")?;
        writeln!(f, "  body at most {}", Bytes(self.body_limit_bytes))?;
        writeln!(f, "  body read within {} s", self.body_deadline_seconds)?;
        if let Some(deadline) = self.handler_deadline_seconds {
            writeln!(f, "  first byte of the answer within {deadline} s")?;
        }
        if let Some(idle) = self.idle_deadline_seconds {
            writeln!(f, "  streams stand still for {idle} s at most")?;
        }
        writeln!(f, "\nobservers: {}", self.observers)
    }
}

fn write_steps(f: &mut fmt::Formatter<'_>, indent: usize, steps: &[Step]) -> fmt::Result {
    let phases = widest(steps.iter().map(|step| &*step.phase));
    let names = widest(steps.iter().map(|step| step.name));
    for Step { phase, name, summary } in steps {
        let line = format!("{:indent$}{phase:phases$}  {name:names$}  {summary}", "");
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

fn write_lines(f: &mut fmt::Formatter<'_>, lines: &[Line]) -> fmt::Result {
    let rows: Vec<_> = lines.iter().map(|line| (methods(line), line)).collect();
    let methods = widest(rows.iter().map(|(methods, _)| &**methods));
    let patterns = widest(lines.iter().map(pattern));
    for (verbs, line) in rows {
        writeln!(f, "  {verbs:methods$}  {:patterns$}  {}", pattern(line), who(line))?;
        let indent = 4 + methods;
        if !line.covers.is_empty() {
            writeln!(f, "{:indent$}and {}", "", line.covers.join(", "))?;
        }
        if let Some(limit) = line.body_limit_bytes {
            writeln!(f, "{:indent$}body at most {}", "", Bytes(limit))?;
        }
        if let Some(deadline) = line.deadline_seconds {
            writeln!(f, "{:indent$}first byte of the answer within {deadline} s", "")?;
        }
        if let Some(idle) = line.idle_seconds {
            writeln!(f, "{:indent$}bodies stand still for {idle} s at most", "")?;
        }
        if let Some(pace) = line.pace_bytes_per_second {
            writeln!(f, "{:indent$}bodies arrive at {pace} bytes a second at least", "")?;
        }
        if line.encoded_slashes {
            writeln!(f, "{:indent$}encoded slashes are text", "")?;
        }
        if line.browser {
            writeln!(f, "{:indent$}browsers are sent on to https", "")?;
        }
        write_steps(f, indent, &line.guards)?;
    }
    Ok(())
}

fn methods(line: &Line) -> String {
    match line.methods.as_slice() {
        [] => "any".to_owned(),
        // A rule for all methods, where other rules took some of them.
        [.., last] if last == "*" => "others".to_owned(),
        methods => methods.join(","),
    }
}

fn pattern(line: &Line) -> &str {
    if line.listed { &line.pattern } else { "anything else" }
}

fn who(line: &Line) -> String {
    let requires = match line.requires.as_slice() {
        [] => String::new(),
        [only] => format!(" with {only}"),
        several => format!(" with ({})", several.join(") and (")),
    };
    match &line.access {
        Who::Public(reason) => format!("anyone: {reason}"),
        Who::Probe => "health probes".to_owned(),
        Who::Optional => format!("anyone, known or not{requires}"),
        Who::Authenticated if requires.is_empty() => "any authenticated caller".to_owned(),
        Who::Authenticated => format!("callers{requires}"),
    }
}

fn widest<'a>(column: impl Iterator<Item = &'a str>) -> usize {
    column.map(|text| text.chars().count()).max().unwrap_or_default()
}

/// A size as people write it, where it is a round one.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match units.into_iter().find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{} {name}", self.0 / unit),
            None => write!(f, "{} bytes", self.0),
        }
    }
}
