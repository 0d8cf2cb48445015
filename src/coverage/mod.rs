//! Whether the policy and the router speak of the same routes.
//!
//! # Threat
//! A router and a policy are two lists that are written apart. A route that was added to one of them
//! and forgotten in the other is closed to strangers and open to every authenticated caller; a rule
//! with a slip in its pattern protects nothing, and what it was meant for falls under a wider rule.
//!
//! # Behaviour
//! [`Parapet::assert_covers`](crate::Parapet::assert_covers) compares the policy with a
//! [`RouteList`] in a test, [`Parapet::covers`](crate::Parapet::covers) anywhere:
//!
//! | a route of the list | the policy |
//! |---|---|
//! | and a method of it fall under a rule | covered, whatever the parameters' names are |
//! | falls under no rule, or only by other methods | fails: served, and no rule names it |
//! | without methods | every method must fall under a rule |
//! | with `{*rest}` | paths of one segment and of more must fall under a rule |
//!
//! | a rule of the policy | the list |
//! |---|---|
//! | has a route for each of its methods; `HEAD` follows `GET` | served |
//! | without methods | served by one route of any method |
//! | with `{*rest}` | served by one route under it, for each of its methods |
//! | that the stack answers for by itself, `protected_resource` say | nothing to serve |
//! | for one value of what the list has as a parameter, `/files/secret` | fails: it may be a slip; list it too where it is meant |
//! | else | fails: named by a rule, and nothing serves it |
//!
//! [`ParapetBuilder::known_routes`](crate::ParapetBuilder::known_routes) watches the traffic: a route
//! that a handler answers by anything but 404 and 405, and that no list knows, is logged once and
//! becomes the finding `unknown-route`.
//!
//! # Example
//!
//! A test of a service, with the document that utoipa or aide made of its handlers:
//! ```
//! use serde_json::json;
//! use tower_parapet::{Parapet, Policy, RouteList};
//!
//! let parapet = Parapet::builder()
//!     .public("GET /health", "load balancer")
//!     .route("/orders", Policy::optional())
//!     .route("GET /orders/{id}", Policy::optional())
//!     .build()?;
//! let document = json!({
//!     "openapi": "3.1.0",
//!     "info": { "title": "orders", "version": "1" },
//!     "paths": { "/orders": { "get": {}, "post": {} }, "/orders/{order}": { "get": {} } }
//! });
//! parapet.assert_covers(RouteList::from_openapi(&document).and(["GET /health"]));
//! # Ok::<(), tower_parapet::ConfigError>(())
//! ```
//!
//! # Defaults
//! Nothing is compared unless it is asked for. Of routes that no list knows, the first 100 are kept;
//! requests to further ones are counted.
//!
//! # What this does not do
//! It does not read axum's router, which tells nobody what it holds: the list comes from the
//! document, or is written out. It does not compare what the document says of security with the
//! policy.

mod compare;
mod list;
mod openapi;
mod pattern;
mod seen;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use compare::compare;
pub(crate) use seen::KnownRoutes;

pub use compare::Uncovered;
pub use list::RouteList;
