// The face by HTTPS: pveproxy of one member, with that member's certificate.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Ask, callApi, isForAll } from './api.ts';
import { ApiError } from './errors.ts';
import { whoAsks } from './methods/access.ts';
import { type Member, shownBy, type World } from './world.ts';

export interface PveProxy {
  readonly url: string;
  readonly fingerprint: string;
  /** METHOD /path of each request, with the status of its answer. */
  readonly asked: string[];
  /** The next so many connections break in the middle of a request. */
  breakNext(count: number): void;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function startProxy(world: World, member: Member): Promise<PveProxy> {
  const asked: string[] = [];
  let toBreak = 0;
  const server = createServer(contextOf(member), (request, response) => {
    if (toBreak > 0) {
      toBreak -= 1;
      asked.push(`${request.method} ${pathOf(request)} broken`);
      request.socket.destroy();
      return;
    }
    void answer(world, member, asked, request, response);
  });
  const restart = (): void => {
    server.setSecureContext(contextOf(member));
    server.closeAllConnections();
  };
  member.onRestart.add(restart);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    url: `https://127.0.0.1:${port}`,
    get fingerprint() {
      return shownBy(member).fingerprint;
    },
    asked,
    breakNext: (count) => {
      toBreak = count;
    },
    close: () => {
      member.onRestart.delete(restart);
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The context of a server takes these of a pair alone. */
function contextOf(member: Member): { readonly key: string; readonly cert: string } {
  const { key, cert } = shownBy(member);
  return { key, cert };
}

const pathOf = (request: IncomingMessage): string => new URL(request.url ?? '/', 'https://sim').pathname;

async function answer(world: World, member: Member, asked: string[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array)); // no encoding is set: bytes
  } catch {
    return; // whoever asked has gone
  }
  const reply = await replyTo(world, member, request, Buffer.concat(chunks).toString('utf8'));
  asked.push(`${request.method} ${pathOf(request)} ${reply.status}`);
  if (request.socket.destroyed) return;
  response.writeHead(reply.status, reply.text, { 'content-type': 'application/json;charset=UTF-8' });
  response.end(JSON.stringify(reply.body));
}

async function replyTo(world: World, member: Member, request: IncomingMessage, body: string): Promise<Reply> {
  try {
    const ask = askOf(request, body);
    const { headers } = request;
    const credentials = {
      authorization: headers.authorization,
      cookie: headers.cookie,
      csrf: String(headers.csrfpreventiontoken ?? ''),
      isWrite: ask.verb !== 'GET',
    };
    const user = isForAll(world, ask) ? undefined : whoAsks(world, member, credentials);
    return { status: 200, text: 'OK', body: { data: await callApi(world, member, { user }, ask) } };
  } catch (thrown) {
    if (!(thrown instanceof ApiError)) throw thrown;
    const text = thrown.message.split('\n')[0] ?? '';
    const errors = thrown.errors === undefined ? {} : { errors: thrown.errors };
    return { status: thrown.status, text, body: { data: null, message: `${thrown.message}\n`, ...errors } };
  }
}

/** Parameters stand in the query where nothing is sent, else in the body: as a form, or as JSON since 8. */
function askOf(request: IncomingMessage, body: string): Ask {
  const url = new URL(request.url ?? '/', 'https://sim');
  const path = url.pathname.replace(/^\/api2\/json/, '');
  const verb = request.method ?? '';
  if (path === url.pathname) throw new ApiError(501, `Method '${verb} ${path}' not implemented`);
  const isJson = request.headers['content-type']?.startsWith('application/json') === true;
  const params = paramsIn(url.searchParams);
  if (verb === 'GET' || body === '') return { verb, path, params };
  return {
    verb,
    path,
    params: isJson ? { ...params, ...fromJson(body) } : { ...params, ...paramsIn(new URLSearchParams(body)) },
  };
}

/** What stands there more than once is joined by NUL (PVE::APIServer::AnyEvent, decode_urlencoded). */
function paramsIn(given: URLSearchParams): Record<string, string> {
  return Object.fromEntries([...new Set(given.keys())].map((name) => [name, given.getAll(name).join('\0')]));
}

function fromJson(body: string): Record<string, string> {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null) throw new SyntaxError('no object');
    return Object.fromEntries(
      Object.entries(parsed).map(([name, value]) => [name, Array.isArray(value) ? value.join('\0') : String(value)]),
    );
  } catch {
    throw new ApiError(400, 'unable to decode JSON parameters');
  }
}
