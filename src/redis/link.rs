//! One connection: TCP, TLS, login.

use std::sync::Arc;

use ::redis::AsyncConnectionConfig;
use ::redis::aio::MultiplexedConnection;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::error::RedisError;
use super::settings::{Host, Settings, Tls};

/// A connection that is logged in. Dropped, it ends.
pub(super) struct Link {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Link {
    pub(super) async fn connect(
        settings: &Settings,
        host: &Host,
        server: &Arc<str>,
    ) -> Result<Self, RedisError> {
        let stream = dial(settings, host, server).await?;
        match &settings.tls {
            None => Self::log_in(settings, server, stream).await,
            Some(tls) => {
                let name = tls.name_of(host, server)?;
                let stream = TlsConnector::from(tls.config.clone()).connect(name, stream).await;
                let stream = stream.map_err(|error| RedisError::Tls {
                    server: server.clone(),
                    cause: error.to_string().into(),
                })?;
                Self::log_in(settings, server, stream).await
            }
        }
    }

    async fn log_in<S>(
        settings: &Settings,
        server: &Arc<str>,
        stream: S,
    ) -> Result<Self, RedisError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // Whoever calls keeps the time: the crate's own limits are half a second and a second.
        let config =
            AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let info = settings.login.info();
        let (connection, driver) = MultiplexedConnection::new_with_config(&info, stream, config)
            .await
            .map_err(|told| RedisError::of_login(server, &told))?;
        Ok(Self { connection, driver: tokio::spawn(driver) })
    }

    pub(super) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }

    /// The other side has not closed it, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.driver.is_finished()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A connection to the first of the host's addresses that answers.
async fn dial(
    settings: &Settings,
    host: &Host,
    server: &Arc<str>,
) -> Result<TcpStream, RedisError> {
    let found = lookup_host((&*host.name, host.port)).await;
    let found = found.map_err(|error| RedisError::connect(server, error))?;
    let is_confined = settings.tls.is_none() && !settings.plaintext;
    let mut failed = RedisError::connect(server, "the name has no address");
    for address in found {
        if is_confined && !address.ip().to_canonical().is_loopback() {
            failed = RedisError::Plaintext { server: server.clone(), address: address.ip() };
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // A call is one small packet, and somebody waits for it.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => failed = RedisError::connect(server, error),
        }
    }
    Err(failed)
}

impl Tls {
    fn name_of(&self, host: &Host, server: &Arc<str>) -> Result<ServerName<'static>, RedisError> {
        if let Some(name) = &self.name {
            return Ok(name.clone());
        }
        ServerName::try_from(host.name.to_string()).map_err(|_| RedisError::Tls {
            server: server.clone(),
            cause: "its name is not one that certificates have".into(),
        })
    }
}
