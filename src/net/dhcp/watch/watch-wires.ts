// Between the server and its watch: sockets as wires, and the state of all of them as one.

import type { Ipv4 } from '../../../lib/index.ts';
import type { DhcpPorts } from '../reply.ts';
import type { DhcpServerOptions } from '../server.ts';
import type { DhcpSocket } from '../sockets.ts';
import type { DhcpInterfaceStatus, DhcpStatus } from '../status.ts';
import { isSet } from '../subnet.ts';
import { Watch, type WireSpec } from './watch.ts';

export function watchOf(
  options: DhcpServerOptions,
  ports: DhcpPorts,
  onAddress: (interfaceName: string, address: Ipv4) => void,
): Watch | undefined {
  const { watch, mode, sockets, clock, log, onNews = () => undefined } = options;
  if (watch === undefined || mode === 'off') return undefined;
  const names = [...new Set(sockets.map((one) => one.interfaceName))];
  const wires = names.flatMap((interfaceName): WireSpec[] => {
    const here = sockets.filter((one) => one.interfaceName === interfaceName);
    const server = here.find((one) => one.port === ports.server);
    if (server === undefined) return [];
    return [
      {
        interfaceName,
        address: isSet(server.address) ? server.address : null,
        hearsClientPort: here.some((one) => one.port === ports.client),
        send: (bytes, port, address) => sendFrom(server, bytes, { port, address }),
        onAddress: (address) => onAddress(interfaceName, address),
      },
    ];
  });
  return new Watch({ ...watch, mode, wires, ports, clock, log, onNews });
}

function sendFrom(at: DhcpSocket, bytes: Uint8Array, to: { readonly port: number; readonly address: Ipv4 }): Promise<void> {
  return new Promise((resolve, reject) => {
    (at.reply ?? at.socket).send(bytes, to.port, to.address, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** Nobody looks for other servers: each interface answers. */
export function unwatched(sockets: readonly DhcpSocket[]): DhcpInterfaceStatus[] {
  const named = new Map(sockets.map((one) => [one.interfaceName, one.address]));
  return [...named].map(([name, address]) => ({
    name,
    address,
    state: 'answering',
    reason: 'no search for other DHCP servers was asked for',
    hint: null,
    problem: null,
    hearsClientPort: false,
    lastSearchAt: null,
    otherServers: [],
  }));
}

/** What deserves a look first: standing aside, then watching, then what has a hint. */
export function statusOf(mode: DhcpStatus['mode'], interfaces: readonly DhcpInterfaceStatus[], counters: object): DhcpStatus {
  const common = { mode, interfaces, counters: { ...counters } };
  if (mode === 'off') return { ...common, state: 'off', reason: 'dhcp.mode is "off": nothing is answered' };
  const states = new Set(interfaces.map((one) => one.state));
  const state = states.has('answering') ? 'answering' : states.has('watching') ? 'watching' : 'standing-aside';
  const reasons = interfaces.map(({ reason, hint }) => (hint === null ? reason : `${reason}. ${hint}`));
  return { ...common, state, reason: [...new Set(reasons)].join('; ') };
}
