// Sends malformed datagrams to a live DHCP server, from inside a namespace. Arguments: address, count.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { IPXE_DISCOVER, OVMF_DISCOVER } from '../../unit/net/dhcp/packets.ts';
import { mutations } from '../../unit/net/mutate.ts';

const [address = '127.0.0.1', count = '1'] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.bind(0);
await once(socket, 'listening');
for (const datagram of mutations([IPXE_DISCOVER, OVMF_DISCOVER], Number(count), 3)) {
  await new Promise((resolve) => socket.send(datagram, 67, address, resolve));
}
socket.close();
