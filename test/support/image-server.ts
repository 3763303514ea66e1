// A web server for images that breaks in the middle when it is told to. It takes ranges as real ones do (RFC 9110 §14).

import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ImageServer {
  readonly url: (path: string) => string;
  /** Of each request: path and Range. */
  readonly asked: { readonly path: string; readonly range: string | undefined; readonly ifRange: string | undefined }[];
  /** Bytes after which each of the next replies breaks off, one after the other. */
  readonly breaks: number[];
  readonly files: Map<string, Buffer>;
  takesRanges: boolean;
  etag: string;
}

export async function serveImages(files: Readonly<Record<string, Buffer>>): Promise<ImageServer> {
  const state = { takesRanges: true, etag: '"one"' };
  const asked: ImageServer['asked'] = [];
  const breaks: number[] = [];
  const held = new Map(Object.entries(files));
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const { range, 'if-range': ifRange } = request.headers;
    asked.push({ path, range, ifRange: Array.isArray(ifRange) ? ifRange[0] : ifRange });
    if (path.startsWith('/moved')) {
      response.writeHead(302, { location: path.slice('/moved'.length) }).end();
      return;
    }
    const bytes = held.get(path);
    if (bytes === undefined) {
      response.writeHead(404).end();
      return;
    }
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? '') ?? [];
    const isPart = state.takesRanges && from !== undefined && (ifRange === undefined || ifRange === state.etag);
    const start = isPart ? Number(from) : 0;
    const end = isPart && to !== undefined && to !== '' ? Number(to) : bytes.length - 1;
    response.writeHead(isPart ? 206 : 200, {
      etag: state.etag,
      'content-length': end - start + 1,
      ...(state.takesRanges ? { 'accept-ranges': 'bytes' } : {}),
      ...(isPart ? { 'content-range': `bytes ${start}-${end}/${bytes.length}` } : {}),
    });
    send(response, bytes.subarray(start, end + 1), end - start > 1e6 ? breaks.shift() : undefined);
  });
  await listening(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // it listens on a port
  return Object.assign(state, { url: (path: string) => `http://127.0.0.1:${port}${path}`, asked, breaks, files: held });
}

function send(response: ServerResponse, bytes: Buffer, breakAfter: number | undefined): void {
  if (breakAfter === undefined) {
    response.end(bytes);
    return;
  }
  response.write(bytes.subarray(0, breakAfter), () => response.destroy());
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
}
