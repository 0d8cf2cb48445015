//! Names below which anybody may have a name, so that a star there stands for strangers.

/// The second labels that registries of countries sell names below: `co.uk`, `com.au`.
const OF_REGISTRIES: [&str; 16] = [
    "ac", "co", "com", "edu", "gob", "gouv", "gov", "go", "gv", "mil", "ne", "net", "nom", "or",
    "org", "sch",
];

/// Where a name below is for the asking. The public suffix list has thousands; these are the ones
/// that stand in policies.
const OF_HOSTS: [&str; 30] = [
    "amazonaws.com",
    "amplifyapp.com",
    "appspot.com",
    "azurestaticapps.net",
    "azurewebsites.net",
    "blogspot.com",
    "cloudfront.net",
    "deno.dev",
    "firebaseapp.com",
    "fly.dev",
    "github.dev",
    "github.io",
    "gitlab.io",
    "glitch.me",
    "herokuapp.com",
    "myshopify.com",
    "netlify.app",
    "ngrok.app",
    "ngrok-free.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "run.app",
    "surge.sh",
    "trycloudflare.com",
    "vercel.app",
    "web.app",
    "webflow.io",
    "wordpress.com",
    "workers.dev",
];

/// Whether strangers can have a name below this one, as far as can be said without the whole public
/// suffix list.
pub(super) fn is_public(name: &str) -> bool {
    let Some((first, rest)) = name.split_once('.') else { return name != "localhost" };
    OF_HOSTS.contains(&name) || (rest.len() == 2 && OF_REGISTRIES.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_anybody_may_have_a_name_below_are_public() {
        for name in ["com", "dev", "co.uk", "com.au", "gouv.fr", "github.io", "vercel.app"] {
            assert!(is_public(name), "{name}");
        }
        for name in ["localhost", "example.com", "example.co.uk", "mine.github.io", "co.example"] {
            assert!(!is_public(name), "{name}");
        }
    }
}
