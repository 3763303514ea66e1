// How simulated machines fetch files: TFTP as EDK2 does (blksize 1468, windowsize 4: PcdPxeTftpWindowSize), and HTTP from the machine's own address. The bytes
// are counted and thrown away.

import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

const RESEND_MS = 1000;
const MAX_RESENDS = 30;
const HTTP_LIMIT_MS = 180_000;

/** Resolves with the number of bytes. */
export function fetchTftp(from: string, server: string, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const request = Buffer.from(`\0\x01${name}\0octet\0tsize\x000\0blksize\x001468\0windowsize\x004\0`, 'latin1');
    let last: Uint8Array = request;
    let [port, block, received, size, window, unacknowledged, resends] = [69, 0, 0, 512, 1, 0, 0];
    const settle = (error: Error | undefined): void => {
      clearInterval(timer);
      socket.close();
      if (error === undefined) resolve(received);
      else reject(error);
    };
    const send = (packet: Uint8Array): void => {
      last = packet;
      socket.send(packet, port, server);
    };
    const acknowledge = (): void => send(Buffer.from([0, 4, block >> 8, block & 255]));
    let heardAt = performance.now();
    const timer = setInterval(() => {
      if (performance.now() - heardAt < RESEND_MS) return;
      resends += 1;
      unacknowledged = 0;
      if (resends > MAX_RESENDS) settle(new Error(`TFTP of ${name} stopped at block ${block}`));
      else if (block > 0) acknowledge();
      else send(last);
    }, RESEND_MS);
    socket.on('message', (bytes, peer) => {
      heardAt = performance.now();
      const op = bytes.readUInt16BE(0);
      if (op === 5) return settle(new Error(`TFTP of ${name}: ${bytes.toString('latin1', 4)}`));
      if (port === 69) port = peer.port;
      if (op === 6) {
        size = Number(/blksize\0(\d+)/.exec(bytes.toString('latin1'))?.[1] ?? 512);
        window = Number(/windowsize\0(\d+)/.exec(bytes.toString('latin1'))?.[1] ?? 1);
        return acknowledge();
      }
      if (op !== 3 || bytes.readUInt16BE(2) !== ((block + 1) & 0xffff)) return;
      block = (block + 1) & 0xffff;
      received += bytes.length - 4;
      unacknowledged += 1;
      const isLast = bytes.length - 4 < size;
      if (unacknowledged >= window || isLast) {
        unacknowledged = 0;
        acknowledge();
      }
      if (isLast) settle(undefined);
    });
    socket.on('error', (error) => settle(error));
    socket.bind(0, from, () => send(request));
  });
}

export interface Fetched {
  readonly bytes: number;
  /** Only of texts: at most so many of the first bytes. */
  readonly text: string;
}

const TEXT_BYTES = 16_384;
/** All connections read into one buffer: nobody looks at the bytes later. */
const SCRAP = Buffer.allocUnsafe(256 * 1024);

/** As a boot loader does: a connection of its own, Content-Length believed, 503 waited for. */
export async function fetchHttp(from: string, url: string): Promise<Fetched> {
  for (;;) {
    const answer = await fetchOnce(from, new URL(url));
    if (answer.status === 200) return answer;
    if (answer.status !== 503) throw new Error(`${url}: status ${answer.status}`);
    await new Promise((resolve) => setTimeout(resolve, answer.retrySeconds * 1000));
  }
}

interface Answer extends Fetched {
  readonly status: number;
  readonly retrySeconds: number;
}

function fetchOnce(from: string, { hostname, port, pathname, search }: URL): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let head = '';
    let length = -1;
    let [received, text] = [0, ''];
    const take = (count: number, bytes: Uint8Array): void => {
      if (length < 0) {
        head += Buffer.from(bytes.buffer, bytes.byteOffset, count).toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
        text = head.slice(end + 4);
        received = text.length;
        head = head.slice(0, end);
      } else {
        if (received < TEXT_BYTES) text += Buffer.from(bytes.buffer, bytes.byteOffset, count).toString('latin1');
        received += count;
      }
      if (received >= length) finish();
    };
    const finish = (): void => {
      const status = Number(head.split(' ')[1]);
      const retrySeconds = Number(/^retry-after: *(\d+)/im.exec(head)?.[1] ?? 1);
      socket.destroy();
      resolve({ bytes: received, text: text.slice(0, TEXT_BYTES), status, retrySeconds });
    };
    const socket = connect({
      host: hostname,
      port: Number(port),
      localAddress: from,
      onread: {
        buffer: SCRAP,
        callback: (count, bytes) => {
          take(count, bytes);
          return true;
        },
      },
    });
    socket.setTimeout(HTTP_LIMIT_MS, () => socket.destroy(new Error(`${pathname}: nothing came for ${HTTP_LIMIT_MS / 1000} s`)));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${pathname}: closed after ${received} of ${length} bytes`)));
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: keep-alive\r\n\r\n`);
  });
}
