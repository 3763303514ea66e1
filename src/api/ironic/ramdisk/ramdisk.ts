// /v1/lookup, /v1/heartbeat and /v1/continue_inspection: what OpenStack's own agent asks. Open to the provisioning network, so capped in
// every direction; who may say what is decided by the inspect domain.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { KnownMachine, Ramdisk } from '../../../inspect/index.ts';
import { BugError } from '../../../lib/index.ts';
import { isUuid, type JsonObject } from '../../../nodes/index.ts';
import { fail } from '../../errors.ts';
import { createRateLimiter } from '../../rate-limit.ts';
import { closed, idPath } from '../../schemas.ts';
import { links, type View } from '../fields.ts';
import type { IronicDeps } from '../index.ts';
import { needVersion } from '../lists.ts';
import { NODE_FIELDS } from '../nodes/fields.ts';
import { bad } from '../query.ts';
import { fullFields, shown } from '../view.ts';
import { ramdiskConfig } from './ramdisk-config.ts';

const SINCE = 22;
const VERSION_SINCE = 36;
const TOKEN_SINCE = 62;
const CERTIFICATE_SINCE = 68;
const STATUS_SINCE = 72;
const REPORT_SINCE = 84;
/** Ironic's cap for what an inspection sends. */
const REPORT_BYTES = 16 * 1024 * 1024;
const BEAT_BYTES = 128 * 1024;
const MAX_PEERS = 4096;
const SHOWN: readonly string[] = ['uuid', 'properties', 'instance_info', 'driver_internal_info'];

const config = { access: 'agent' } as const;
const maybe = (maxLength: number) => Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength }));

const lookupQuery = Type.Object(
  { addresses: Type.Optional(Type.String({ maxLength: 4096 })), node_uuid: Type.Optional(Type.String({ maxLength: 64 })) },
  closed,
);
const beatBody = Type.Object(
  {
    callback_url: Type.String({ maxLength: 2048 }),
    agent_version: maybe(255),
    agent_token: maybe(255),
    agent_verify_ca: maybe(64 * 1024),
    agent_status: maybe(64),
    agent_status_message: maybe(8192),
  },
  closed,
);
const reportBody = Type.Object({
  inventory: Type.Object({
    bmc_address: maybe(255),
    bmc_v6address: maybe(255),
    interfaces: Type.Array(Type.Object({ mac_address: Type.String({ maxLength: 255 }) }), { minItems: 1, maxItems: 1024 }),
  }),
});
const reportQuery = Type.Object({ node_uuid: Type.Optional(Type.String({ maxLength: 64 })) }, closed);

export function ramdiskPlugin({ services, viewOf, clock, limits }: IronicDeps): FastifyPluginAsyncTypebox {
  const ramdisk = (): Ramdisk => {
    if (services.ramdisk !== undefined) return services.ramdisk;
    throw new BugError('the side of the agents is not wired');
  };
  const limiter = createRateLimiter({ burst: limits.agentBurst, perSecond: limits.agentPerSecond, maxAddresses: MAX_PEERS }, clock);

  return async (app) => {
    app.addHook('onRequest', async (request) => {
      const retryAfterSeconds = limiter.take(request.ip);
      if (retryAfterSeconds === undefined) return;
      const message = `too many requests from ${request.ip}`;
      throw fail('api.rate_limited', { message, hint: `Try again in ${retryAfterSeconds} s.`, detail: { retryAfterSeconds } });
    });

    app.get('/lookup', { config, schema: { querystring: lookupQuery } }, async (request) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const addresses = request.query.addresses?.split(',').filter((one) => one !== '') ?? [];
      const asked = { addresses, nodeUuid: uuidIn(request.query.node_uuid), wantsToken: view.minor >= TOKEN_SINCE };
      return machineBody(await ramdisk().lookup(asked, request.ip), view);
    });

    app.post('/heartbeat/:id', { config, bodyLimit: BEAT_BYTES, schema: { params: idPath, body: beatBody } }, async (request, reply) => {
      const view = viewOf(request);
      needVersion(view, SINCE);
      const said = request.body;
      refuseNewer(said, view);
      await ramdisk().heartbeat(
        request.params.id,
        {
          callbackUrl: said.callback_url,
          token: said.agent_token ?? null,
          version: said.agent_version ?? null,
          certificate: said.agent_verify_ca ?? null,
          status: said.agent_status ?? null,
          message: said.agent_status_message ?? null,
        },
        request.ip,
      );
      return reply.code(202).send();
    });

    app.post(
      '/continue_inspection',
      { config, bodyLimit: REPORT_BYTES, schema: { querystring: reportQuery, body: reportBody } },
      async (request, reply) => {
        const view = viewOf(request);
        const wantsToken = view.minor >= REPORT_SINCE;
        const nodeUuid = uuidIn(request.query.node_uuid);
        // 1.1 as well: what knew the old inspector's API sends no version.
        if (!wantsToken && (view.minor > 1 || nodeUuid !== null))
          throw fail('api.not_found', { message: `API version 1.${REPORT_SINCE} or newer is required` });
        const known = await ramdisk().report({ nodeUuid, ...partsOf(request), wantsToken }, request.ip);
        return reply.code(202).send(wantsToken ? machineBody(known, view) : { uuid: known.node.uuid });
      },
    );
  };
}

function machineBody({ node, token }: KnownMachine, view: View): Record<string, unknown> {
  const fields = fullFields(NODE_FIELDS, view).filter((field) => SHOWN.includes(field.name));
  return { node: { ...shown(node, fields, view), links: links(view, 'nodes', node.uuid) }, config: ramdiskConfig(node, token) };
}

function refuseNewer(
  said: { readonly [key in 'agent_version' | 'agent_verify_ca' | 'agent_status' | 'agent_status_message']?: string | null },
  { minor }: View,
): void {
  const isSaid = (value: string | null | undefined): boolean => value !== undefined && value !== null && value !== '';
  if (isSaid(said.agent_version) && minor < VERSION_SINCE) throw bad('Field "agent_version" not recognised');
  if ((isSaid(said.agent_status) || isSaid(said.agent_status_message)) && minor < STATUS_SINCE)
    throw bad('Fields "agent_status" and "agent_status_message" not recognised.');
  if (said.agent_verify_ca !== undefined && said.agent_verify_ca !== null && minor < CERTIFICATE_SINCE)
    throw bad('Field "agent_verify_ca" not recognised in this version');
}

function uuidIn(text: string | undefined): string | null {
  if (text === undefined || text === '') return null;
  if (isUuid(text)) return text;
  throw bad(`Expected a UUID but received ${text.slice(0, 80)}.`);
}

function partsOf(request: Pick<FastifyRequest, 'body'>): { readonly inventory: JsonObject; readonly pluginData: JsonObject } {
  // The schema has seen an object with an object in it; the parser makes nothing but JSON.
  const { inventory, ...pluginData } = request.body as JsonObject & { readonly inventory: JsonObject };
  return { inventory, pluginData };
}
