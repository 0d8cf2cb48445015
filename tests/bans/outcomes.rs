//! What throttles charge once it is known how a request ended.
