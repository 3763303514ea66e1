// A client of /v1 on the harness: any method, any version, JSON in and out.

import type { LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import { ADMIN, bodyOf, type Harness, type HarnessOptions, openApi, parsed } from './harness.ts';

export type Method = 'POST' | 'PATCH' | 'PUT' | 'DELETE' | 'GET';
type Reply = LightMyRequestResponse;
export type Operation = { readonly op: string; readonly path: string; readonly value?: unknown };

export interface Client extends Harness {
  readonly ask: (method: Method, url: string, payload?: unknown, version?: string) => Promise<Reply>;
  readonly make: (body?: Record<string, unknown>, version?: string) => Promise<Record<string, unknown>>;
  readonly patch: (ref: unknown, ...operations: Operation[]) => Promise<Reply>;
  readonly show: (ref: unknown) => Promise<Record<string, unknown>>;
}

export async function openClient(options?: HarnessOptions): Promise<Client> {
  const api = await openApi({ ...options, config: { publicUrl: 'https://seed.lan', ...options?.config } });
  const ask: Client['ask'] = (method, url, payload, version = 'latest') => {
    const headers = { ...ADMIN, 'x-openstack-ironic-api-version': version, 'content-type': 'application/json' };
    return api.app.inject({ method, url, headers, ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }) });
  };
  return {
    ...api,
    ask,
    make: async (body = {}, version) => {
      const reply = await ask('POST', '/v1/nodes', { driver: 'fake-hardware', ...body }, version);
      expect(reply.statusCode, reply.body).toBe(201);
      return bodyOf(reply);
    },
    patch: (ref, ...operations) => ask('PATCH', `/v1/nodes/${String(ref)}`, operations),
    show: async (ref) => bodyOf(await ask('GET', `/v1/nodes/${String(ref)}`)),
  };
}

export function why(reply: Reply): string {
  return String(parsed(String(bodyOf(reply).error_message)).faultstring);
}
