// The plain HTTP listener: boot scripts and boot files, nothing else. Everything secret or changing goes over HTTPS elsewhere.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Clock, type Component, findPortOwner, type Log, messageOf, RackseedError, systemCode } from '../../lib/index.ts';
import { fail } from '../errors.ts';
import { INSTALL_FILES, type Installs, type WatchedServable } from '../installs.ts';
import type { Download } from './downloads.ts';
import { headerCase } from './header-case.ts';
import { type Accel, accelPath, type Caller, callerOf } from './http-accel.ts';
import { createHttpNotes } from './http-notes.ts';
import { createFileSender, type SendCounters, type SendLimits } from './send-file.ts';
import { fileServable, type StoredFile } from './servable.ts';
import { createTextPromises } from './text-promise.ts';

const HEADERS_TIMEOUT_MS = 15_000;
const IDLE_TIMEOUT_MS = 60_000;
/** Beyond it a new connection is closed at once: sockets cost memory even while nothing is asked. Twice the downloads at once. */
const MAX_CONNECTIONS = 2048;
const FILES = '/boot/files/';
/** The id has 128 random bits, as base64url has them. */
const INSTALL = /^\/boot\/install\/([A-Za-z0-9_-]{22})\/([a-z.]{1,16})$/;

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
  readonly files: { get(name: string): StoredFile | undefined };
  readonly startScript: (serverAddress: string) => string;
  /** The script for one machine; `query` is what its first script sent. */
  readonly machineScript: (query: URLSearchParams, serverAddress: string) => Promise<string>;
  /** Asked before the boot files; nothing means that the path is none of its own. */
  readonly texts?: (request: TextRequest) => Promise<TextAnswer | undefined>;
  /** What installers are made of, by the id of an installation; nothing unless given. */
  readonly installFile?: Installs['file'];
  /** Given when an nginx in front of us sends the files. */
  readonly accel?: Accel;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<SendLimits>;
}

export interface BootHttpCounters extends SendCounters {
  readonly requests: number;
  /** Connections closed at once because there were too many. */
  readonly connectionsRefused: number;
}

export interface BootHttp extends Component {
  /** The port in use, also when 0 was asked for. */
  port(): number;
  counters(): BootHttpCounters;
  /** Who fetches which file and how far it has come. */
  downloads(): Download[];
}

/** What a request was answered with, for the note in the log. */
interface Answered {
  readonly status: number;
  readonly reason: string;
  readonly bytes?: number;
  /** Ordinary for this machine: noted only when somebody looks closely. */
  readonly isSmall?: boolean;
}

export function createBootHttp(options: BootHttpOptions): BootHttp {
  const { log, clock } = options;
  const sender = createFileSender(options);
  const notes = createHttpNotes(log, clock);
  const counts = { requests: 0, connectionsRefused: 0 };
  const promises = createTextPromises();
  const life = new AbortController();
  let sweeping: Promise<void> = Promise.resolve();
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: HEADERS_TIMEOUT_MS, keepAliveTimeout: IDLE_TIMEOUT_MS },
    (request, response) => {
      counts.requests += 1;
      const caller = callerOf(request, options.accel);
      answer(request, response, caller)
        .catch((thrown: unknown) => answerFailure(response, thrown))
        .then((answered) => notes.note({ peer: caller.peer, method: request.method, url: request.url, ...answered }))
        .catch((thrown: unknown) => {
          log.error({ peer: caller.peer, error: messageOf(thrown) }, 'boot request broken off by a mistake of ours');
          request.socket.destroy(); // rather than to let the machine wait for an answer that never comes
        });
    },
  );
  server.setTimeout(IDLE_TIMEOUT_MS);
  server.maxConnections = MAX_CONNECTIONS;
  server.on('drop', () => {
    counts.connectionsRefused += 1;
  });

  async function answer(request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<Answered> {
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return plain(response, 405, 'Only GET and HEAD.', { allow: 'GET, HEAD', connection: 'close' });
    const url = URL.parse(request.url ?? '/', 'http://boot');
    if (url === null) return plain(response, 400, 'Bad URL.');
    // shim puts two slashes before the name of its second stage when it came by HTTP (16.1, measured).
    url.pathname = url.pathname.replaceAll(/\/{2,}/g, '/');
    const text = await textOf(request, url, caller);
    if (text !== undefined) return plain(response, 200, text.body, { 'content-type': text.contentType });
    const found = await findFile(url.pathname, caller.serverAddress);
    if (found === undefined) return plain(response, 404, 'No such boot file.');
    return sendFile(request, response, caller, found);
  }

  async function findFile(path: string, serverAddress: string): Promise<WatchedServable | undefined> {
    const [, id, name] = INSTALL.exec(path) ?? [];
    const part = INSTALL_FILES.find((one) => one === name);
    if (id !== undefined) return part === undefined ? undefined : options.installFile?.(id, part, serverAddress);
    const file = path.startsWith(FILES) ? options.files.get(path.slice(FILES.length)) : undefined;
    return file === undefined ? undefined : { servable: fileServable(file) };
  }

  async function textOf(request: IncomingMessage, url: URL, caller: Caller): Promise<TextAnswer | undefined> {
    const key = `${caller.peer} ${url.pathname}${url.search}`;
    const promised = request.method === 'GET' ? promises.take(key, clock.monotonic()) : undefined;
    const text = promised ?? (await findText(url, caller));
    if (request.method === 'HEAD' && text !== undefined) promises.keep(key, text, clock.monotonic());
    return text;
  }

  async function findText({ pathname: path, searchParams: query }: URL, { peer, serverAddress }: Caller): Promise<TextAnswer | undefined> {
    if (path === '/boot/start.ipxe') return script(options.startScript(serverAddress));
    if (path === '/boot/machine.ipxe') return script(await options.machineScript(query, serverAddress));
    // iPXE started by UEFI HTTP boot asks for autoexec.ipxe beside itself: it is the start script.
    if (path.endsWith('/autoexec.ipxe')) return script(options.startScript(serverAddress));
    return options.texts?.({ path, query, serverAddress, peer });
  }

  async function sendFile(request: IncomingMessage, response: ServerResponse, caller: Caller, found: WatchedServable): Promise<Answered> {
    const { servable, watch } = found;
    const redirect = caller.isProxied && options.accel !== undefined ? accelPath(options.accel, servable.path) : undefined;
    if (redirect !== undefined) {
      // Conditions and ranges are the proxy's to judge: the validators are its own.
      response.writeHead(200, headerCase({ 'x-accel-redirect': redirect, 'content-type': servable.contentType, 'content-length': 0 }));
      response.end();
      return { status: 200, reason: 'handed to the proxy, which sends the file' };
    }
    const result = await sender.send({ servable, watch, peer: caller.peer, request, response });
    if (result.outcome !== 'refused') return { ...result, isSmall: result.outcome === 'part' };
    return plain(response, 503, `Too many downloads: ${result.reason}. Try again in ${result.retrySeconds} s.`, {
      'retry-after': String(result.retrySeconds),
    });
  }

  return {
    name: 'boot-http',
    port: () => {
      const address = server.address();
      return typeof address === 'object' && address !== null ? address.port : options.port;
    },
    counters: () => ({ ...counts, ...sender.counters() }),
    downloads: () => sender.downloads(),
    async start(signal) {
      await listen(server, options, signal);
      sweeping = sender.sweep(life.signal);
    },
    async stop() {
      life.abort();
      await sweeping;
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function script(body: string): TextAnswer {
  return { body, contentType: 'text/plain; charset=utf-8' };
}

/** The machine reads what went wrong on its screen, as far as it shows answers at all. */
function answerFailure(response: ServerResponse, thrown: unknown): Answered {
  if (response.headersSent) {
    response.destroy();
    return { status: response.statusCode, reason: `broken off: ${messageOf(thrown)}` };
  }
  if (!(thrown instanceof RackseedError)) {
    plain(response, 500, 'The appliance failed to answer: see its log.');
    return { status: 500, reason: messageOf(thrown) };
  }
  plain(response, thrown.status, `${thrown.message}\n${thrown.hint ?? ''}`);
  return { status: thrown.status, reason: thrown.message };
}

function listen(server: ReturnType<typeof createServer>, { host, port }: BootHttpOptions, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onError = (thrown: unknown): void => void listenError(thrown, host, port).then(reject);
    server.once('error', onError);
    // Not with the signal: it is the start's alone, and Node would close the server whenever it is aborted, even an hour later.
    server.listen({ host, port }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

/** Resolves with what to reject with. */
async function listenError(thrown: unknown, host: string, port: number): Promise<unknown> {
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const code = systemCode(thrown);
  if (code === 'EADDRINUSE') {
    const owner = await findPortOwner('tcp', port);
    const who = owner === undefined ? 'another program' : `${owner.command} (process ${owner.pid})`;
    return fail('boot.port_in_use', {
      message: `${where} is in use by ${who}`,
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

function plain(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answered {
  const body = text.endsWith('\n') ? text : `${text}\n`;
  response.writeHead(
    status,
    headerCase({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'cache-control': 'no-store',
      ...headers,
    }),
  );
  response.end(response.req.method === 'HEAD' ? undefined : body);
  return { status, reason: status === 200 ? 'a text' : text.trimEnd() };
}
