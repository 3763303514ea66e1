# The appliance as an image: minimal Debian, the program as a bundle with the pinned Node, no npm, no compiler, an ordinary user.
#
#   docker build -t rackseed .
#   docker run --network host --cap-drop ALL --cap-add NET_BIND_SERVICE -v rackseed:/var/lib/rackseed rackseed
#
# --network host, because DHCP answers broadcasts on the network of the machines. NET_BIND_SERVICE is for UDP 67, 69 and 4011; nothing
# else is needed. Answering clients by unicast before they have an address would need NET_ADMIN on top. See docs/decisions/0012.

ARG BUILD_IMAGE=docker.io/library/node:24-trixie-slim
ARG BASE_IMAGE=docker.io/library/debian:trixie-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /opt/rackseed
COPY package.json package-lock.json ./
# For a registry of your own: --secret id=npmrc,src=$HOME/.npmrc
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
COPY LICENSE ./
COPY src src
COPY images images
COPY templates templates
COPY answer-files answer-files
RUN node_modules/node-linux-*/bin/node src/setup/bundle.ts --out /opt/bundle

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Rackseed" \
      org.opencontainers.image.description="Plug a machine in; it grows into a Proxmox cluster node." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}"
# ipmitool speaks to BMCs; xorriso puts a file into ISOs that can't be added to as they are read; the last five build the RAM system that
# machines boot; libcap2-bin is for setcap below.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
       libcap2-bin ca-certificates debian-archive-keyring ipmitool xorriso binutils cpio kmod xz-utils zstd \
    && rm -rf /var/lib/apt/lists/*
# Copying and setcap in one step: a capability set in a later layer would store the whole of Node a second time. Perl opens the DHCP
# sockets and becomes Node, so both carry it.
RUN --mount=type=bind,from=build,source=/opt/bundle,target=/build \
    cp -a /build /opt/rackseed \
    && ln -s /opt/rackseed/node_modules/node-linux-*/bin/node /usr/local/bin/node \
    && ln -s /opt/rackseed/rackseed.mjs /usr/local/bin/rackseed \
    && setcap cap_net_bind_service=+ep "$(readlink -f /usr/local/bin/node)" \
    && setcap cap_net_bind_service=+ep "$(readlink -f /usr/bin/perl)" \
    && groupadd --system --gid 6385 rackseed \
    && useradd --system --uid 6385 --gid 6385 --home-dir /var/lib/rackseed --shell /usr/sbin/nologin rackseed \
    && install -d -o rackseed -g rackseed -m 0750 /var/lib/rackseed /var/cache/rackseed
ENV RACKSEED_SERVER_DATA_DIR=/var/lib/rackseed \
    NODE_COMPILE_CACHE=/var/cache/rackseed/compile \
    NODE_ENV=production
USER rackseed
WORKDIR /var/lib/rackseed
VOLUME /var/lib/rackseed
# HTTPS for people and programs, plain HTTP for firmware, DHCP, TFTP, proxyDHCP.
EXPOSE 6385/tcp 6386/tcp 67/udp 69/udp 4011/udp
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["node", "/opt/rackseed/healthcheck.mjs"]
ENTRYPOINT ["rackseed"]
CMD ["serve"]
