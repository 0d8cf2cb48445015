//! Who the client is, and which addresses may call.
