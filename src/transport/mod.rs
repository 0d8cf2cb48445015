//! The sanity of a request before anyone looks at who sent it.
