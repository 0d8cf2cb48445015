use std::net::SocketAddr;

use axum::{
    Router, ServiceExt,
    extract::{Request, connect_info::IntoMakeServiceWithConnectInfo},
    routing::IntoMakeService,
};
use tower_layer::Layer;

use crate::{service::Guarded, stack::Parapet};

impl Parapet {
    /// Puts the stack around a router; the last step, since the result takes no more routes.
    ///
    /// Every request passes the guards before the router sees it: nested routers, fallbacks, 404
    /// and 405 included. `Router::layer` would cover only the routes added before it.
    ///
    /// # Example
    /// ```no_run
    /// use axum::{Router, routing::get};
    /// use tower_parapet::{Parapet, Peer};
    ///
    /// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    /// let parapet = Parapet::builder().peer(Peer::ConnectInfo).public("/health", "probe").build()?;
    /// let app = parapet.protect(Router::new().route("/health", get(async || "ok")));
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// axum::serve(listener, app.into_make_service_with_connect_info()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn protect(&self, router: Router) -> Guarded<Router> {
        self.layer(router)
    }
}

impl Guarded<Router> {
    /// For `axum::serve`, where nothing needs the client's address.
    pub fn into_make_service(self) -> IntoMakeService<Self> {
        ServiceExt::<Request>::into_make_service(self)
    }

    /// For `axum::serve`, with the client's address for [`Peer::ConnectInfo`](crate::Peer).
    pub fn into_make_service_with_connect_info(
        self,
    ) -> IntoMakeServiceWithConnectInfo<Self, SocketAddr> {
        ServiceExt::<Request>::into_make_service_with_connect_info(self)
    }
}
