use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Method};

use crate::error::{ConfigError, Mistakes};

use super::{
    Cors,
    guard::Rules,
    origin::{Origin, Origins},
};

/// Builds [`Cors`]; see [`Cors::builder`].
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `build`"]
pub struct CorsBuilder {
    any: bool,
    origins: Vec<Origin>,
    methods: Names,
    headers: Names,
    exposed: Names,
    credentials: bool,
    private_network: bool,
    max_age: Option<Duration>,
    mistakes: Mistakes,
}

/// Names as they were given; `*` by a setter of its own.
#[derive(Clone, Debug, Default)]
struct Names {
    any: bool,
    list: Vec<String>,
}

/// How long browsers keep a preflight at most, Firefox the longest.
const MOST_AGE: Duration = Duration::from_secs(86_400);

impl CorsBuilder {
    /// The origins that may read: `https://app.example.com`, or `https://*.example.com`, where the
    /// star stands for one label. A default port may be left out; there is no path. The star must
    /// stand below a name of one's own: `https://*.com`, `https://*.co.uk` and
    /// `https://*.vercel.app` are refused, as far as a short list of such names goes.
    pub fn origins<T: AsRef<str>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        for text in origins {
            let text = text.as_ref();
            match Origin::parse(text) {
                Ok(origin) => self.origins.push(origin),
                Err(_) if text.trim() == "*" => {
                    self.mistakes.push("origins", text, EVERYTHING, "write `any_origin()`");
                }
                Err(problem) => self.mistakes.push(
                    "origins",
                    text,
                    problem,
                    "write it as `https://app.example.com` or `https://*.example.com`",
                ),
            }
        }
        self
    }

    /// Origins chosen one by one, as the browser sends them: those of a database, say. It is never
    /// asked about `null` or anything else that is not a scheme, a host and a port; what it does is
    /// done for every request with an `Origin`, so it must not wait.
    pub fn origin_if(mut self, choose: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.origins.push(Origin::Chosen(Arc::new(choose)));
        self
    }

    /// Any origin: for what is public anyway. Never together with [`credentials`](Self::credentials).
    pub fn any_origin(mut self) -> Self {
        self.any = true;
        self
    }

    /// The methods beside `GET`, `HEAD` and `POST`, which need no permission. In capitals, as
    /// browsers compare them letter by letter.
    pub fn methods<T: AsRef<str>>(mut self, methods: impl IntoIterator<Item = T>) -> Self {
        self.methods.list.extend(methods.into_iter().map(|text| text.as_ref().to_owned()));
        self
    }

    /// Any method. Never together with [`credentials`](Self::credentials).
    pub fn any_method(mut self) -> Self {
        self.methods.any = true;
        self
    }

    /// The request headers beside those that need no permission: `authorization`, `content-type`
    /// for JSON.
    pub fn headers<T: AsRef<str>>(mut self, headers: impl IntoIterator<Item = T>) -> Self {
        self.headers.list.extend(headers.into_iter().map(|text| text.as_ref().to_owned()));
        self
    }

    /// Any request header but `Authorization`, which has to be named even so (Fetch). Never together
    /// with [`credentials`](Self::credentials).
    pub fn any_header(mut self) -> Self {
        self.headers.any = true;
        self
    }

    /// The response headers that scripts may read beside the plainest: `ratelimit`, `x-request-id`.
    pub fn expose<T: AsRef<str>>(mut self, headers: impl IntoIterator<Item = T>) -> Self {
        self.exposed.list.extend(headers.into_iter().map(|text| text.as_ref().to_owned()));
        self
    }

    /// Any response header. Never together with [`credentials`](Self::credentials).
    pub fn expose_any(mut self) -> Self {
        self.exposed.any = true;
        self
    }

    /// Lets browsers send cookies and client certificates along, and scripts read the answer.
    ///
    /// Where [`Csrf`](crate::transport::Csrf) guards the cookies, it has to trust the same origins.
    pub fn credentials(mut self) -> Self {
        self.credentials = true;
        self
    }

    /// Lets pages of the public internet call into a private network (Private Network Access).
    pub fn private_network(mut self) -> Self {
        self.private_network = true;
        self
    }

    /// How long a browser may keep the answer to a preflight, in whole seconds, at most a day.
    /// Default: not said, which browsers take for five seconds.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// What weakens the policy.
    pub fn dangerous(self) -> DangerousCorsBuilder {
        DangerousCorsBuilder(self)
    }

    /// The guard.
    ///
    /// # Errors
    /// Origins, methods or headers that cannot be read; a policy without an origin; any origin, any
    /// method, any header or any exposed header together with credentials; `*` for a name; a method
    /// that browsers would not recognise; an age of more than a day.
    pub fn build(mut self) -> Result<Cors, ConfigError> {
        let mut mistakes = std::mem::take(&mut self.mistakes);
        self.check_wildcards(&mut mistakes);
        if let Some(age) = self.max_age.filter(|age| *age > MOST_AGE) {
            let remedy = "write a day or less";
            mistakes.push("max_age", format!("{age:?}"), "is longer than browsers keep it", remedy);
        }
        let header = |text: &str| Some(text.parse::<HeaderName>().ok()?.as_str().to_owned());
        let methods = self.methods.value(("methods", "any_method"), &mut mistakes, |text| {
            Some(text.parse::<Method>().ok()?.as_str().to_owned())
        });
        let headers = self.headers.value(("headers", "any_header"), &mut mistakes, header);
        let exposed = self.exposed.value(("expose", "expose_any"), &mut mistakes, header);
        self.methods.refuse_small(&mut mistakes);
        mistakes.finish()?;
        let origins = if self.any { Origins::Any } else { Origins::Some(self.origins) };
        Ok(Cors(Arc::new(Rules {
            origins,
            credentials: self.credentials,
            private_network: self.private_network,
            methods,
            headers,
            exposed,
            max_age: self.max_age.map(|age| HeaderValue::from(age.as_secs())),
        })))
    }

    fn check_wildcards(&self, mistakes: &mut Mistakes) {
        if !self.any && self.origins.is_empty() && mistakes.is_empty() {
            let remedy = "name one, `https://app.example.com`, or leave the policy out";
            mistakes.push("origins", "", "no origin is part of the policy", remedy);
        }
        if self.any && !self.origins.is_empty() {
            let remedy = "leave `any_origin` out, or the others";
            mistakes.push("any_origin", "", "stands beside origins that are named", remedy);
        }
        let wildcards = [
            ("any_origin", self.any),
            ("any_method", self.methods.any),
            ("any_header", self.headers.any),
            ("expose_any", self.exposed.any),
        ];
        for (setter, _) in wildcards.into_iter().filter(|(_, any)| *any && self.credentials) {
            let problem = "stands beside `credentials`, where browsers refuse a wildcard";
            mistakes.push(setter, "", problem, "name what is meant");
        }
    }
}

impl Names {
    fn value(
        &self,
        (setter, wildcard): (&'static str, &str),
        mistakes: &mut Mistakes,
        read: impl Fn(&str) -> Option<String>,
    ) -> Option<HeaderValue> {
        let mut names: Vec<String> = self.any.then(|| "*".to_owned()).into_iter().collect();
        for text in &self.list {
            match read(text) {
                // It is a token, and so could pass for a name.
                Some(name) if name == "*" => {
                    mistakes.push(setter, text, EVERYTHING, format!("write `{wildcard}()`"));
                }
                Some(name) if names.contains(&name) => {}
                Some(name) => names.push(name),
                None => mistakes.push(setter, text, "is no name", "write it as it is sent"),
            }
        }
        if names.is_empty() {
            return None;
        }
        HeaderValue::try_from(names.join(",")).ok()
    }

    /// `fetch` puts some methods into capitals and others not, and then compares letter by letter.
    fn refuse_small(&self, mistakes: &mut Mistakes) {
        for text in &self.list {
            let capital = text.to_ascii_uppercase();
            if KNOWN.contains(&&*capital) && *text != capital {
                let remedy = format!("write `{capital}`");
                mistakes.push("methods", text, "is another method than in capitals", remedy);
            }
        }
    }
}

const EVERYTHING: &str = "stands for everything, which is asked for by a setter of its own";

const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Choices of a [`CorsBuilder`] that weaken the policy; see [`CorsBuilder::dangerous`].
#[must_use = "choose, and the builder comes back"]
#[derive(Debug)]
pub struct DangerousCorsBuilder(CorsBuilder);

impl DangerousCorsBuilder {
    /// The origin `null`: sandboxed frames, local files and redirected requests of any page have it.
    pub fn null_origin(mut self) -> CorsBuilder {
        self.0.origins.push(Origin::Null);
        self.0
    }
}
