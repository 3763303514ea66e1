// /v1/nodes/{id}/states and below: what a node is doing, and everything that can be asked of its power, provision, RAID, boot and console.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { BugError } from '../../../lib/index.ts';
import type { Lifecycle } from '../../../lifecycle/index.ts';
import type { JsonObject } from '../../../nodes/index.ts';
import { POWER_TARGETS, type PowerTarget } from '../../../power/index.ts';
import { fail } from '../../errors.ts';
import { closed, idPath } from '../../schemas.ts';
import type { View } from '../fields.ts';
import type { IronicDeps } from '../index.ts';
import { byOf } from '../lists.ts';
import { bad, booleanOf } from '../query.ts';
import { fullFields, newerField, shown } from '../view.ts';
import { NODE_FIELDS, STATE_FIELDS } from './fields.ts';
import { nodeOf } from './find.ts';
import { provisionBody, readProvision } from './provision-body.ts';
import { raidRefusal } from './raid-body.ts';

type IdRequest = FastifyRequest<{ Params: Static<typeof idPath> }>;

const READ = { access: 'reader' } as const;
const WRITE = { access: 'operator' } as const;
/** A config drive rides in the body. */
const PROVISION_BYTES = 64 * 1024 * 1024;

const word = Type.String({ maxLength: 64 });
const powerBody = Type.Object(
  { target: word, timeout: Type.Optional(Type.Union([Type.Integer(), Type.String({ pattern: '^-?[0-9]{1,9}$' }), Type.Null()])) },
  closed,
);
const targetBody = Type.Object({ target: Type.Union([word, Type.Boolean(), Type.Null()]) }, closed);
const raidBody = Type.Record(Type.String(), Type.Unknown());
const flagBody = Type.Object({ enabled: Type.Union([Type.Boolean(), Type.String({ maxLength: 8 })]) }, closed);

export function nodeStatesPlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  const life = (): Lifecycle => {
    if (services.lifecycle !== undefined) return services.lifecycle;
    throw new BugError('the life cycle is not wired');
  };
  const find = (request: IdRequest, view: View) => nodeOf(services.nodes, request.params.id, view);

  const accepted = (reply: FastifyReply, request: IdRequest, view: View, below = 'states'): FastifyReply =>
    reply
      .code(202)
      .header('location', `${view.baseUrl}/v1/nodes/${encodeURIComponent(request.params.id)}/${below}`)
      .send();

  return async (app) => {
    app.get('/:id/states', { config: READ, schema: { params: idPath } }, async (request) => {
      const view = viewOf(request);
      const fields = fullFields(NODE_FIELDS, view).filter((field) => STATE_FIELDS.includes(field.name));
      return shown(await find(request, view), fields, view);
    });

    app.put(
      '/:id/states/provision',
      { config: WRITE, bodyLimit: PROVISION_BYTES, schema: { params: idPath, body: provisionBody } },
      async (request, reply) => {
        const view = viewOf(request);
        const node = await find(request, view);
        await life().provision(node, readProvision(request.body, view.minor, node.provisionState), byOf(request));
        return accepted(reply, request, view);
      },
    );

    app.put('/:id/states/power', { config: WRITE, schema: { params: idPath, body: powerBody } }, async (request, reply) => {
      const view = viewOf(request);
      const node = await find(request, view);
      const { target, timeout } = request.body;
      const seconds = timeout === undefined || timeout === null ? null : Number(timeout);
      const isSoft = target === 'soft rebooting' || target === 'soft power off';
      if ((isSoft || seconds !== null) && view.minor < 27) throw newerField(isSoft ? target : 'timeout', 27, view.minor);
      if (seconds !== null && seconds < 1) throw bad('timeout has to be positive integer');
      const wanted = powerTarget(target);
      if (wanted === undefined) throw noPowerState(target, node.uuid, node.powerState);
      await life().setPower(node, wanted, seconds, byOf(request));
      return accepted(reply, request, view);
    });

    app.put('/:id/states/raid', { config: WRITE, schema: { params: idPath, body: raidBody } }, async (request, reply) => {
      const view = viewOf(request);
      const node = await find(request, view);
      if (view.minor < 12) throw newerField('states/raid', 12, view.minor);
      const refusal = raidRefusal(request.body);
      if (refusal !== undefined) throw bad(refusal);
      await life().setTargetRaid(node, request.body as JsonObject, byOf(request)); // it came as JSON
      return reply.code(204).send();
    });

    app.put('/:id/states/boot_mode', { config: WRITE, schema: { params: idPath, body: targetBody } }, async (request, reply) => {
      const view = viewOf(request);
      const node = await find(request, view);
      needBootMode(view);
      const { target } = request.body;
      if (target !== 'uefi' && target !== 'bios')
        throw bad(`Invalid boot mode ${String(target)} requested for node. Allowed boot modes are: bios, uefi`);
      await life().setBootMode(node, target, byOf(request));
      return accepted(reply, request, view);
    });

    app.put('/:id/states/secure_boot', { config: WRITE, schema: { params: idPath, body: targetBody } }, async (request, reply) => {
      const view = viewOf(request);
      const node = await find(request, view);
      needBootMode(view);
      const { target } = request.body;
      if (target === null) throw bad('Invalid secure_boot None requested for node. Allowed secure_boot states are: True, False');
      await life().setSecureBoot(node, typeof target === 'boolean' ? target : booleanOf('target', target), byOf(request));
      return accepted(reply, request, view);
    });

    app.get('/:id/states/console', { config: WRITE, schema: { params: idPath } }, async (request) => {
      const view = viewOf(request);
      const { isEnabled, info } = await life().console(await find(request, view));
      return { console_enabled: isEnabled, console_info: info };
    });

    app.put('/:id/states/console', { config: WRITE, schema: { params: idPath, body: flagBody } }, async (request, reply) => {
      const view = viewOf(request);
      const { enabled } = request.body;
      const isOn = typeof enabled === 'boolean' ? enabled : booleanOf('enabled', enabled);
      await life().setConsole(await find(request, view), isOn, byOf(request));
      return accepted(reply, request, view, 'states/console');
    });
  };
}

function powerTarget(text: string): PowerTarget | undefined {
  return POWER_TARGETS.find((target) => target === text);
}

function noPowerState(target: string, uuid: string, state: string | null): Error {
  return fail('api.validation', {
    message: `The requested action "${target}" can not be performed on node "${uuid}" while it is in state "${state ?? 'None'}".`,
    hint: `A power state is one of ${POWER_TARGETS.join(', ')}.`,
  });
}

function needBootMode({ minor }: View): void {
  if (minor < 76) throw fail('api.not_found', { message: 'This endpoint is supported starting with the API version 1.76' });
}
