// A stand-in for the appliance's side of the agent protocol: HTTPS with a certificate of its own on loopback, and it refuses what the real
// one refuses (unknown secret, spent secret with another claim, wrong token, a body that is not in the schema).

import { createHash, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { selfSignedCertificate } from '../../src/api/certificate.ts';
import {
  AGENT_PATHS,
  type Answer,
  type Command,
  type HeartbeatRequest,
  HeartbeatRequestSchema,
  type InventoryRequest,
  InventoryRequestSchema,
  type LookupRequest,
  LookupRequestSchema,
} from '../../src/inspect/protocol.ts';

export interface StandIn {
  readonly port: number;
  readonly fingerprint: string;
  readonly secret: string;
  readonly lookups: readonly LookupRequest[];
  readonly inventories: readonly InventoryRequest[];
  readonly heartbeats: readonly HeartbeatRequest[];
  readonly answers: readonly Answer[];
  /** Resolves when the condition holds after some request; rejects with the signal. */
  until(what: string, condition: (standIn: StandIn) => boolean, signal: AbortSignal): Promise<void>;
  /** Given with the next heartbeat. */
  command(command: Command): void;
  stop(): Promise<void>;
}

export const STAND_IN_NODE = { uuid: '6f0ad1f2-6d8f-4a34-a65e-3a8b3f1d0c11', name: null, provisionState: 'enroll' };

export function makeCertificate(): { key: string; cert: string; fingerprint: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = selfSignedCertificate({
    privateKey,
    serial: randomBytes(12),
    commonName: 'rackseed',
    names: ['127.0.0.1'],
    notBefore: Date.UTC(2020, 0, 1),
    notAfter: Date.UTC(2049, 0, 1),
  });
  const fingerprint = createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert, fingerprint };
}

export async function startStandIn(waitSeconds: number): Promise<StandIn> {
  const { key, cert, fingerprint } = makeCertificate();
  const secret = randomBytes(24).toString('hex');
  const token = randomBytes(24).toString('hex');
  const seen = {
    lookups: [] as LookupRequest[],
    inventories: [] as InventoryRequest[],
    heartbeats: [] as HeartbeatRequest[],
    answers: [] as Answer[],
  };
  const watchers = new Set<() => void>();
  const commands: Command[] = [];
  let claim: string | undefined;

  const answer = (path: string, body: unknown, authorization: string | undefined): { status: number; body: unknown } => {
    const has = <S extends TSchema>(schema: S): boolean => Check(schema, body);
    const bearer = authorization === `Bearer ${token}`;
    if (path === AGENT_PATHS.lookup && has(LookupRequestSchema)) {
      const lookup = body as LookupRequest; // checked the line above
      seen.lookups.push(lookup);
      claim ??= lookup.claim;
      if (lookup.secret !== secret || lookup.claim !== claim) return refuse(403, 'this boot secret is not known');
      return { status: 200, body: { token, heartbeatSeconds: waitSeconds, node: null } };
    }
    if (!bearer) return refuse(401, 'no such token');
    if (path === AGENT_PATHS.inventory && has(InventoryRequestSchema)) {
      seen.inventories.push(body as InventoryRequest); // checked the line above
      return { status: 200, body: { node: STAND_IN_NODE, message: 'waiting for a yes' } };
    }
    if (path === AGENT_PATHS.heartbeat && has(HeartbeatRequestSchema)) {
      const heartbeat = body as HeartbeatRequest; // checked the line above
      seen.heartbeats.push(heartbeat);
      seen.answers.push(...heartbeat.answers);
      return { status: 200, body: { waitSeconds, command: commands.shift() ?? null } };
    }
    return refuse(400, 'not in the schema');
  };

  const server = createServer({ key, cert }, (request, response) => {
    void serve(request, response, answer).then(() => {
      for (const look of watchers) look();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server has no other kind
  const standIn: StandIn = {
    port,
    fingerprint,
    secret,
    ...seen,
    until: (what, condition, signal) => watch(watchers, () => condition(standIn), what, signal),
    command: (command) => void commands.push(command),
    stop: () => close(server),
  };
  return standIn;
}

function refuse(status: number, detail: string): { status: number; body: unknown } {
  return { status, body: { title: 'refused', status, detail } };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (path: string, body: unknown, authorization?: string) => { status: number; body: unknown },
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array)); // a request without encoding yields bytes
  const { status, body } = answer(request.url ?? '', JSON.parse(Buffer.concat(chunks).toString('utf8')), request.headers.authorization);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function watch(watchers: Set<() => void>, condition: () => boolean, what: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (!condition()) return;
      watchers.delete(look);
      resolve();
    };
    watchers.add(look);
    signal.addEventListener('abort', () => reject(new Error(`waited in vain for ${what}`)), { once: true });
    look();
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
