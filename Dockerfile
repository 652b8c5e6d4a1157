# The action's image: one static binary and nothing else. It has no USER: the files that the runner mounts are writable
# for its own user and root only, and the action must write there.

FROM scratch AS base
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="ghcr-lifecycle" \
      org.opencontainers.image.description="One policy file says which git event creates which image tag, whether it may move, and how long it lives." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENTRYPOINT ["/ghcr-lifecycle"]

# `--target prebuilt` packages a binary that was built outside; it needs no other image.
FROM base AS prebuilt
ARG BINARY=target/package/ghcr-lifecycle
COPY ${BINARY} /ghcr-lifecycle

FROM docker.io/library/rust:1.95.0-bookworm AS build
# The image's own toolchain is the one of rust-toolchain.toml; naming it keeps rustup from fetching its components.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /source
COPY . .
# glibc is linked statically: its allocator is faster than musl's. `--target` keeps the flag away from build scripts.
RUN target="$(uname -m)-unknown-linux-gnu" \
 && RUSTFLAGS="-C target-feature=+crt-static -C force-unwind-tables=no -C link-arg=-Wl,-z,pack-relative-relocs" \
    cargo build --locked --release --no-default-features --bin ghcr-lifecycle --target "$target" \
 && cp "target/$target/release/ghcr-lifecycle" /ghcr-lifecycle

FROM base
COPY --from=build /ghcr-lifecycle /ghcr-lifecycle
