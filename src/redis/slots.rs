//! Which node of a cluster has which keys.

use std::sync::Arc;

use ::redis::Value;

use super::settings::Host;

const SLOTS: u16 = 16_384;

/// The slot of a key: CRC-16 (XMODEM) of its hash tag, else of the whole of it.
/// See the [cluster specification](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/).
pub(super) fn slot(key: &[u8]) -> u16 {
    let tag = tag(key).unwrap_or(key);
    let crc = tag.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
            let shifted = crc << 1;
            if crc & 0x8000 == 0 { shifted } else { shifted ^ 0x1021 }
        })
    });
    crc % SLOTS
}

/// What stands within the first braces, if anything does.
fn tag(key: &[u8]) -> Option<&[u8]> {
    let (_, rest) = key.split_at_checked(key.iter().position(|byte| *byte == b'{')? + 1)?;
    let (tag, _) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'}')?)?;
    (!tag.is_empty()).then_some(tag)
}

/// A range of slots and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) host: Host,
}

/// The answer to `CLUSTER SLOTS`; nothing where it is not one.
pub(super) fn ranges(answer: Value, answered: &Host) -> Option<Vec<Range>> {
    let Value::Array(entries) = answer else { return None };
    let mut ranges =
        entries.into_iter().map(|entry| range(entry, answered)).collect::<Option<Vec<_>>>()?;
    ranges.sort_by_key(|range| range.first);
    Some(ranges)
}

fn range(entry: Value, answered: &Host) -> Option<Range> {
    let Value::Array(fields) = entry else { return None };
    let mut fields = fields.into_iter();
    let (first, last) = (number(fields.next()?)?, number(fields.next()?)?);
    let Value::Array(master) = fields.next()? else { return None };
    let mut master = master.into_iter();
    let (name, port) = (master.next()?, number(master.next()?)?);
    let name = match name {
        Value::Nil => String::new(),
        Value::SimpleString(name) => name,
        Value::BulkString(name) => String::from_utf8(name).ok()?,
        _ => return None,
    };
    let is_sound = first <= last && last < SLOTS;
    is_sound.then(|| Range { first, last, host: Host::or_same(&name, port, answered) })
}

fn number(value: Value) -> Option<u16> {
    match value {
        Value::Int(number) => number.try_into().ok(),
        _ => None,
    }
}

/// Who has a slot.
pub(super) fn owner<N>(map: &[(Range, Arc<N>)], slot: u16) -> Option<Arc<N>> {
    let next = map.partition_point(|(range, _)| range.first <= slot);
    let (range, node) = map.get(next.checked_sub(1)?)?;
    (slot <= range.last).then(|| node.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"{user1000}.following"), slot(b"user1000"));
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
        assert_eq!(slot(b"foo{bar}{zap}"), slot(b"bar"));
        assert_ne!(slot(b"foo{}{bar}"), slot(b"bar"));
        assert_eq!(slot(b""), 0);
    }

    fn entry(first: i64, last: i64, name: Value, port: i64) -> Value {
        let id = Value::BulkString(b"id".to_vec());
        let master = Value::Array(vec![name, Value::Int(port), id]);
        Value::Array(vec![Value::Int(first), Value::Int(last), master])
    }

    #[test]
    fn a_map_of_slots_is_read_and_a_node_without_a_name_is_the_one_that_answered() {
        let here = Host::new("seed", 1);
        let named = Value::BulkString(b"10.0.0.2".to_vec());
        let answer =
            Value::Array(vec![entry(5461, 16383, named, 7001), entry(0, 5460, Value::Nil, 7000)]);
        let ranges = ranges(answer, &here).unwrap();
        let map: Vec<_> = ranges.into_iter().map(|r| (r.clone(), Arc::new(r.host))).collect();
        assert_eq!(owner(&map, 0).as_deref(), Some(&Host::new("seed", 7000)));
        assert_eq!(owner(&map, 5460).as_deref(), Some(&Host::new("seed", 7000)));
        assert_eq!(owner(&map, 5461).as_deref(), Some(&Host::new("10.0.0.2", 7001)));
        assert_eq!(owner(&map, 16383).as_deref(), Some(&Host::new("10.0.0.2", 7001)));
        assert_eq!(owner(&map[..1], 6000), None);
        assert_eq!(owner::<Host>(&[], 0), None);
    }

    #[test]
    fn a_map_that_is_none_is_refused() {
        let here = Host::new("seed", 1);
        let host = || Value::BulkString(b"a".to_vec());
        for answer in [
            Value::Nil,
            Value::Array(vec![Value::Int(1)]),
            Value::Array(vec![entry(5, 4, host(), 1)]),
            Value::Array(vec![entry(0, 16384, host(), 1)]),
            Value::Array(vec![entry(-1, 3, host(), 1)]),
            Value::Array(vec![entry(0, 3, host(), 70_000)]),
            Value::Array(vec![entry(0, 3, Value::Int(3), 1)]),
        ] {
            assert_eq!(ranges(answer.clone(), &here), None, "{answer:?}");
        }
    }
}
