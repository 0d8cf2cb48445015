use std::fmt;

use ::redis::{Cmd, cmd};

/// A Lua script that the server runs whole, and knows by its hash once it was loaded.
pub(crate) struct Script {
    inner: ::redis::Script,
    code: String,
}

impl Script {
    pub(crate) fn new(code: impl Into<String>) -> Self {
        let code = code.into();
        Self { inner: ::redis::Script::new(&code), code }
    }

    pub(super) fn hash(&self) -> &str {
        self.inner.get_hash()
    }

    pub(super) fn load(&self) -> Cmd {
        let mut load = cmd("SCRIPT");
        load.arg("LOAD").arg(&self.code);
        load
    }

    pub(super) fn call<K: AsRef<[u8]>>(&self, keys: &[K], args: &[Arg<'_>]) -> Cmd {
        let mut call = cmd("EVALSHA");
        call.arg(self.hash()).arg(keys.len());
        for key in keys {
            call.arg(key.as_ref());
        }
        for arg in args {
            match arg {
                Arg::Int(number) => call.arg(*number),
                Arg::Bytes(bytes) => call.arg(*bytes),
            };
        }
        call
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Script").field(&self.hash()).finish()
    }
}

/// An argument of a script.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arg<'a> {
    /// Lua counts in floats: exact up to 2⁵³.
    Int(i64),
    Bytes(&'a [u8]),
}
