# Multi-stage: dependencies in a layer of their own, a runtime image with the binary and root certificates.
# Both base images can be replaced, for registries of your own.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
# Only what decides the dependencies: this layer is kept until they change.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src benches \
    && echo 'fn main() {}' | tee src/main.rs > benches/gateway.rs && touch src/lib.rs \
    && cargo build --release --locked --bin reelgate
COPY src src
COPY config config
RUN touch src/main.rs src/lib.rs && cargo build --release --locked --bin reelgate && mkdir /ledger

FROM ${RUNTIME_IMAGE}
LABEL org.opencontainers.image.title="reelgate" \
      org.opencontainers.image.description="Gateway for OpenAI-style video generation" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/target/release/reelgate /usr/local/bin/reelgate
# In a container the listeners must be reachable from outside of it.
ENV REELGATE_CONFIG=/etc/reelgate/reelgate.toml \
    REELGATE_LISTEN=0.0.0.0:8080 \
    REELGATE_ADMIN_LISTEN=0.0.0.0:9090
USER 65532:65532
# Where the ledger is: what costs money must outlive the container.
COPY --from=build --chown=65532:65532 /ledger /var/lib/reelgate
WORKDIR /var/lib/reelgate
VOLUME /var/lib/reelgate
EXPOSE 8080 9090
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["/usr/local/bin/reelgate", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/reelgate"]
