// The plain HTTP listener: boot scripts and boot files, nothing else. Everything secret or changing goes over HTTPS elsewhere.

import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type Component, type Log, messageOf, RackseedError, systemCode } from '../lib/index.ts';
import { fail } from './errors.ts';
import type { BootFile, BootFiles } from './files.ts';
import { plainAddress, urlHost } from './http-address.ts';
import { parseRange } from './range.ts';

/** 64 KiB reads cost twenty times the CPU of 1 MiB ones on big files (measured). */
const READ_BYTES = 1024 * 1024;
const OPEN_STREAMS_MAX = 256;
const HEADERS_TIMEOUT_MS = 15_000;
const IDLE_TIMEOUT_MS = 60_000;
const FILES = '/boot/files/';

/** What is asked of the other text routes: GRUB's configuration and whatever else is written for one machine. */
export interface TextRequest {
  /** Decoded by nobody: as the URL has it, beginning with a slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Our own address as this machine reached it, fit for a URL: IPv6 in brackets. */
  readonly serverAddress: string;
  /** The machine's address, without brackets. */
  readonly peer: string;
}

export interface TextAnswer {
  readonly body: string;
  readonly contentType: string;
}

export interface BootHttpOptions {
  readonly host: string;
  readonly port: number;
  readonly files: BootFiles;
  readonly startScript: (serverAddress: string) => string;
  /** The script for one machine; `query` is what its first script sent. */
  readonly machineScript: (query: URLSearchParams, serverAddress: string) => Promise<string>;
  /** Asked before the boot files; nothing means that the path is none of its own. */
  readonly texts?: (request: TextRequest) => Promise<TextAnswer | undefined>;
  readonly log: Log;
}

export interface BootHttp extends Component {
  /** The port in use, also when 0 was asked for. */
  port(): number;
}

export function createBootHttp(options: BootHttpOptions): BootHttp {
  const { log } = options;
  let open = 0;
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: HEADERS_TIMEOUT_MS, keepAliveTimeout: IDLE_TIMEOUT_MS },
    (request, response) => {
      answer(request, response).catch((thrown: unknown) => {
        log.warn({ url: request.url, peer: request.socket.remoteAddress, error: messageOf(thrown) }, 'boot request failed');
        if (response.headersSent) response.destroy();
        else if (thrown instanceof RackseedError) plain(response, thrown.status, `${thrown.message}\n${thrown.hint ?? ''}`);
        else plain(response, 500, 'The appliance failed to answer: see its log.');
      });
    },
  );
  server.setTimeout(IDLE_TIMEOUT_MS);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(response, 405, 'Only GET and HEAD.', { allow: 'GET, HEAD' });
    const url = URL.parse(request.url ?? '/', 'http://boot');
    if (url === null) return plain(response, 400, 'Bad URL.');
    const address = urlHost(plainAddress(request.socket.localAddress));
    if (url.pathname === '/boot/start.ipxe') return plain(response, 200, options.startScript(address));
    if (url.pathname === '/boot/machine.ipxe') return plain(response, 200, await options.machineScript(url.searchParams, address));
    // iPXE started by UEFI HTTP boot asks for autoexec.ipxe beside itself: it is the start script.
    if (url.pathname.endsWith('/autoexec.ipxe')) return plain(response, 200, options.startScript(address));
    const peer = plainAddress(request.socket.remoteAddress);
    const text = await options.texts?.({ path: url.pathname, query: url.searchParams, serverAddress: address, peer });
    if (text !== undefined) return plain(response, 200, text.body, { 'content-type': text.contentType });
    const file = url.pathname.startsWith(FILES) ? options.files.get(url.pathname.slice(FILES.length)) : undefined;
    if (file === undefined) return plain(response, 404, 'No such boot file.');
    return sendFile(request, response, file);
  }

  async function sendFile(request: IncomingMessage, response: ServerResponse, file: BootFile): Promise<void> {
    if (open >= OPEN_STREAMS_MAX) return plain(response, 503, 'Too many downloads at once.', { 'retry-after': '5' });
    const range = parseRange(request.headers.range, file.size);
    const etag = `"${file.sha256}"`;
    if (range.kind === 'unsatisfiable') return plain(response, 416, 'Range beyond the end.', { 'content-range': `bytes */${file.size}` });
    const [start, end] = range.kind === 'part' ? [range.start, range.end] : [0, file.size - 1];
    response.writeHead(range.kind === 'part' ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': end - start + 1,
      'accept-ranges': 'bytes',
      etag,
      ...(range.kind === 'part' ? { 'content-range': `bytes ${start}-${end}/${file.size}` } : {}),
    });
    if (request.method === 'HEAD' || file.size === 0) {
      response.end();
      return;
    }
    open += 1;
    try {
      await pipeline(createReadStream(file.path, { start, end, highWaterMark: READ_BYTES }), response);
      log.info({ file: file.name, bytes: end - start + 1, peer: request.socket.remoteAddress }, 'boot file sent');
    } finally {
      open -= 1;
    }
  }

  return {
    name: 'boot-http',
    port: () => {
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : options.port;
    },
    start: (signal) => listen(server, options, signal),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: ReturnType<typeof createServer>, { host, port }: BootHttpOptions, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onError = (thrown: unknown): void => reject(listenError(thrown, `${host}:${port}`));
    server.once('error', onError);
    // Not with the signal: it is the start's alone, and Node would close the server whenever it is aborted, even an hour later.
    server.listen({ host, port }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function listenError(thrown: unknown, where: string): unknown {
  const code = systemCode(thrown);
  if (code === 'EADDRINUSE') {
    return fail('boot.port_in_use', {
      message: `${where}: another program listens there`,
      hint: 'Set server.boot_listen to a free port, or end the other program (ss -ltnp shows it).',
      cause: thrown,
    });
  }
  if (code === 'EACCES') {
    return fail('boot.port_denied', {
      message: `${where}: not allowed to listen there`,
      hint: 'Use a port above 1023, or give the process CAP_NET_BIND_SERVICE.',
      cause: thrown,
    });
  }
  return thrown;
}

function plain(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
  const body = text.endsWith('\n') ? text : `${text}\n`;
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
