// Plays a DHCPv6 client inside a network namespace: sends datagrams (hex) to an address from port 546 or another, prints each answer.

import { createSocket } from 'node:dgram';
import { decode6, getOption6, isRelay6, type Packet6 } from '../../../src/net/dhcp6/index.ts';

const [from = '546', to = '', ...datagrams] = process.argv.slice(2);
const socket = createSocket('udp6');

function shown(packet: Packet6): Record<string, unknown> {
  if (isRelay6(packet)) {
    const inner = getOption6(packet.options, 'relayMessage');
    return { relay: packet.linkAddress, ...(inner === undefined ? {} : shown(decode6(inner))) };
  }
  const status = getOption6(packet.options, 'statusCode');
  return { type: packet.type, url: getOption6(packet.options, 'bootFileUrl'), status: status?.code };
}

socket.on('message', (datagram, sender) => {
  process.stdout.write(`${JSON.stringify({ ...shown(decode6(datagram)), from: sender.address })}\n`);
});
socket.bind(Number(from), '::', () => {
  for (const hex of datagrams) socket.send(Buffer.from(hex, 'hex'), 547, to);
});
