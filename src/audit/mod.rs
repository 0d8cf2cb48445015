//! One structured record per request.
