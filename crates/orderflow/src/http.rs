//! /livez, /readyz and /metrics: for Kubernetes and Prometheus only, no processor calls another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use crate::failure::Failure;
use crate::monitoring::Exporter;

/// Whether this process may be sent on its way.
#[derive(Debug, Default)]
pub struct Health {
    ready: AtomicBool,
}

impl Health {
    /// Ready: every assigned task is restored.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }
}

/// Listens; requests are answered by the current runtime.
pub async fn serve(listen: &str, health: Arc<Health>, metrics: Exporter) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        Failure::new("listen", format!("address \"{listen}\": {error}"), "name a free one with --listen")
    })?;
    let ready = move || async move {
        if health.ready.load(Ordering::Relaxed) {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "restoring\n")
        }
    };
    let app = Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(move || async move { metrics.render() }));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!("http: {error}");
        }
    });
    Ok(())
}

/// The same for a command without a runtime: it listens as long as what is returned lives.
pub fn serve_beside(listen: &str, health: Arc<Health>, metrics: Exporter) -> anyhow::Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(serve(listen, health, metrics))?;
    Ok(runtime)
}
