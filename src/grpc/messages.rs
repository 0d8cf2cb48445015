//! The messages of a stream, one after the other: a flag, a length, and that many bytes.

use crate::rejection::{Reason, Rejection};

/// Follows the framing of a stream over chunks that know nothing of it, and holds each message to a
/// size. It keeps no bytes but the few of a prefix under way.
#[derive(Debug)]
pub(crate) struct Messages {
    most: u64,
    /// What has come of the prefix at hand.
    prefix: [u8; PREFIX],
    filled: usize,
    /// What is still to come of the message at hand.
    left: u64,
}

/// One byte for the flag, four for the length, in the order of the network.
const PREFIX: usize = 5;

impl Messages {
    /// Each of at most so many bytes, as they are on the wire.
    pub(crate) fn of_at_most(most: u64) -> Self {
        Self { most, prefix: [0; PREFIX], filled: 0, left: 0 }
    }

    /// The next piece of the stream. A message that is too large is refused by its prefix, before
    /// any of it is let through.
    pub(crate) fn chunk(&mut self, mut data: &[u8]) -> Result<(), Rejection> {
        while !data.is_empty() {
            if self.left > 0 {
                let part = usize::try_from(self.left).unwrap_or(usize::MAX).min(data.len());
                self.left -= part as u64;
                data = data.get(part..).unwrap_or_default();
                continue;
            }
            let mut bytes = data.iter();
            for (slot, byte) in self.prefix.iter_mut().skip(self.filled).zip(bytes.by_ref()) {
                *slot = *byte;
                self.filled += 1;
                if self.filled == 1 && *byte > 1 {
                    return Err(broken("a flag of 0 or 1 before every message")
                        .found(format!("a flag of {byte}")));
                }
            }
            data = bytes.as_slice();
            if self.filled == PREFIX {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), Rejection> {
        let [_, length @ ..] = self.prefix;
        self.filled = 0;
        self.left = u64::from(u32::from_be_bytes(length));
        if self.left <= self.most {
            return Ok(());
        }
        Err(Rejection::new(Reason::BodyTooLarge)
            .detail("a message is too large")
            .expected(format!("messages of at most {} bytes", self.most))
            .found(format!("one of {} bytes", self.left)))
    }

    /// The end of the stream.
    pub(crate) fn end(&self) -> Result<(), Rejection> {
        if self.filled == 0 && self.left == 0 {
            return Ok(());
        }
        Err(broken("a stream that ends after a message").found("one that ends within a message"))
    }
}

fn broken(expected: &'static str) -> Rejection {
    Rejection::new(Reason::BrokenBody)
        .detail("the messages cannot be told apart")
        .expected(expected)
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn message(flag: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![flag];
        bytes.extend((body.len() as u32).to_be_bytes());
        bytes.extend_from_slice(body);
        bytes
    }

    fn judge(stream: &[u8], cuts: &[usize], most: u64) -> Result<(), Reason> {
        let mut messages = Messages::of_at_most(most);
        let mut rest = stream;
        for cut in cuts {
            let (chunk, after) = rest.split_at((*cut).min(rest.len()));
            messages.chunk(chunk).map_err(|refusal| refusal.reason())?;
            rest = after;
        }
        messages.chunk(rest).and_then(|()| messages.end()).map_err(|refusal| refusal.reason())
    }

    proptest! {
        #[test]
        fn wherever_a_stream_is_cut_its_messages_are_told_apart_and_held_to_their_size(
            bodies in vec(vec(any::<u8>(), 0..40), 0..6),
            cuts in vec(0_usize..9, 0..40),
            most in 0_u64..45,
        ) {
            let stream = bodies.iter().flat_map(|body| message(1, body)).collect::<Vec<_>>();
            let too_large = bodies.iter().any(|body| body.len() as u64 > most);
            let expected = if too_large { Err(Reason::BodyTooLarge) } else { Ok(()) };
            prop_assert_eq!(judge(&stream, &cuts, most), expected);
        }

        #[test]
        fn a_stream_that_ends_within_a_message_or_has_another_flag_is_broken(
            body in vec(any::<u8>(), 0..40),
            lost in 1_usize..45,
            flag in 2_u8..,
            cuts in vec(0_usize..9, 0..9),
        ) {
            let whole = message(0, &body);
            let kept = whole.len().saturating_sub(lost);
            let cut_short = judge(&whole[..kept], &cuts, 100);
            prop_assert_eq!(cut_short, if kept == 0 { Ok(()) } else { Err(Reason::BrokenBody) });
            let flagged = [whole, message(flag, &body)].concat();
            prop_assert_eq!(judge(&flagged, &cuts, 100), Err(Reason::BrokenBody));
        }
    }

    #[test]
    fn a_message_is_refused_by_its_prefix_alone() {
        let mut messages = Messages::of_at_most(10);
        let refusal = messages.chunk(&[0, 0xff, 0xff, 0xff, 0xff]).unwrap_err();
        assert_eq!(refusal.private_found(), Some("one of 4294967295 bytes"));
    }
}
