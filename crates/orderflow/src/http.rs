//! /livez, /readyz and /metrics: for Kubernetes and Prometheus only, no processor calls another one.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;

use crate::failure::Failure;
use crate::monitoring::Exporter;

/// What /livez and /readyz answer.
#[derive(Debug, Clone)]
struct Answers {
    /// Why a worker hangs, when one does.
    stuck: Option<String>,
    /// Why the process is not ready.
    unready: Option<String>,
}

/// Whether this process is alive and ready.
#[derive(Debug)]
pub struct Health(Mutex<Answers>);

impl Default for Health {
    fn default() -> Health {
        Health(Mutex::new(Answers { stuck: None, unready: Some("starting".to_owned()) }))
    }
}

impl Health {
    /// From now on: why a worker hangs, and why the process is not ready, where that is so.
    pub fn set(&self, stuck: Option<String>, unready: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Answers { stuck, unready };
    }

    fn answers(&self) -> Answers {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(good: &'static str, why_not: Option<String>) -> (StatusCode, String) {
    match why_not {
        None => (StatusCode::OK, format!("{good}\n")),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not {good}: {why}\n")),
    }
}

/// Listens; requests are answered by the current runtime.
pub async fn serve(listen: &str, health: Arc<Health>, metrics: Exporter) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        Failure::new("listen", format!("address \"{listen}\": {error}"), "name a free one with --listen")
    })?;
    let alive = health.clone();
    let app = Router::new()
        .route("/livez", get(move || async move { answer("alive", alive.answers().stuck) }))
        .route("/readyz", get(move || async move { answer("ready", health.answers().unready) }))
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
