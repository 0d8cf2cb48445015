use std::collections::HashMap;

use super::pattern::{Pattern, Segment};

/// Finds what was listed for a path, in time that the list bounds and not the path.
#[derive(Default)]
pub(super) struct Tree {
    fixed: HashMap<String, Tree>,
    parameters: Vec<(String, String, Tree)>,
    /// What is listed for whatever begins here.
    rest: Vec<usize>,
    /// What is listed for the path that ends here.
    ends: Vec<usize>,
}

impl Tree {
    pub(super) fn insert(&mut self, pattern: &Pattern, index: usize) {
        let mut node = self;
        for segment in &pattern.segments {
            node = match segment {
                Segment::Fixed(text) => node.fixed.entry(text.clone()).or_default(),
                Segment::Parameter(before, after) => node.parameter(before, after),
                Segment::Rest => return node.rest.push(index),
            };
        }
        node.ends.push(index);
    }

    fn parameter(&mut self, before: &str, after: &str) -> &mut Tree {
        let known = self.parameters.iter().position(|(b, a, _)| b == before && a == after);
        let index = known.unwrap_or_else(|| {
            self.parameters.push((before.to_owned(), after.to_owned(), Tree::default()));
            self.parameters.len() - 1
        });
        match self.parameters.get_mut(index) {
            Some((_, _, node)) => node,
            // It was found or pushed above.
            None => self.fixed.entry(String::new()).or_default(),
        }
    }

    /// The first of what is listed for a path that pleases, the most particular pattern first. A
    /// slash at the end makes no other path, and a rest has its own base.
    pub(super) fn find(&self, path: &str, pleases: &dyn Fn(usize) -> bool) -> Option<usize> {
        let path = path.strip_prefix('/').unwrap_or(path);
        self.descend(Some(path.strip_suffix('/').unwrap_or(path)), pleases)
    }

    fn descend(&self, path: Option<&str>, pleases: &dyn Fn(usize) -> bool) -> Option<usize> {
        let first = |list: &[usize]| list.iter().copied().find(|index| pleases(*index));
        let Some(path) = path else { return first(&self.ends).or_else(|| first(&self.rest)) };
        let (segment, behind) = match path.split_once('/') {
            Some((segment, behind)) => (segment, Some(behind)),
            None => (path, None),
        };
        let fixed = self.fixed.get(segment).and_then(|node| node.descend(behind, pleases));
        let by_parameter = || {
            let fitting = self.parameters.iter().filter(|(before, after, _)| {
                let value = segment.strip_prefix(&**before).and_then(|v| v.strip_suffix(&**after));
                value.is_some_and(|value| !value.is_empty())
            });
            fitting.into_iter().find_map(|(_, _, node)| node.descend(behind, pleases))
        };
        fixed.or_else(by_parameter).or_else(|| first(&self.rest))
    }
}
