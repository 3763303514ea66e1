// The DHCP sockets of `serve`: inherited, or by way of the launcher, or a single interface without it.

import { subnetsOf } from './app-network.ts';
import type { Config } from './config/index.ts';
import type { RackseedError } from './lib/index.ts';
import {
  adoptSockets,
  type DhcpSocket,
  hasLauncher,
  interfacesWithIpv4,
  noInterface,
  openSingleInterface,
  reexecThroughLauncher,
  takeInheritedSockets,
} from './net/dhcp/index.ts';

export interface SocketOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly pid: number;
  /** The command line of this process: to come back to from the launcher. */
  readonly command: readonly string[];
  readonly execve: (file: string, args: readonly string[], env: Record<string, string>) => unknown;
}

export interface OpenedSockets {
  readonly sockets: readonly DhcpSocket[];
  /** What the appliance starts without, for the operator. */
  readonly warnings: readonly RackseedError[];
}

export async function openDhcpSockets(config: Config, { env, pid, command, execve }: SocketOptions): Promise<OpenedSockets> {
  const { mode, interfaces, port, client_port: clientPort, proxy_port: proxyPort } = config.dhcp;
  if (mode === 'off') return { sockets: [], warnings: [] };
  const { sockets: inherited, missing } = takeInheritedSockets(env, pid, clientPort);
  if (inherited.length > 0) return { sockets: await adoptSockets(inherited, subnetsOf(config)), warnings: missing };
  const names = interfaces.length > 0 ? interfaces : interfacesWithIpv4();
  const [first, second] = names;
  if (first === undefined) throw noInterface();
  const ports = [port, proxyPort];
  if (!hasLauncher() && second === undefined) {
    return { sockets: await openSingleInterface(first, ports, subnetsOf(config), clientPort), warnings: [] };
  }
  return reexecThroughLauncher({ interfaces: names, ports, clientPort, command, env }, execve);
}
