// /v1/runbooks: lists of steps with a name, an owner and the traits of the nodes they are for.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { isTraitName, type JsonObject, type Runbook, type RunbookStep } from '../../nodes/index.ts';
import type { Tx } from '../../store/index.ts';
import { masked } from '../mask.ts';
import { closed, idPath } from '../schemas.ts';
import { type Attribute, flag, jsonObject, maybeText, maybeUuid } from './attributes.ts';
import { changedTime, type Field, links, time } from './fields.ts';
import type { IronicDeps } from './index.ts';
import { needVersion } from './lists.ts';
import { bad, booleanOf } from './query.ts';
import { type Asked, findAs, type Resource, resourcePlugin } from './resource.ts';
import { requiredNonEmpty, runbookSteps } from './resource-kinds.ts';

const SINCE = 92;
/** From here on a runbook has traits of its own; before, its name was the trait. */
const TRAITS_SINCE = 112;

const FIELDS: readonly Field<Runbook>[] = [
  { name: 'uuid', since: SINCE, isDefault: true, read: (runbook) => runbook.uuid },
  { name: 'name', since: SINCE, isDefault: true, read: (runbook) => runbook.name },
  { name: 'links', since: SINCE, isDefault: true, isLink: true, read: ({ uuid }, view) => links(view, 'runbooks', uuid) },
  { name: 'created_at', since: SINCE, read: (runbook) => time(runbook.createdAt) },
  { name: 'updated_at', since: SINCE, read: changedTime },
  { name: 'description', since: TRAITS_SINCE, read: (runbook) => runbook.description },
  { name: 'disable_ramdisk', since: SINCE, read: (runbook) => runbook.disableRamdisk },
  { name: 'extra', since: SINCE, read: (runbook) => masked(runbook.extra) },
  { name: 'owner', since: SINCE, read: (runbook) => runbook.owner },
  { name: 'public', since: SINCE, read: (runbook) => runbook.public },
  { name: 'steps', since: SINCE, read: (runbook) => runbook.steps.map((step) => ({ ...step, args: masked(step.args) })) },
  { name: 'traits', since: TRAITS_SINCE, read: (runbook) => runbook.traits },
];

interface Given {
  readonly uuid: string | null;
  readonly name: string;
  readonly description: string | null;
  readonly steps: readonly RunbookStep[];
  readonly disableRamdisk: boolean;
  readonly public: boolean;
  readonly owner: string | null;
  readonly extra: JsonObject;
}

const ATTRIBUTES: readonly Attribute<Given>[] = [
  { name: 'uuid', since: SINCE, field: 'uuid', kind: maybeUuid, only: 'create' },
  { name: 'name', since: SINCE, field: 'name', kind: requiredNonEmpty(255), isRequired: true },
  { name: 'steps', since: SINCE, field: 'steps', kind: runbookSteps, isRequired: true },
  { name: 'disable_ramdisk', since: SINCE, field: 'disableRamdisk', kind: flag(false) },
  { name: 'extra', since: SINCE, field: 'extra', kind: jsonObject },
  { name: 'public', since: SINCE, field: 'public', kind: flag(false) },
  { name: 'owner', since: SINCE, field: 'owner', kind: maybeText(255) },
  { name: 'description', since: TRAITS_SINCE, field: 'description', kind: maybeText(255) },
];

const BLANK = { name: '', description: null, steps: [], disableRamdisk: false, public: false, owner: null, traits: [], extra: {} } as const;

type Deps = Pick<IronicDeps, 'services' | 'viewOf'>;

export function runbooksPlugin(deps: Deps): FastifyPluginAsyncTypebox {
  const { runbooks } = deps.services.records;
  const resource: Resource<Runbook, Given> = {
    collection: 'runbooks',
    path: '/v1/runbooks',
    noun: 'Runbook',
    since: SINCE,
    isRefusedByMethod: true,
    isNamed: true,
    writers: 'operator',
    fields: FIELDS,
    attributes: ATTRIBUTES,
    filters: [['project', SINCE]],
    list: ({ ofNodes, ...page }, query) => {
      if (query.project !== undefined) booleanOf('project', query.project); // clients say "only mine", which a project's people get anyway
      return runbooks.list({ ...page, ...(ofNodes?.project === undefined ? {} : { project: ofNodes.project }) });
    },
    find: (ref, tx) => runbooks.find(ref, tx),
    create: (tx, { uuid, ...given }, asked) => {
      checkName(given.name, asked);
      return runbooks.create(tx, { ...BLANK, ...given }, uuid ?? undefined);
    },
    update: (tx, before, changes, _patch, asked) => {
      checkName(changes.name, asked);
      // A runbook that is made public has no owner any more.
      const freed = changes.public === true && changes.owner === undefined ? { owner: null } : {};
      return runbooks.update(tx, before, { ...changes, ...freed });
    },
    remove: (tx, one) => runbooks.remove(tx, one),
  };
  return async (app) => {
    await app.register(resourcePlugin(deps, resource));
    await app.register(traitsPlugin(deps));
  };
}

const TRAITS_HINT =
  'A single runbook trait may be added via PUT /v1/runbooks/<runbook identifier>/traits/<trait> with no body, or all runbook traits may be replaced via PUT /v1/runbooks/<runbook identifier>/traits with the list of traits specified in the request body.';
const trait = Type.String({ minLength: 1, maxLength: 255 });
const traitsBody = Type.Object({ traits: Type.Array(trait, { maxItems: 1000 }) }, closed);
const traitPath = Type.Object({ id: Type.String(), trait }, closed);

function traitsPlugin({ services, viewOf }: Deps): FastifyPluginAsyncTypebox {
  const { runbooks } = services.records;
  const writer = { access: 'operator' } as const;
  const change = (request: FastifyRequest, ref: string, traitsOf: (runbook: Runbook) => readonly string[]) =>
    services.transaction(async (tx) => {
      const runbook = await find(request, ref, tx);
      const traits = [...new Set(traitsOf(runbook))].toSorted();
      for (const name of traits)
        if (!isTraitName(name)) throw bad(`Schema error for traits: ${JSON.stringify(name)} is not the name of a trait. ${TRAITS_HINT}`);
      return runbooks.update(tx, runbook, { traits });
    });
  async function find(request: FastifyRequest, ref: string, tx?: Tx): Promise<Runbook> {
    const view = viewOf(request);
    needVersion(view, TRAITS_SINCE);
    return findAs({ noun: 'Runbook', isNamed: true, find: (name, on) => runbooks.find(name, on) }, ref, view, tx);
  }
  return async (app) => {
    app.get('/:id/traits', { config: { access: 'reader' }, schema: { params: idPath } }, async (request) => ({
      traits: (await find(request, request.params.id)).traits,
    }));
    app.put('/:id/traits', { config: writer, schema: { params: idPath, body: traitsBody } }, async (request, reply) => {
      await change(request, request.params.id, () => request.body.traits);
      return reply.code(204).send();
    });
    app.put('/:id/traits/:trait', { config: writer, schema: { params: traitPath } }, async (request, reply) => {
      const { id, trait: added } = request.params;
      if (request.body !== undefined && request.body !== null) throw bad('No body should be provided when adding a trait');
      await change(request, id, ({ traits }) => [...traits, added]);
      return reply
        .code(204)
        .header('location', `${viewOf(request).baseUrl}/v1/runbooks/${id}/traits/${added}`)
        .send();
    });
    app.delete('/:id/traits', { config: writer, schema: { params: idPath } }, async (request, reply) => {
      await change(request, request.params.id, () => []);
      return reply.code(204).send();
    });
    app.delete('/:id/traits/:trait', { config: writer, schema: { params: traitPath } }, async (request, reply) => {
      const { id, trait: gone } = request.params;
      await change(request, id, ({ traits }) => traits.filter((name) => name !== gone));
      return reply.code(204).send();
    });
  };
}

function checkName(name: string | undefined, { view }: Asked): void {
  if (name === undefined || view.minor >= TRAITS_SINCE || isTraitName(name)) return;
  throw bad(
    `Schema error for runbook: '${name.slice(0, 80)}' is not the name of a trait, as the name of a runbook is before 1.${TRAITS_SINCE}`,
  );
}
