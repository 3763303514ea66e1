// Opens the DHCPv6 server's sockets. No launcher is needed as for DHCPv4: on Linux a socket bound to a link-scope multicast address is
// bound to the interface that its zone names (net/ipv6/af_inet6.c, __inet6_bind), and a sender's address carries the zone.

import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { type Clock, type Ipv6, isLinkLocal6, parseIpv6, systemCode } from '../../lib/index.ts';
import { fail } from './errors.ts';

/** RFC 8415 §7.1: what clients and relays on the link send to, and what relays farther away send to. */
const ALL_SERVERS_ON_LINK = 'ff02::1:2';
const ALL_SERVERS_OF_SITE = 'ff05::1:3';
/** RFC 863. Nothing is sent: the kernel only has to choose a route and a source. */
const DISCARD_PORT = 9;
/** Duplicate address detection takes one to two seconds; until then the system refuses to bind a new address. */
const NEW_ADDRESS_MS = 5000;
const NEW_ADDRESS_POLL_MS = 250;
/** A rack that is switched on at once; the kernel gives what net.core.rmem_max allows. */
const RECEIVE_BUFFER = 1 << 20;

/** multicast: clients and relays of one link. unicast: relays that know our address. site: relays that don't. */
export type Hears = 'multicast' | 'unicast' | 'site';

export interface Dhcp6Socket {
  readonly hears: Hears;
  /** null for the site's: it hears all of them. */
  readonly interfaceName: string | null;
  /** The address it is bound to, for unicast. */
  readonly address: Ipv6 | null;
  readonly socket: Socket;
}

export interface OpenPlan6 {
  readonly interfaces: readonly string[];
  readonly port: number;
  readonly clock: Clock;
}

export async function openDhcp6Sockets({ interfaces, port, clock }: OpenPlan6, signal?: AbortSignal): Promise<Dhcp6Socket[]> {
  const made: Dhcp6Socket[] = [];
  try {
    for (const interfaceName of interfaces) {
      const addresses = requireAddresses(interfaceName);
      const link = await bound({ host: `${ALL_SERVERS_ON_LINK}%${interfaceName}`, port, interfaceName });
      made.push({ hears: 'multicast', interfaceName, address: null, socket: link });
      join(link, ALL_SERVERS_ON_LINK, interfaceName, port);
      for (const address of addresses.filter((one) => !isLinkLocal6(one))) {
        const socket = await boundWhenReady({ host: address, port, interfaceName }, clock, signal);
        made.push({ hears: 'unicast', interfaceName, address, socket });
      }
    }
    const site = await bound({ host: ALL_SERVERS_OF_SITE, port, interfaceName: interfaces.join(', ') });
    made.push({ hears: 'site', interfaceName: null, address: null, socket: site });
    for (const interfaceName of interfaces) join(site, ALL_SERVERS_OF_SITE, interfaceName, port);
    return made;
  } catch (thrown) {
    closeAll6(made);
    throw thrown;
  }
}

/** Hears clients and relays of one link alone: nothing to wait for, not even that the interface's addresses become usable. */
export async function openLinkSocket6(interfaceName: string, port: number): Promise<Dhcp6Socket> {
  requireAddresses(interfaceName);
  const socket = await bound({ host: `${ALL_SERVERS_ON_LINK}%${interfaceName}`, port, interfaceName });
  try {
    join(socket, ALL_SERVERS_ON_LINK, interfaceName, port);
  } catch (thrown) {
    socket.close();
    throw thrown;
  }
  return { hears: 'multicast', interfaceName, address: null, socket };
}

export function closeAll6(sockets: readonly Dhcp6Socket[]): void {
  for (const { socket } of sockets) socket.close();
}

/** Our addresses on an interface, those that others can reach us by before link-local ones. */
export function ipv6AddressesOf(interfaceName: string): Ipv6[] {
  const all = (networkInterfaces()[interfaceName] ?? []).flatMap((one) => (one.family === 'IPv6' ? (parseIpv6(one.address) ?? []) : []));
  return [...all.filter((one) => !isLinkLocal6(one)), ...all.filter(isLinkLocal6)];
}

/** The address of ours that answers to that one would come from: firmware takes a file only from the address that it asked (Mtftp6). */
export function sourceAddressFor(destination: Ipv6): Promise<Ipv6 | undefined> {
  const socket = createSocket({ type: 'udp6', lookup: (name, _options, done) => done(null, name, 6) });
  return new Promise((resolve) => {
    const found = (address: Ipv6 | undefined): void => {
      socket.close();
      resolve(address);
    };
    socket.once('error', () => found(undefined)); // no route there: the caller has other ways to choose
    socket.connect(DISCARD_PORT, destination, () => found(parseIpv6(socket.address().address))); // sends nothing
  });
}

/** Every interface but loopback that has an IPv6 address: what an empty [dhcp6] interfaces means. */
export function interfacesWithIpv6(): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list = []]) =>
    list.some((one) => one.family === 'IPv6' && !one.internal) ? [name] : [],
  );
}

function requireAddresses(interfaceName: string): Ipv6[] {
  if (!Object.hasOwn(networkInterfaces(), interfaceName)) {
    const hint = 'List the interfaces with: ip -br addr. Then bring it up, or correct [dhcp6] interfaces.';
    throw fail('dhcp6.no_interface', {
      message: `There is no network interface ${interfaceName} that is up.`,
      hint,
      detail: { interfaceName },
    });
  }
  const addresses = ipv6AddressesOf(interfaceName);
  if (addresses.length > 0) return addresses;
  const hint = `Is IPv6 switched off there (sysctl net.ipv6.conf.${interfaceName}.disable_ipv6)? Or take it out of [dhcp6] interfaces.`;
  throw fail('dhcp6.no_address', {
    message: `The network interface ${interfaceName} has no IPv6 address.`,
    hint,
    detail: { interfaceName },
  });
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly interfaceName: string;
}

async function boundWhenReady(place: Place, clock: Clock, signal?: AbortSignal): Promise<Socket> {
  const end = clock.monotonic() + NEW_ADDRESS_MS;
  for (;;) {
    try {
      return await bound(place);
    } catch (thrown) {
      const isNew = thrown instanceof Error && systemCode(thrown.cause) === 'EADDRNOTAVAIL';
      if (!isNew || clock.monotonic() >= end) throw thrown;
    }
    await clock.sleep(NEW_ADDRESS_POLL_MS, signal);
  }
}

function bound(place: Place): Promise<Socket> {
  // Addresses are always numbers here: no resolver, no detour through the thread pool for each datagram.
  const socket = createSocket({
    type: 'udp6',
    ipv6Only: true,
    recvBufferSize: RECEIVE_BUFFER,
    lookup: (name, _options, done) => done(null, name, 6),
  });
  return new Promise((resolve, reject) => {
    const refuse = (cause: Error): void => {
      socket.close();
      reject(socketError(place, cause));
    };
    socket.once('error', refuse);
    socket.bind({ port: place.port, address: place.host, exclusive: true }, () => {
      socket.off('error', refuse);
      resolve(socket);
    });
  });
}

function join(socket: Socket, group: string, interfaceName: string, port: number): void {
  try {
    socket.addMembership(group, `::%${interfaceName}`);
  } catch (thrown) {
    throw socketError({ host: `${group}%${interfaceName}`, port, interfaceName }, thrown);
  }
}

function socketError({ host, port, interfaceName }: Place, cause: unknown): Error {
  const code = systemCode(cause) ?? 'an unnamed error';
  const where = `UDP [${host}]:${port} on ${interfaceName}`;
  const detail = { host, port, interfaceName, code };
  if (code === 'EACCES' || code === 'EPERM') {
    const hint = 'Run as root, give the program CAP_NET_BIND_SERVICE, or set [dhcp6] mode = "off".';
    return fail('dhcp6.port_denied', { message: `No permission to open ${where} for DHCPv6.`, hint, detail, cause });
  }
  if (code === 'EADDRINUSE') {
    const hint = `See who has it: ss -ulpn 'sport = :${port}'. Stop that DHCPv6 server, or set [dhcp6] mode = "off".`;
    return fail('dhcp6.port_in_use', { message: `${where} is already in use by another program.`, hint, detail, cause });
  }
  if (code === 'EADDRNOTAVAIL') {
    const hint = 'The address is new, gone, or used twice on the network (ip -6 addr shows "tentative" or "dadfailed").';
    return fail('dhcp6.no_address', { message: `${where}: the system has no such usable address.`, hint, detail, cause });
  }
  const hint = 'The system refused the socket; its error name says why.';
  return fail('dhcp6.socket', { message: `${where} could not be opened for DHCPv6: ${code}.`, hint, detail, cause });
}
