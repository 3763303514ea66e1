// wol: wakes a machine by magic packets to the ports that the node has. It can not be told anything else, and nobody can see what it did.

import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { Type } from 'typebox';
import { type Clock, type Mac, macToBytes, messageOf } from '../lib/index.ts';
import { fail } from './errors.ts';
import { infoRefusal, numberIn, textIn } from './info.ts';
import type { Call, Driver, Target } from './seam.ts';

export const WOL_INFO = Type.Object({
  wol_host: Type.Optional(
    Type.String({
      description: 'IPv4 address to send to. Unless told, the broadcast address of each network that the appliance is in. Optional.',
      format: 'ipv4',
    }),
  ),
  wol_port: Type.Optional(
    Type.Union([Type.Integer({ minimum: 1, maximum: 65_535 }), Type.String({ pattern: '^[0-9]{1,5}$' })], {
      description: 'UDP port; 9 unless told. Optional.',
    }),
  ),
  wol_interface: Type.Optional(
    Type.String({ description: 'Send through this network interface of the appliance only. Optional.', minLength: 1, maxLength: 15 }),
  ),
  wol_password: Type.Optional(
    Type.String({
      description: 'SecureOn password of the network card, written as a MAC address. Optional.',
      pattern: '^(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$',
    }),
  ),
});

export type SendMagic = (way: WayOut, port: number, packets: readonly Buffer[], call: Call, clock: Clock) => Promise<void>;

export interface WolParts {
  readonly clock: Clock;
  readonly send?: SendMagic;
  readonly interfaces?: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
}

/** Nobody acknowledges them, and cards that just lost their link miss the first. */
const TIMES = 3;
const PAUSE_MS = 100;

export function wolDriver({ clock, send = sendAll, interfaces = networkInterfaces }: WolParts): Driver {
  return {
    interface: 'power',
    name: 'wol',
    title: 'Wake-on-LAN',
    info: WOL_INFO,
    needsMacs: true,
    refusal: ({ driverInfo, macs }) => {
      const host = textIn(driverInfo, 'wol_host');
      if (host !== undefined && isIP(host) !== 4) return 'driver_info/wol_host is no IPv4 address';
      const port = numberIn(driverInfo, 'wol_port', 9);
      if (!(port >= 1 && port <= 65_535)) return 'driver_info/wol_port is no UDP port';
      const wrong = infoRefusal(WOL_INFO, driverInfo);
      return wrong ?? (macs.length === 0 ? 'the node has no port whose MAC address could be woken: add a port' : null);
    },
    power: {
      targets: ['power on'],
      state: (_target, call) => {
        call.signal.throwIfAborted();
        return Promise.resolve(null);
      },
      set: (target, _wanted, call) => wake(target, call, { clock, send }, interfaces()),
    },
  };
}

async function wake(
  target: Target,
  call: Call,
  { clock, send }: Required<Pick<WolParts, 'clock' | 'send'>>,
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>,
): Promise<void> {
  call.signal.throwIfAborted();
  const { driverInfo, macs } = target;
  const port = numberIn(driverInfo, 'wol_port', 9);
  const ways = waysOut(interfaces, textIn(driverInfo, 'wol_interface'), textIn(driverInfo, 'wol_host'));
  const packets = macs.map((mac) => magicPacket(mac, textIn(driverInfo, 'wol_password')));
  const failures: string[] = [];
  for (const way of ways) {
    try {
      await send(way, port, packets, call, clock);
    } catch (thrown) {
      call.signal.throwIfAborted();
      failures.push(`${way.to}: ${messageOf(thrown)}`);
    }
  }
  if (failures.length < ways.length) return;
  throw fail('power.unreachable', {
    message: `node ${target.name ?? target.uuid} can not be woken: ${failures.join('; ') || 'the appliance has no IPv4 network that it could send into'}`,
    hint: 'Set driver_info/wol_interface or wol_host, or look at the network of the appliance.',
  });
}

export interface WayOut {
  /** Our address; undefined: whichever the route takes. */
  readonly from: string | undefined;
  readonly to: string;
}

/**
 * A packet to 255.255.255.255 leaves through the interface of the default route only; one to a network's own broadcast address leaves
 * through the interface that is in that network.
 */
export function waysOut(interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>, only?: string, host?: string): readonly WayOut[] {
  const chosen = Object.entries(interfaces).filter(([name]) => only === undefined || name === only);
  const own = chosen.flatMap(([, addresses]) => addresses ?? []).filter((one) => one.family === 'IPv4');
  if (host !== undefined)
    return only === undefined ? [{ from: undefined, to: host }] : own.slice(0, 1).map(({ address }) => ({ from: address, to: host }));
  const ways = own
    .filter(({ internal, cidr }) => !internal && Number(cidr?.split('/')[1] ?? 32) < 31)
    .map(({ address, netmask }) => ({ from: address, to: broadcastOf(address, netmask) }));
  return [...new Map(ways.map((way) => [way.to, way])).values()];
}

function broadcastOf(address: string, netmask: string): string {
  const mask = netmask.split('.').map(Number);
  return address
    .split('.')
    .map((part, at) => (Number(part) | (~(mask[at] ?? 255) & 255)) & 255)
    .join('.');
}

/** Six times ff, sixteen times the address, and the password where there is one. */
export function magicPacket(mac: Mac, password?: string): Buffer {
  const address = Buffer.from(macToBytes(mac));
  const secret = Buffer.from((password ?? '').replaceAll(/[:-]/g, ''), 'hex');
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => address), secret]);
}

const sendAll: SendMagic = async ({ from, to }, port, packets, call, clock) => {
  const socket = createSocket({ type: 'udp4', signal: call.signal });
  socket.on('error', () => undefined); // bind and send tell it to whoever asked
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ port: 0, ...(from === undefined ? {} : { address: from }) }, resolve);
    });
    socket.setBroadcast(true);
    for (let time = 0; time < TIMES; time += 1) {
      if (time > 0) await clock.sleep(PAUSE_MS, call.signal);
      for (const packet of packets) await sendOne(socket, packet, port, to);
    }
  } finally {
    if (!call.signal.aborted) socket.close();
  }
};

function sendOne(socket: ReturnType<typeof createSocket>, packet: Buffer, port: number, to: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(packet, port, to, (error) => (error === null ? resolve() : reject(error)));
  });
}
