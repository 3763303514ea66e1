// The appliance's image files as it gives them to agents, in a process of its own: the map of what is not zero, those parts, or all of a
// file, with ranges. No TLS and no tokens. `node image-server.ts DIRECTORY` prints its port.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createImageFiles, dataBytes, type ImageFiles } from '../../src/install/index.ts';

export interface ImageServer {
  readonly url: (name: string) => string;
  readonly stop: () => Promise<void>;
}

/** It has read the named image for its checksum before it answers. */
export async function startImageServer(directory: string, name: string): Promise<ImageServer> {
  const child: ChildProcess = spawn(process.execPath, [import.meta.filename, directory, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new TypeError('its output is piped');
  const [line] = (await once(child.stdout, 'data')) as [Buffer]; // what a pipe gives
  const port = Number(line.toString('utf8'));
  return {
    url: (file) => `http://127.0.0.1:${port}/${file}`,
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

async function answer(images: ImageFiles, path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const file = await images.find(path);
  const map = await images.map(file);
  const part = new URL(request.url ?? '', 'http://localhost').searchParams.get('part');
  const tag = part === null ? file.tag : `${file.tag}-data`;
  if (map === null || part === 'map') {
    response
      .writeHead(map === null ? 404 : 200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ tag: `${file.tag}-data`, ...map }));
    return;
  }
  const size = part === null ? file.bytes : dataBytes(map);
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  response.writeHead(from === undefined ? 200 : 206, {
    etag: `"${tag}"`,
    'accept-ranges': 'bytes',
    'content-length': size - start,
    ...(from === undefined ? {} : { 'content-range': `bytes ${start}-${size - 1}/${size}` }),
  });
  await pipeline(
    Readable.from(part === null ? images.read(file, start, size - 1) : images.readData(file, map, start, size - 1), { objectMode: false }),
    response,
  );
}

async function serve(directory: string, name: string): Promise<void> {
  const images = createImageFiles({ directory, named: [] });
  await images.describe(join(directory, name), new AbortController().signal);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://localhost');
    answer(images, join(directory, basename(pathname)), request, response).catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo; // it listens on a port
    process.stdout.write(`${port}\n`);
  });
}

if (process.argv[1] === import.meta.filename) await serve(process.argv[2] ?? '.', process.argv[3] ?? '');
