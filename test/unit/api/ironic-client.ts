// A client of /v1 with one node to talk about, and the way to its errors.

import type { LightMyRequestResponse } from 'fastify';
import { ADMIN, addNode, bodyOf, type Harness, openApi, parsed } from './harness.ts';

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';
export interface Client extends Harness {
  readonly node: string;
  readonly send: (method: Method, url: string, payload?: object, version?: string) => Promise<LightMyRequestResponse>;
}

export async function openClient(): Promise<Client> {
  const harness = await openApi({ config: { publicUrl: 'https://seed.lan' } });
  const { uuid } = await addNode(harness, 'one', { powerState: 'power off' });
  const send: Client['send'] = (method, url, payload, version = 'latest') =>
    harness.app.inject({
      method,
      url: `/v1${url}`,
      headers: { ...ADMIN, 'x-openstack-ironic-api-version': version },
      ...(payload === undefined ? {} : { payload }),
    });
  return { ...harness, node: uuid, send };
}

/** What the error inside the error says. */
export function faultString(response: LightMyRequestResponse): string {
  return String(parsed(String(bodyOf(response).error_message)).faultstring);
}
