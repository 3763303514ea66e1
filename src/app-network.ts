// Wiring of what talks to machines: DHCP, TFTP and the boot listener, from the config's words to the servers'.

import { join } from 'node:path';
import type { DhcpNetwork, NetworkService } from './api/index.ts';
import { grubOf } from './app-boot.ts';
import { createKnownMacs } from './app-known-macs.ts';
import { interfaceWarnings, subnetWarnings } from './app-network-warnings.ts';
import type { Network6 } from './app-network6.ts';
import {
  type Boot,
  type BootFiles,
  type BootHttpOptions,
  createBootHttp,
  createTftpFiles,
  type Grub,
  type Installs,
  localAddressFor,
} from './boot/index.ts';
import { type Config, isWildcard, parseListen, parseRange } from './config/index.ts';
import {
  type Clock,
  type Component,
  type Log,
  messageOf,
  numberToIpv4,
  parseIpv4,
  parseMac,
  parseSubnet,
  type Random,
  type Subnet,
  subnetHas,
} from './lib/index.ts';
import {
  createConflictProbe,
  createDhcpServer,
  createJournaledLeaseBook,
  createStoreLeaseBook,
  createWatchHost,
  type DecideBoot,
  DHCP_LIMITS,
  type DhcpNews,
  type DhcpServer,
  type DhcpSocket,
  type DhcpSubnet,
  type LeaseBook,
} from './net/dhcp/index.ts';
import { createTftpServer, setSegmentSize, type TftpServer } from './net/tftp/index.ts';
import type { Store } from './store/index.ts';

export interface NetworkDeps {
  readonly config: Config;
  readonly sockets: readonly DhcpSocket[];
  /** Undefined when it is off. */
  readonly dhcp6: Network6 | undefined;
  readonly boot: Boot;
  readonly files: BootFiles;
  readonly installs: Pick<Installs, 'file'>;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface NetworkParts {
  readonly parts: readonly Component[];
  readonly network: NetworkService;
}

export function networkParts(deps: NetworkDeps): NetworkParts {
  const { config, boot, files, clock, log } = deps;
  const bootListen = parseListen(config.server.boot_listen);
  const grub = grubOf(deps);
  const http = createBootHttp({
    ...bootListen,
    files,
    startScript: boot.startScript,
    machineScript: boot.machineScript,
    texts: (request) => grub.text(request),
    installFile: (bootId, name, serverAddress) => deps.installs.file(bootId, name, serverAddress),
    ...accelOf(config),
    clock,
    log: log.child({ part: 'boot-http' }),
  });
  const tftp = config.tftp.enabled ? tftpPart(deps, grub) : undefined;
  const dhcp = config.dhcp.mode === 'off' ? undefined : dhcpPart(deps);
  return {
    parts: [http, tftp, dhcp, deps.dhcp6?.server].filter((part) => part !== undefined),
    network: {
      status: () => ({
        dhcp: dhcpStatus(config, dhcp),
        dhcp6: { mode: config.dhcp6.mode, counters: { ...deps.dhcp6?.server.counters() } },
        tftp: tftp === undefined ? null : { listen: config.tftp.listen, counters: { ...tftp.counters() } },
        http: { listen: config.server.boot_listen, counters: { ...http.counters() }, downloads: http.downloads() },
      }),
      warnings: () => [...interfaceWarnings(config, dhcp?.status().interfaces ?? []), ...(deps.dhcp6?.warnings() ?? [])],
      probe: () => dhcp?.searchNow() ?? Promise.resolve(),
    },
  };
}

const LOOPBACK = ['127.0.0.1', '::1'];

function accelOf({ server }: Config): Pick<BootHttpOptions, 'accel'> {
  const { boot_x_accel: prefix, boot_proxies: proxies, artefacts_dir: root } = server;
  return prefix === undefined ? {} : { accel: { prefix, root, proxies: new Set(proxies.length === 0 ? LOOPBACK : proxies) } };
}

function dhcpStatus({ dhcp: { mode } }: Config, dhcp: DhcpServer | undefined): DhcpNetwork {
  if (dhcp === undefined) return { mode, state: 'off', reason: 'dhcp.mode is "off": nothing is answered', interfaces: [], counters: {} };
  return dhcp.status();
}

function tftpPart({ config, boot, files, clock, log }: NetworkDeps, grub: Grub): TftpServer {
  const listen = parseListen(config.tftp.listen);
  return createTftpServer({
    listen,
    find: createTftpFiles({
      files,
      startScript: boot.startScript,
      grub,
      ourAddress: (peer) => (isWildcard(listen.host) ? localAddressFor(peer) : Promise.resolve(listen.host)),
    }),
    clock,
    log: log.child({ part: 'tftp' }),
    note: ({ peer, fileName, decision, reason }) => log.info({ part: 'tftp', peer: peer.address, fileName, decision }, reason),
    limits: { maxTransfers: config.tftp.max_transfers, maxWindowSize: config.tftp.max_windowsize },
    setSegmentSize,
  });
}

function dhcpPart(deps: NetworkDeps): DhcpServer {
  const { config, sockets, boot, store, clock, random, log } = deps;
  const { mode, port, client_port: clientPort, proxy_port: proxyPort } = config.dhcp;
  const known = createKnownMacs({ store, clock, log });
  const listening = sockets.filter((one) => one.port === port).map(({ interfaceName: name, address }) => ({ name, address }));
  for (const { message, hint } of subnetWarnings(config, listening)) log.warn({ part: 'dhcp', hint }, message);
  return createDhcpServer({
    mode,
    sockets,
    subnets: dhcpSubnets(config),
    decideBoot: decideBoot(boot, config),
    leases: leaseBook(deps),
    isKnown: (mac) => known.has(mac),
    ...(config.dhcp.conflict_probe ? { probe: createConflictProbe({ clock }) } : {}),
    clock,
    log: log.child({ part: 'dhcp' }),
    note: ({ mac, decision, reason }) => store.reasons.note({ subject: `mac:${mac}`, area: 'dhcp', decision, reason }),
    watch: { allowOtherServers: config.dhcp.allow_other_servers, random, host: createWatchHost(subnetsOf(config)) },
    onNews: (news) => tellNews(news, deps),
    ports: { server: port, client: clientPort, boot: proxyPort },
  });
}

function tellNews({ event, severity, message, hint, interfaceName, server }: DhcpNews, { store, log }: NetworkDeps): void {
  const fields = { part: 'dhcp', interface: interfaceName, ...(server === null ? {} : { server: server.address }) };
  if (severity === 'warning') log.warn({ ...fields, hint }, message);
  else log.info(fields, message);
  const data = { interface: interfaceName, hint, server: server === null ? null : { ...server } };
  store
    .transaction((tx) => store.events.append(tx, { type: event, severity, message, data }))
    .catch((thrown: unknown) => log.error({ error: messageOf(thrown) }, `could not store the event ${event}`));
}

/** SQLite's own fsync would hold up the event loop; PostgreSQL's does not, and its leases are shared with other appliances. */
function leaseBook({ config, store, clock, log }: NetworkDeps): LeaseBook {
  const book = createStoreLeaseBook(store, DHCP_LIMITS.maxLeases);
  if (store.dialect !== 'sqlite') return book;
  const directory = join(config.server.data_dir, 'dhcp-leases');
  return createJournaledLeaseBook({ book, directory, clock, log: log.child({ part: 'dhcp' }) });
}

function decideBoot(boot: Boot, { dhcp, tftp }: Config): DecideBoot {
  // Beside another DHCP server a third one may have the boot file; silence leaves the machine to it.
  const mayTurnAway = dhcp.mode === 'full' && tftp.enabled;
  return async (client) => {
    const answer = await boot.offer({ ...client, mayTurnAway });
    return 'silent' in answer ? answer : { boot: { fileName: answer.fileName, nextServer: client.serverAddress }, reason: answer.reason };
  };
}

/** For choosing our own address where an interface has several. */
export function subnetsOf(config: Config): Subnet[] {
  return config.dhcp.subnet.map((one) => must(parseSubnet(one.subnet), one.subnet));
}

/** From the config's words to the server's; the config has been checked, so that each of them parses. */
export function dhcpSubnets(config: Config): DhcpSubnet[] {
  const { subnet: subnets, reservation: reservations } = config.dhcp;
  return subnets.map((one) => {
    const subnet = must(parseSubnet(one.subnet), one.subnet);
    return {
      cidr: one.subnet,
      subnet,
      pools: one.ranges
        .map((text) => must(parseRange(text), text))
        .map(({ first, last }) => ({ first: numberToIpv4(first), last: numberToIpv4(last) })),
      reservations: reservations.flatMap((entry) => reservationIn(subnet, entry)),
      leaseSeconds: one.lease_seconds,
      routers: ipv4s(one.router === undefined ? [] : [one.router]),
      dnsServers: ipv4s(one.dns),
      domainName: one.domain ?? null,
      ntpServers: ipv4s(one.ntp),
      options: new Map(),
      sharedNetwork: one.shared_network ?? null,
    };
  });
}

function reservationIn(subnet: Subnet, entry: Config['dhcp']['reservation'][number]): DhcpSubnet['reservations'] {
  const address = must(parseIpv4(entry.address), entry.address);
  if (!subnetHas(subnet, address)) return [];
  return [
    {
      address,
      ...(entry.mac === undefined ? {} : { mac: must(parseMac(entry.mac), entry.mac) }),
      ...(entry.uuid === undefined ? {} : { smbiosUuid: entry.uuid.toLowerCase() }),
      ...(entry.client_id === undefined ? {} : { clientId: entry.client_id.toLowerCase() }),
      ...(entry.hostname === undefined ? {} : { hostName: entry.hostname }),
    },
  ];
}

function ipv4s(texts: readonly string[]) {
  return texts.map((text) => must(parseIpv4(text), text));
}

function must<T>(value: T | undefined, text: string): T {
  if (value === undefined) throw new TypeError(`the checked config holds ${JSON.stringify(text)}, which does not parse`);
  return value;
}
