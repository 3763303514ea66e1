// Plays a DHCP client inside a network namespace: sends datagrams (hex, as arguments: port, then the datagrams) and prints each answer.

import { createSocket } from 'node:dgram';
import { decode, getOption, messageName, OPTIONS } from '../../../src/net/dhcp/index.ts';

const [from = '68', to = '255.255.255.255:67', ...datagrams] = process.argv.slice(2);
const [host = '', port = '67'] = to.split(':');
const socket = createSocket('udp4');
socket.on('message', (datagram, sender) => {
  const packet = decode(datagram);
  const answer = {
    message: messageName(packet.options),
    yiaddr: packet.yiaddr,
    file: packet.file,
    from: sender.address,
    vendorClass: getOption(packet.options, 'vendorClass'),
    /** Option 43 and 97, in hexadecimal. */
    vendorOptions: hexOf(packet.options.get(OPTIONS.vendorOptions.code)),
    uuid: hexOf(packet.options.get(OPTIONS.clientUuid.code)),
  };
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
socket.bind(Number(from), () => {
  socket.setBroadcast(true);
  let next: Promise<unknown> = Promise.resolve();
  for (const hex of datagrams) {
    next = next.then(() => new Promise((resolve) => socket.send(Buffer.from(hex, 'hex'), Number(port), host, resolve)));
  }
});

function hexOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');
}
