# The directory node as a container image. Works with the classic builder and with BuildKit.
#
#   docker build -t joinmarket-directory-server .                  # production, FROM scratch
#   docker build -t joinmarket-directory-server:debug --target debug .
#
# `production` holds static executables and nothing else: no shell, no libc, no package that needs
# updates of its own. `debug` has the same entry point, symbols, and the tools that production lacks
# on purpose. docs/deploying.md says how to attach with it.

ARG SWIFT_IMAGE=swift:6.3-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

# ---- the descriptor store: keeps connections while the relay's container is replaced -----------
# Built from its own sources only: no change of the relay changes its image. These stages are
# first because the classic builder builds all stages above the one that it is asked for.
FROM ${SWIFT_IMAGE} AS build-fd-store
WORKDIR /build
COPY deploy/fd-store/Package.swift ./
COPY Sources/CFDStore Sources/CFDStore
COPY Sources/FDStore Sources/FDStore
RUN swift build -c release --static-swift-stdlib -Xswiftc -static-executable \
 && mkdir /out \
 && strip -s -o /out/jm-fd-store .build/release/FDStore

FROM scratch AS fd-store
LABEL org.opencontainers.image.title="JoinMarket directory server: descriptor store" \
      org.opencontainers.image.description="Holds the relay's connections while the relay restarts"
COPY --from=build-fd-store /out/ /usr/local/bin/
ENV PATH=/usr/local/bin
USER 1000:1000
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/jm-fd-store"]

# ---- dependencies of both builds -----------------------------------------------------------
FROM ${SWIFT_IMAGE} AS dependencies
# Debian's libevent before this revision has eight known vulnerabilities of 2026. libevent's header
# has the same version before and after the fix, so this checks the package's version.
ARG LIBEVENT_AT_LEAST=2.1.12-stable-8+deb12u1
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get -q update \
 && apt-get -q install -y --no-install-recommends \
      libevent-dev libsecp256k1-dev nettle-dev pkg-config \
 && rm -rf /var/lib/apt/lists/* \
 && have="$(dpkg-query -W -f '${Version}' libevent-dev)" \
 && { dpkg --compare-versions "$have" ge "$LIBEVENT_AT_LEAST" \
      || { echo "libevent-dev $have is older than $LIBEVENT_AT_LEAST: not building on it" >&2; exit 1; }; }
WORKDIR /build
# The packages change less often than the sources: a layer of their own.
COPY Package.* ./
RUN swift package resolve
COPY Sources ./Sources
COPY Tests ./Tests

# ---- production ----------------------------------------------------------------------------
FROM dependencies AS build
# Two thirds of a static executable are Swift's libraries. One file under two names holds them once:
# it acts by the name that it is called by.
RUN swift build -c release --static-swift-stdlib -Xswiftc -static-executable \
      --product jm-directory-server \
 && mkdir /out \
 && strip -s -o /out/jm-directory-server .build/release/jm-directory-server \
 && ln -s jm-directory-server /out/jm-directory-ctl

FROM scratch AS production
ARG VERSION=dev
LABEL org.opencontainers.image.title="JoinMarket directory server" \
      org.opencontainers.image.description="The relay through which JoinMarket makers and takers find each other" \
      org.opencontainers.image.version="${VERSION}"
COPY --from=build /out/ /usr/local/bin/
# So that `docker exec NAME jm-directory-ctl status` needs no path.
ENV PATH=/usr/local/bin
USER 1000:1000
# Stated although it is the default. Only then does the engine know that another signal (USR1, HUP) is
# not a stop, and restarts a relay that dies after one.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/usr/local/bin/jm-directory-server", "health"]
ENTRYPOINT ["/usr/local/bin/jm-directory-server"]

# ---- debug ---------------------------------------------------------------------------------
FROM dependencies AS build-debug
# Linked dynamically: valgrind and heaptrack replace malloc, which a static executable hides.
RUN for product in jm-directory-server jm-directory-ctl; do \
      swift build -c release --static-swift-stdlib --product "$product" || exit 1; \
    done \
 && mkdir /out \
 && cp .build/release/jm-directory-server .build/release/jm-directory-ctl /out/

FROM ${DEBIAN_IMAGE} AS debug
ARG VERSION=dev
LABEL org.opencontainers.image.title="JoinMarket directory server (debug)" \
      org.opencontainers.image.description="The same relay with symbols, gdb, valgrind, heaptrack and strace" \
      org.opencontainers.image.version="${VERSION}"
RUN export DEBIAN_FRONTEND=noninteractive \
 && apt-get -q update \
 && apt-get -q install -y --no-install-recommends \
      gdb heaptrack strace valgrind procps libc6-dbg \
      libevent-2.1-7 libsecp256k1-1 libnettle8 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --user-group --create-home relay
COPY --from=build-debug /out/ /usr/local/bin/
USER 1000:1000
WORKDIR /home/relay
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/usr/local/bin/jm-directory-server", "health"]
ENTRYPOINT ["/usr/local/bin/jm-directory-server"]

# ---- what a plain `docker build .` makes ---------------------------------------------------
FROM production
