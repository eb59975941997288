# syntax=docker/dockerfile:1
# One image: the binary `orderflow`, which runs every processor and every command, and the contract that it was built
# with. `make image` builds it; `make sbom` writes the bill of materials of exactly what is linked in.

FROM rust:1.95-trixie AS source
# For the cryptography of rustls. The compiler, make and perl, which librdkafka and its OpenSSL are built with, come with
# the image.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .

FROM source AS sbom-build
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo install --locked cargo-cyclonedx --version 0.5.9
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    cargo cyclonedx --manifest-path crates/orderflow/Cargo.toml --format json --no-build-deps \
      --target "$(rustc --print host-tuple)" --override-filename sbom \
    && mv crates/orderflow/sbom.json /sbom.json

# docker build --target sbom --output . .
FROM scratch AS sbom
COPY --from=sbom-build /sbom.json /orderflow.cdx.json

FROM source AS build
# Without line numbers the image is a third of the size; names of functions stay in backtraces.
ENV CARGO_PROFILE_RELEASE_DEBUG=0 \
    CARGO_INCREMENTAL=0
# RUSTFLAGS would replace .cargo/config.toml, and with it what docs/adr/0008 is about.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    test -z "${RUSTFLAGS:-}" \
    && cargo build --locked --release -p orderflow \
    && cp target/release/orderflow /usr/local/bin/orderflow
# The binary itself says when the linker was not told; no broker is there, so that it ends with 3.
RUN said=$(orderflow --log warn topics apply --bootstrap 127.0.0.1:9 2>&1); \
    code=$?; \
    echo "$said"; \
    test "$code" = 3 || exit 1; \
    case "$said" in *"linked without"*) exit 1 ;; esac
RUN mkdir -p /empty

# glibc, the certificates of public authorities, a user without rights: no shell, no package manager.
FROM gcr.io/distroless/cc-debian13:nonroot
LABEL org.opencontainers.image.title="orderflow" \
      org.opencontainers.image.description="Event-driven order processing on Kafka" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /usr/local/bin/orderflow /usr/local/bin/orderflow
# Where `orderflow topics lint`, `schema register` and `schema review` look for them: the folder that they start in.
COPY topics.yaml /usr/share/orderflow/topics.yaml
COPY schemas /usr/share/orderflow/schemas
# Parts of the binary are under other licences than ours: docs/adr/0003 says which, and what follows for who hands it on.
COPY LICENSE-MIT LICENSE-APACHE docs/adr/0003-serde-avro-fast-and-its-licence.md /usr/share/doc/orderflow/
# Empty, and the user's: a named volume begins with what is here.
COPY --from=build --chown=65532:65532 /empty /var/lib/orderflow
ENV ORDERFLOW_DATA=/var/lib/orderflow
USER 65532:65532
WORKDIR /usr/share/orderflow
EXPOSE 8080
ENTRYPOINT ["orderflow"]
CMD ["--help"]
