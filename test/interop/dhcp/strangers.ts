// A flood of DISCOVERs from machines that don't exist, each from a MAC of its own, until SIGTERM; then it says how many it sent. Arguments:
// where to, and how many a second. Nobody waits for the answers.

import { randomFillSync } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { DISCOVER, packetOf, rename } from './packets.ts';

const [to = '', perSecond = '1'] = process.argv.slice(2);
/** At most so many in one go, when the timer came late: fewer than overrun a socket's buffer. */
const BURST = 100;

const mac = Buffer.alloc(6);
const packet = packetOf({ type: DISCOVER, xid: 0, mac });
const socket = createSocket('udp4');
socket.bind(0);
await once(socket, 'listening');
socket.setBroadcast(true);
let isOver = false;
process.once('SIGTERM', () => {
  isOver = true;
});

const start = performance.now();
let [sent, failed] = [0, 0];
while (!isOver) {
  const due = Math.min(BURST, ((performance.now() - start) / 1000) * Number(perSecond) - sent);
  if (due < 1) await pause(1);
  const sending: Promise<void>[] = [];
  for (let one = 0; one < Math.floor(due); one += 1) sending.push(send());
  await Promise.all(sending);
  await turn();
}
socket.close();
process.stdout.write(`${JSON.stringify({ sent, failed, seconds: (performance.now() - start) / 1000 })}\n`);

function send(): Promise<void> {
  randomFillSync(mac);
  mac[0] = 2; // locally administered, of one machine
  rename(packet, mac, sent);
  sent += 1;
  return new Promise((resolve) =>
    // A copy, since the datagram may be sent later.
    socket.send(Buffer.from(packet), 67, to, (error) => {
      if (error !== null) failed += 1;
      resolve();
    }),
  );
}
