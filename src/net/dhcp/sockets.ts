// The DHCP sockets, one per interface and port: inherited from the launcher or from systemd, or opened here for a single interface.
// Node can neither bind a socket to a device nor tell the interface of a packet (docs/decisions/0004-dhcp-sockets.md).

import { createSocket, type Socket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { type Ipv4, messageOf, parseIpv4, type RackseedError, resource, type Subnet, subnetHas, systemCode } from '../../lib/index.ts';
import { NO_ADDRESS } from './codec.ts';
import { fail } from './errors.ts';

export interface DhcpSocket {
  readonly interfaceName: string;
  /** Our own IPv4 address there; 0.0.0.0 while it has none. */
  readonly address: Ipv4;
  readonly port: number;
  /** Hears. Answers too, unless `reply` is given. */
  readonly socket: Socket;
  readonly reply?: Socket;
}

export interface InheritedSocket {
  readonly fd: number;
  readonly interfaceName: string;
  readonly port: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const FIRST_FD = 3;
const MAX_FDS = 1024;
const ALL_HOSTS = '255.255.255.255';
const SOCKET_NAME = /^dhcp-(\d{1,5})-(.+)$/;
const LISTEN_ERROR = 'RACKSEED_LISTEN_ERROR';
const PERL = '/usr/bin/perl';
const STANDARD_CLIENT_PORT = 68;

export interface Inheritance {
  readonly sockets: readonly InheritedSocket[];
  /** Interfaces that are not there, while others are: the rest goes on without them. */
  readonly missing: readonly RackseedError[];
}

/**
 * The sockets handed over by systemd's protocol, named dhcp-PORT-INTERFACE (FileDescriptorName= of a socket unit). Empty when none are
 * for us. Throws what the launcher could not do, unless we can go on without: the client's port, which a DHCP client of this machine may
 * hold, and an interface that is missing among others.
 */
export function takeInheritedSockets(env: Environment, pid: number, clientPort = STANDARD_CLIENT_PORT): Inheritance {
  const sockets = inheritedIn(env, pid);
  const refusals = refusalsIn(env).filter((one) => one.port !== clientPort);
  const hasAny = sockets.some((one) => one.port !== clientPort);
  const fatal = refusals.find((one) => one.code !== 'ENODEV' || !hasAny);
  if (fatal !== undefined) throw socketError(fatal);
  const names = new Set(refusals.map((one) => one.interfaceName));
  const missing = [...names].flatMap((name) => refusals.find((one) => one.interfaceName === name) ?? []);
  return { sockets, missing: missing.map(socketError) };
}

function inheritedIn(env: Environment, pid: number): InheritedSocket[] {
  const count = Number(env.LISTEN_FDS ?? 0);
  if (Number(env.LISTEN_PID) !== pid || !Number.isInteger(count) || count < 1 || count > MAX_FDS) return [];
  const names = (env.LISTEN_FDNAMES ?? '').split(':');
  return names.slice(0, count).flatMap((name, index) => {
    const [, port, interfaceName] = SOCKET_NAME.exec(name) ?? [];
    return port === undefined || interfaceName === undefined ? [] : [{ fd: FIRST_FD + index, interfaceName, port: Number(port) }];
  });
}

interface Refusal {
  readonly interfaceName: string;
  readonly port: number;
  readonly step: string;
  readonly code: string;
  readonly cause?: unknown;
}

function refusalsIn(env: Environment): Refusal[] {
  const text = env[LISTEN_ERROR];
  if (text === undefined) return [];
  return text.split(';').map((one) => {
    const [interfaceName = '?', port = '?', step = '?', errno = '0'] = one.split(' ');
    return { interfaceName, port: Number(port), step, code: systemErrorName(Number(errno)) };
  });
}

function systemErrorName(errno: number): string {
  return Number.isInteger(errno) && errno > 0 ? getSystemErrorName(-errno) : `error ${errno}`;
}

function socketError(what: Refusal): RackseedError {
  const { interfaceName, port, code, step, cause } = what;
  const where = `UDP port ${port} on ${interfaceName}`;
  const detail = { interfaceName, port, code, step };
  if (code === 'EACCES' || code === 'EPERM') {
    const hint =
      'Run as root, or give the program the capability CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE).';
    return fail('dhcp.port_denied', { message: `No permission to open ${where} (${code}).`, hint, detail, cause });
  }
  if (code === 'EADDRINUSE') {
    const hint = `See who has it: ss -ulpn 'sport = :${port}'. Stop that DHCP server, or set [dhcp] mode = "off".`;
    return fail('dhcp.port_in_use', { message: `${where} is already in use by another program.`, hint, detail, cause });
  }
  if (code === 'ENODEV') {
    const hint = 'List the interfaces with: ip -br link. Then correct [dhcp] interfaces.';
    return fail('dhcp.no_interface', { message: `There is no network interface named ${interfaceName}.`, hint, detail, cause });
  }
  const hint = 'The system refused the socket; its error name says why.';
  return fail('dhcp.socket', { message: `${where} could not be opened: ${code} at ${step}.`, hint, detail, cause });
}

/**
 * Gives the inherited descriptors to Node and looks up our address on each interface: one in a configured subnet where there are several.
 * An interface without an address is kept: it may get one from another DHCP server, later than we start.
 */
export async function adoptSockets(inherited: readonly InheritedSocket[], subnets: readonly Subnet[] = []): Promise<DhcpSocket[]> {
  const adopted: DhcpSocket[] = [];
  const interfaces = networkInterfaces();
  try {
    for (const { fd, interfaceName, port } of inherited) {
      const address = chooseAddress(interfaces[interfaceName], subnets, null) ?? NO_ADDRESS;
      adopted.push({ interfaceName, address, port, socket: await opened(interfaceName, port, (socket) => socket.bind({ fd })) });
    }
  } catch (thrown) {
    closeAll(adopted);
    throw thrown;
  }
  return adopted;
}

/**
 * Without the launcher: one interface. A socket on 0.0.0.0 hears broadcasts (of every interface: it can't tell), one bound to our address
 * sends them out of the right one and hears unicast. `clientPort` is only listened to, where nobody else does.
 */
export async function openSingleInterface(
  interfaceName: string,
  ports: readonly number[],
  subnets: readonly Subnet[] = [],
  clientPort: number | null = null,
): Promise<DhcpSocket[]> {
  const address = addressOf(interfaceName, subnets);
  const made: DhcpSocket[] = [];
  try {
    for (const port of ports) {
      // Two sockets on one port need address reuse, which would also hide another server: look for one first, alone.
      const probe = await opened(interfaceName, port, (socket) => socket.bind({ port, exclusive: true }), false);
      await new Promise<void>((resolve) => probe.close(() => resolve()));
      const bound = await opened(interfaceName, port, (socket) => socket.bind({ port, address, exclusive: true }));
      made.push({ interfaceName, address, port, socket: bound });
      const wild = await opened(interfaceName, port, (socket) => socket.bind({ port, exclusive: true }));
      made.push({ interfaceName, address, port, socket: wild, reply: bound });
    }
  } catch (thrown) {
    closeAll(made);
    throw thrown;
  }
  if (clientPort === null) return made;
  const heard = await opened(interfaceName, clientPort, (socket) =>
    socket.bind({ port: clientPort, address: ALL_HOSTS, exclusive: true }),
  ).catch(
    () => undefined, // a DHCP client of this machine may hold it: the search for other servers has another way
  );
  return heard === undefined ? made : [...made, { interfaceName, address, port: clientPort, socket: heard }];
}

/** Without perl, reexecThroughLauncher would end the process: Node can't take a failed exec back. */
export function hasLauncher(perl: string = PERL): boolean {
  return existsSync(perl);
}

export function closeAll(sockets: readonly DhcpSocket[]): void {
  for (const { socket } of sockets) socket.close();
}

function opened(interfaceName: string, port: number, bind: (socket: Socket) => unknown, reuseAddr = true): Promise<Socket> {
  const socket = createSocket({ type: 'udp4', reuseAddr, lookup: (host, _options, done) => done(null, host, 4) });
  return new Promise((resolve, reject) => {
    const refuse = (cause: unknown): void => {
      socket.close();
      reject(socketError({ interfaceName, port, code: systemCode(cause) ?? messageOf(cause), step: 'bind', cause }));
    };
    socket.once('error', refuse);
    socket.once('listening', () => {
      socket.off('error', refuse);
      socket.setBroadcast(true);
      resolve(socket);
    });
    try {
      bind(socket);
    } catch (thrown) {
      refuse(thrown); // bind({ fd }) throws at once for a descriptor that is no UDP socket
    }
  });
}

function addressOf(interfaceName: string, subnets: readonly Subnet[]): Ipv4 {
  const address = chooseAddress(networkInterfaces()[interfaceName], subnets, null);
  if (address !== undefined) return address;
  const hint = `Give it one (ip addr add 10.0.0.1/24 dev ${interfaceName}) and bring it up, or take it out of [dhcp] interfaces.`;
  throw fail('dhcp.no_address', {
    message: `The network interface ${interfaceName} has no IPv4 address.`,
    hint,
    detail: { interfaceName },
  });
}

/** The one in use while it is there, else one in a configured subnet, else the first. */
export function chooseAddress(
  list: readonly NetworkInterfaceInfo[] | undefined,
  subnets: readonly Subnet[],
  current: Ipv4 | null,
): Ipv4 | undefined {
  const addresses = ipv4Of(list);
  if (current !== null && addresses.includes(current)) return current;
  return addresses.find((one) => subnets.some((subnet) => subnetHas(subnet, one))) ?? addresses[0];
}

function ipv4Of(list: readonly NetworkInterfaceInfo[] = []): Ipv4[] {
  return list.flatMap((one) => (one.family === 'IPv4' ? (parseIpv4(one.address) ?? []) : []));
}

/** Nothing to serve on: no interface is named, and none has an address. */
export function noInterface(): RackseedError {
  return fail('dhcp.no_address', {
    message: 'No network interface of this machine has an IPv4 address.',
    hint: 'Give one an address (ip addr add 10.0.0.1/24 dev eno1), or name it: [dhcp] interfaces = ["eno1"].',
  });
}

/** Every interface but loopback that has an IPv4 address: what an empty [dhcp] interfaces means. */
export function interfacesWithIpv4(): string[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list = []]) =>
    list[0]?.internal !== true && ipv4Of(list).length > 0 ? [name] : [],
  );
}

export interface LauncherPlan {
  readonly interfaces: readonly string[];
  readonly ports: readonly number[];
  /** Only its broadcasts are heard, and only where it can be had. */
  readonly clientPort: number;
  /** The command line to come back to: Node, its flags, the script, its arguments. */
  readonly command: readonly string[];
  readonly env: Environment;
  /** Another than the program's own listen.pl. */
  readonly launcher?: string;
  readonly perl?: string;
}

/** What process.execve takes. */
export type Execve = (file: string, args: readonly string[], env: Record<string, string>) => unknown;

/**
 * Replaces this process by the launcher, which opens the sockets and becomes the same command again: call it when DHCP is on and
 * takeInheritedSockets gave nothing. Comes back only by throwing. The process id stays, so systemd and shells notice nothing.
 */
export function reexecThroughLauncher(plan: LauncherPlan, execve: Execve): never {
  const perl = plan.perl ?? PERL;
  const launcher = plan.launcher ?? resource('src/net/listen.pl');
  const wanted = plan.interfaces.flatMap((name) => [
    ...plan.ports.map((port) => `${name}:${port}`),
    `${name}:${plan.clientPort}:broadcast`,
  ]);
  const env = Object.fromEntries(Object.entries(plan.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
  try {
    execve(perl, [perl, launcher, ...wanted, '--', ...plan.command], env);
  } catch (cause) {
    const hint = `Install perl-base (every Debian has it), start through systemd socket units, or serve a single interface.`;
    throw fail('dhcp.socket', { message: `The socket launcher ${perl} could not be started: ${messageOf(cause)}.`, hint, cause });
  }
  throw fail('dhcp.socket', {
    message: `The socket launcher ${perl} came back.`,
    hint: 'This runtime lacks process.execve: use Node 22.15 or newer.',
  });
}
