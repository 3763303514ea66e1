// Stands in for the HTTPS API of a Proxmox VE node (pveproxy) and the cluster behind it: it refuses what pveproxy refuses, in its words and
// numbers. It holds no guests, writes nothing, and knows the methods of methods.ts only.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { certificateFor } from '../../conformance/power/tls-pair.ts';
import { METHODS, type Method } from './methods.ts';
import { reportOf, type SimCard } from './report.ts';

export interface SimMember {
  readonly name: string;
  readonly ip: string;
  readonly cards: readonly SimCard[];
  /** Switched off, or not reachable by the others. */
  isOn: boolean;
}

export interface SimToken {
  /** USER@REALM!NAME=SECRET */
  readonly token: string;
  /** Privileges on /. */
  readonly privileges: readonly string[];
}

export interface SimOptions {
  /** Null: one node that is in no cluster. */
  readonly cluster: string | null;
  readonly version: '8.4' | '9.1';
  readonly members: SimMember[];
  readonly tokens?: readonly SimToken[];
  readonly users?: Readonly<Record<string, { readonly password: string; readonly hasSecondFactor?: boolean }>>;
}

export interface PveSim {
  readonly url: string;
  readonly fingerprint: string;
  readonly members: SimMember[];
  /** METHOD /path of each request, with the status of its answer. */
  readonly asked: string[];
  /** Tickets given out so far are no longer good. */
  expireTickets(): void;
  /** The next so many connections break in the middle of a request. */
  breakNext(count: number): void;
  close(): Promise<void>;
}

interface Reply {
  readonly status: number;
  readonly text?: string;
  readonly data?: unknown;
}

interface Who {
  readonly name: string;
  readonly privileges: readonly string[];
  readonly byTicket: boolean;
}

interface State extends SimOptions {
  readonly tickets: Map<string, string>;
  toBreak: number;
}

export async function startPve(options: SimOptions): Promise<PveSim> {
  const { key, cert, fingerprint } = await certificateFor(options.members[0]?.name ?? 'pve');
  const state: State = { ...options, tickets: new Map(), toBreak: 0 };
  const asked: string[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    void answer(state, asked, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    url: `https://127.0.0.1:${port}`,
    fingerprint,
    members: options.members,
    asked,
    expireTickets: () => state.tickets.clear(),
    breakNext: (count) => {
      state.toBreak = count;
    },
    close: () => closed(server),
  };
}

async function answer(state: State, asked: string[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://sim');
  if (state.toBreak > 0) {
    state.toBreak -= 1;
    asked.push(`${request.method} ${url.pathname} broken`);
    request.socket.destroy();
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array)); // no encoding is set: bytes
  const reply = replyTo(state, request, url, Buffer.concat(chunks).toString('utf8'));
  asked.push(`${request.method} ${url.pathname} ${reply.status}`);
  response.writeHead(reply.status, reply.text ?? 'OK', { 'content-type': 'application/json;charset=UTF-8' });
  response.end(JSON.stringify({ data: reply.data ?? null }));
}

function replyTo(state: State, request: IncomingMessage, url: URL, body: string): Reply {
  const path = url.pathname.replace(/^\/api2\/json/, '');
  const found = METHODS.map((method) => ({ method, node: nodeIn(method, request.method ?? '', path) })).find(
    ({ node }) => node !== undefined,
  );
  if (found === undefined || path === url.pathname) return { status: 501, text: `Method '${request.method} ${path}' not implemented` };
  const { method, node = '' } = found;
  const who = method.permission === 'world' ? undefined : whoAsks(state, request);
  if (method.permission !== 'world' && who === undefined) return { status: 401, text: 'No ticket' };
  if (typeof who === 'string') return { status: 401, text: who };
  // Only writes need it, and only by ticket.
  if (request.method !== 'GET' && who?.byTicket === true && request.headers.csrfpreventiontoken === undefined)
    return { status: 401, text: 'Permission denied - invalid csrf token' };
  const parameters = new URLSearchParams(request.method === 'GET' ? url.search : body);
  const wrong = wrongParameter(method, parameters);
  if (wrong !== undefined) return { status: 400, text: 'Parameter verification failed.', data: wrong };
  const { permission } = method;
  if (typeof permission === 'object' && who?.privileges.includes(permission.privilege) !== true)
    return { status: 403, text: `Permission check failed (${permission.on === '/' ? '/' : `/nodes/${node}`}, ${permission.privilege})` };
  const member = state.members.find(({ name }) => name === node);
  if (method.ofMember && member === undefined)
    return { status: 500, text: `hostname lookup '${node}' failed - failed to get address info` };
  if (method.ofMember && member?.isOn === false) return { status: 595, text: 'No route to host' };
  return DEEDS[`${method.method} ${method.path}`]?.(state, parameters, member) ?? { status: 501, text: 'not implemented' };
}

/** The member's name, '' where the path has none; undefined: another path. */
function nodeIn({ method, path }: Method, asked: string, given: string): string | undefined {
  if (method !== asked) return undefined;
  const fits = new RegExp(`^${path.replace('{node}', '([^/]+)')}$`).exec(given);
  return fits === null ? undefined : (fits[1] ?? '');
}

function wrongParameter({ parameters }: Method, given: URLSearchParams): string | undefined {
  for (const [name, value] of given) {
    const known = parameters[name];
    if (known === undefined) return `${name}: property is not defined in schema and the schema does not allow additional properties`;
    if (known.maxLength !== undefined && value.length > known.maxLength)
      return `${name}: value may only be ${known.maxLength} characters long`;
  }
  const missing = Object.keys(parameters).find((name) => parameters[name]?.isNeeded === true && !given.has(name));
  return missing === undefined ? undefined : `${missing}: property is missing and it is not optional`;
}

function whoAsks(state: State, { headers }: IncomingMessage): Who | string | undefined {
  const token = /^PVEAPIToken=(.*)$/.exec(headers.authorization ?? '')?.[1];
  if (token !== undefined) {
    const known = state.tokens?.find((one) => one.token === token);
    if (known !== undefined) return { name: known.token.split('=')[0] ?? '', privileges: known.privileges, byTicket: false };
    const isNamed = state.tokens?.some((one) => one.token.split('=')[0] === token.split('=')[0]) === true;
    return isNamed
      ? 'invalid token value!'
      : `no such token '${token.split('=')[0]?.split('!')[1] ?? ''}' for user '${token.split('!')[0] ?? ''}'`;
  }
  const ticket = /(?:^|; )PVEAuthCookie=([^;]*)/.exec(headers.cookie ?? '')?.[1];
  if (ticket === undefined) return undefined;
  const name = state.tickets.get(ticket);
  return name === undefined ? 'permission denied - invalid PVE ticket' : { name, privileges: ['Sys.Audit'], byTicket: true };
}

type Deed = (state: State, parameters: URLSearchParams, member: SimMember | undefined) => Reply;

const DEEDS: Readonly<Record<string, Deed>> = {
  'POST /access/ticket': (state, parameters) => {
    const [username, password] = [parameters.get('username') ?? '', parameters.get('password') ?? ''];
    const user = state.users?.[username];
    if (user === undefined || user.password !== password) return { status: 401, text: 'authentication failure' };
    if (user.hasSecondFactor === true)
      return { status: 200, data: { username, ticket: `PVE:!tfa!${username}:0::challenge`, CSRFPreventionToken: 'x', NeedTFA: 1 } };
    const ticket = `PVE:${username}:${(state.tickets.size + 1).toString(16).padStart(8, '0')}::signature`;
    state.tickets.set(ticket, username);
    return { status: 200, data: { username, ticket, CSRFPreventionToken: '65000000:signature' } };
  },
  'GET /version': ({ version }) => ({ status: 200, data: { version: `${version}.1`, release: version, repoid: '0123456789abcdef' } }),
  'GET /cluster/status': ({ cluster, members }) => ({
    status: 200,
    data: [
      ...(cluster === null ? [] : [{ type: 'cluster', id: 'cluster', name: cluster, nodes: members.length, quorate: 1, version: 3 }]),
      ...members.map(({ name, ip, isOn }, at) => ({
        type: 'node',
        id: `node/${name}`,
        name,
        ip,
        level: '',
        // As Perl gives it: a number, and the node itself first.
        online: isOn ? 1 : 0,
        local: at === 0 ? 1 : 0,
        nodeid: cluster === null ? 0 : at + 1,
      })),
    ],
  }),
  'GET /nodes': ({ members }) => ({
    status: 200,
    data: members.map(({ name, isOn }) => ({
      node: name,
      id: `node/${name}`,
      type: 'node',
      level: '',
      status: isOn ? 'online' : 'offline',
    })),
  }),
  'GET /nodes/{node}/network': (_state, _parameters, member) => ({
    status: 200,
    data: [
      ...(member?.cards ?? []).map(({ name }) => ({
        iface: name,
        type: 'eth',
        exists: 1,
        active: 1,
        method: 'manual',
        families: ['inet'],
      })),
      { iface: 'vmbr0', type: 'bridge', address: member?.ip, cidr: `${member?.ip}/24`, active: 1, autostart: 1 },
    ],
  }),
  'GET /nodes/{node}/status': ({ version }) => ({
    status: 200,
    data: {
      pveversion: `pve-manager/${version}.1/0123456789abcdef`,
      memory: { total: 34_359_738_368, used: 1, free: 1 },
      cpuinfo: { cpus: 8, cores: 4, sockets: 1, model: 'sim' },
      // Since 8.0, with the state of Secure Boot for EFI only.
      'boot-info': { mode: 'efi', secureboot: 0 },
    },
  }),
  'GET /nodes/{node}/report': (_state, _parameters, member) => ({ status: 200, data: reportOf(member?.name ?? '', member?.cards ?? []) }),
};

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

/** Three members, the first of which is asked. */
export function threeMembers(): SimMember[] {
  return [1, 2, 3].map((at) => ({
    name: `pve${at}`,
    ip: `192.0.2.1${at}`,
    cards: [
      { name: 'enp1s0', mac: `bc:24:11:00:0${at}:01` },
      { name: 'enp2s0', mac: `bc:24:11:00:0${at}:02` },
    ],
    isOn: true,
  }));
}
