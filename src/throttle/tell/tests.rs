use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_partition_is_written_as_the_library_writes_it(bytes: [u8; 8]) {
        let parameter = Partition(bytes).parameter();
        let expected = format!(";pk=:{}:", BASE64.encode(bytes));
        prop_assert_eq!(std::str::from_utf8(&parameter).unwrap(), expected);
    }

    #[test]
    fn what_refuses_is_tighter_than_what_admits(wait in 1_u64.., left: u64, other: u64) {
        let refused = Standing { wait, ..Standing::default() };
        let of = |remaining| Standing { remaining, admitted: true, ..Standing::default() };
        prop_assert!(rank(&refused) < rank(&of(left)));
        if left < other && other < 1 << 62 {
            prop_assert!(rank(&of(left)) < rank(&of(other)));
        }
    }
}

#[test]
fn the_longest_wait_is_the_tightest() {
    let waiting = |wait| Standing { wait, ..Standing::default() };
    assert!(rank(&waiting(9)) < rank(&waiting(3)));
}
