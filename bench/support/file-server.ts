// A web server of one directory in a process of its own: ranges, and nothing else. `node file-server.ts DIRECTORY` prints its port.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';

export interface FileServer {
  url(name: string): string;
  stop(): Promise<void>;
}

export async function startFileServer(directory: string): Promise<FileServer> {
  const child: ChildProcess = spawn(process.execPath, [import.meta.filename, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new TypeError('its output is piped');
  const [line] = (await once(child.stdout, 'data')) as [Buffer]; // what a pipe gives
  const port = Number(line.toString('utf8'));
  return {
    url: (name) => `http://127.0.0.1:${port}/${name}`,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

function serve(directory: string): void {
  const server = createServer((request, response) => {
    const path = join(directory, basename(request.url ?? ''));
    const { size } = statSync(path);
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = Number(from ?? 0);
    const end = to === undefined || to === '' ? size - 1 : Number(to);
    response.writeHead(from === undefined ? 200 : 206, {
      etag: `"${size}"`,
      'accept-ranges': 'bytes',
      'content-length': end - start + 1,
      ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${end}/${size}` }),
    });
    createReadStream(path, { start, end, highWaterMark: 2 ** 20 }).pipe(response);
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo; // it listens on a port
    process.stdout.write(`${port}\n`);
  });
}

if (process.argv[1] === import.meta.filename && process.argv[2] !== undefined) serve(process.argv[2]);
