// Which address of ours a peer reaches: what the kernel would send from. Asks the kernel's routes; no packet is sent.

import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

export interface Peer {
  readonly address: string;
  readonly port: number;
}

export function localAddressFor(peer: Peer): Promise<string> {
  const socket = createSocket(isIPv6(peer.address) ? 'udp6' : 'udp4');
  return new Promise<string>((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(peer.port, peer.address, () => resolve(socket.address().address));
  }).finally(() => socket.close());
}
