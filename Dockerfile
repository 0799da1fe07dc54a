# Three stages: the dependencies, the program, and a root file system with nothing else in it.
#
#   docker build --build-arg REELGATE_COMMIT="$(git rev-parse --short=12 HEAD)" --tag reelgate .
#
# Both base images can be replaced by mirrors of your own, and pinned: --build-arg RUNTIME_IMAGE=NAME:TAG@sha256:DIGEST
ARG BUILD_IMAGE=docker.io/library/rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=gcr.io/distroless/static-debian12:nonroot

FROM ${BUILD_IMAGE} AS dependencies
ARG CARGO_PROFILE=release
# The C library is linked in, so that the runtime image needs none: any base will do, and there is none to keep patched.
ENV RUSTFLAGS="-C target-feature=+crt-static"
WORKDIR /src
# These files and nothing else decide what is built here: the layer is kept until one of them changes. The last, where it
# is there, says where a gateway spends its time, and the code is laid out by it:
#
#   RUSTFLAGS="-C target-feature=+crt-static" benches/rig/run train reelgate.profdata --target host-tuple
COPY .cargo .cargo
COPY Cargo.toml Cargo.lock build.rs reelgate.profdat[a] ./
COPY crates crates
RUN mkdir src benches \
    && echo 'fn main() {}' >src/main.rs && touch src/lib.rs benches/gateway.rs \
    && seen="$(find /src -maxdepth 1 -name '*.profdata')" \
    && export RUSTFLAGS="${RUSTFLAGS}${seen:+ -Cprofile-use=${seen}}" \
    && cargo build --locked --target host-tuple --profile "${CARGO_PROFILE}" --bin reelgate

FROM dependencies AS build
ARG CARGO_PROFILE=release
ARG REELGATE_COMMIT=unknown
COPY config config
COPY src src
# Younger than the stand-ins above, else cargo takes those for built; all else here keeps the dates it came with.
RUN touch src/main.rs src/lib.rs \
    && seen="$(find /src -maxdepth 1 -name '*.profdata')" \
    && export RUSTFLAGS="${RUSTFLAGS}${seen:+ -Cprofile-use=${seen}}" \
    && cargo build --locked --target host-tuple --profile "${CARGO_PROFILE}" --bin reelgate \
    && mkdir -p /out/ledger && cp target/*/"${CARGO_PROFILE}"/reelgate /out/

FROM ${RUNTIME_IMAGE}
ARG REELGATE_VERSION=unknown
ARG REELGATE_COMMIT=unknown
ARG REELGATE_SOURCE=unknown
LABEL org.opencontainers.image.title="reelgate" \
      org.opencontainers.image.description="Gateway for OpenAI-style video generation: judges, rewrites and forwards /v1/videos calls" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="${REELGATE_SOURCE}" \
      org.opencontainers.image.version="${REELGATE_VERSION}" \
      org.opencontainers.image.revision="${REELGATE_COMMIT}"
COPY --from=build /out/reelgate /usr/local/bin/reelgate
# In a container the listeners must be reachable from outside of it.
ENV REELGATE_CONFIG=/etc/reelgate/reelgate.toml \
    REELGATE_LISTEN=0.0.0.0:8080 \
    REELGATE_ADMIN_LISTEN=0.0.0.0:9090
USER 65532:65532
# The only place that is written to. The ledger is there: what costs money must outlive the container.
COPY --from=build --chown=65532:65532 /out/ledger /var/lib/reelgate
WORKDIR /var/lib/reelgate
VOLUME /var/lib/reelgate
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["/usr/local/bin/reelgate", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/reelgate"]
