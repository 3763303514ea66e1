// Wiring of network boot over IPv6: DHCPv6 from the config's words to the server's, asking the same boot decision as DHCPv4.

import { createHash } from 'node:crypto';
import type { Warning } from './api/index.ts';
import { createLinkSockets } from './app-sockets6.ts';
import type { Boot } from './boot/index.ts';
import { type Config, isIpv6, parseListen } from './config/index.ts';
import { type Clock, hostInUrl, type Ipv6, type Log, messageOf, parseIpv6, parsePrefix6 } from './lib/index.ts';
import {
  createDhcp6Server,
  type DecideBoot6,
  type Dhcp6Server,
  type Dhcp6ServerOptions,
  interfacesWithIpv6,
  ipv6AddressesOf,
  type OtherServer6,
  openDhcp6Sockets,
  type Subnet6,
  sourceAddressFor,
} from './net/dhcp6/index.ts';
import type { Store } from './store/index.ts';

export interface Network6Deps {
  readonly config: Config;
  /** Somebody wrote the mode: what can't be opened ends the start. Else the appliance does without. */
  readonly isAsked: boolean;
  readonly boot: Boot;
  readonly store: Store;
  /** The same for the life of this appliance: its DUID and its addresses come from it. */
  readonly instanceId: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Network6 {
  readonly server: Dhcp6Server;
  /** What it does without. */
  readonly warnings: () => Warning[];
}

const DUID_UUID = 4;
const OPEN_AGAIN_MS = 10_000;

export function dhcp6Part(deps: Network6Deps): Network6 {
  const { interfaces, port } = deps.config.dhcp6;
  if (deps.isAsked) {
    const open: Opening['open'] = (signal) => {
      const names = interfaces.length > 0 ? interfaces : interfacesWithIpv6();
      return openDhcp6Sockets({ interfaces: names, port, clock: deps.clock }, signal);
    };
    return { server: serverOf(deps, { open }), warnings: () => [] };
  }
  const { open, warnings } = createLinkSockets({ interfaces, port, log: deps.log.child({ part: 'dhcp6' }) });
  return { server: serverOf(deps, { open, openAgainMs: OPEN_AGAIN_MS }), warnings };
}

type Opening = Pick<Dhcp6ServerOptions, 'open' | 'openAgainMs'>;

function serverOf({ config, boot, store, instanceId, clock, log }: Network6Deps, opening: Opening): Dhcp6Server {
  const { mode, port, client_port: client } = config.dhcp6;
  return createDhcp6Server({
    mode,
    ...opening,
    addressesOf: ipv6AddressesOf,
    sourceFor: sourceAddressFor,
    subnets: subnets6(config),
    serverDuid: Buffer.concat([Uint8Array.of(0, DUID_UUID), derived(instanceId, 'duid').subarray(0, 16)]),
    secret: derived(instanceId, 'addresses'),
    // As with DHCPv4: where nobody else gives addresses, firmware is told at once that nothing is there for it (TFTP or HTTP refuses the file).
    decideBoot: decideBoot6(boot, config),
    turnAway: (client) => boot.turnAway(client),
    clock,
    log: log.child({ part: 'dhcp6' }),
    note: ({ mac, decision, reason }) => store.reasons.note({ subject: `mac:${mac}`, area: 'dhcp', decision, reason: `IPv6: ${reason}` }),
    onOtherServer: (seen) => tellOther(seen, store, log),
    ports: { server: port, client },
  });
}

function derived(instanceId: string, purpose: string): Buffer {
  return createHash('sha256').update(`rackseed dhcp6 ${purpose} ${instanceId}`).digest();
}

function tellOther({ duid, interfaceName }: OtherServer6, store: Store, log: Log): void {
  const message = `another DHCPv6 server (DUID ${duid}) on ${interfaceName ?? 'a network behind a relay'}: a client named it as its server`;
  log.warn({ part: 'dhcp6', duid, interface: interfaceName }, message);
  store
    .transaction((tx) =>
      store.events.append(tx, { type: 'dhcp6.other_server', severity: 'warning', message, data: { duid, interface: interfaceName } }),
    )
    .catch((thrown: unknown) => log.error({ error: messageOf(thrown) }, 'could not store the event dhcp6.other_server'));
}

/** Firmware and iPXE know a file by its URL alone: a bare name is one of TFTP, on the address that the client reaches us by. */
function decideBoot6(boot: Boot, config: Config): DecideBoot6 {
  const mayTurnAway = config.dhcp6.mode === 'full' && config.tftp.enabled;
  return async (client) => {
    const answer = await boot.offer({ ...client, mayTurnAway });
    if ('silent' in answer) return answer;
    const { fileName, reason } = answer;
    const overHttp = /^https?:/.test(fileName);
    const deaf = deafOver6(config, overHttp);
    if (deaf !== undefined) return { silent: `${deaf} is not reached over IPv6` };
    const url = overHttp ? fileName : `tftp://${hostInUrl(client.serverAddress)}/${fileName}`;
    return { url, reason };
  };
}

/** The listener that the file would be fetched from, when that hears IPv4 alone. */
function deafOver6({ server, tftp }: Config, overHttp: boolean): string | undefined {
  if (overHttp && server.boot_url !== undefined) return undefined;
  const [name, listen] = overHttp ? ['server.boot_listen', server.boot_listen] : ['tftp.listen', tftp.listen];
  return isIpv6(parseListen(listen).host) ? undefined : `${name} "${listen}"`;
}

/** The config has been checked, so that each of its words parses. */
export function subnets6({ dhcp6 }: Config): Subnet6[] {
  return dhcp6.subnet.map(({ prefix: name, dns, domain_search: domainSearch, lease_seconds: validSeconds }) => {
    const prefix = parsePrefix6(name);
    if (prefix === undefined) throw new TypeError(`the checked config holds ${JSON.stringify(name)}, which does not parse`);
    return { name, prefix, validSeconds, domainSearch, dnsServers: dns.flatMap((text): readonly Ipv6[] | Ipv6 => parseIpv6(text) ?? []) };
  });
}
