// /v1/nodes/{id}/traits: what a node can, as words that allocations ask for.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { isTraitName, type Node } from '../../../nodes/index.ts';
import { fail } from '../../errors.ts';
import { closed, idPath } from '../../schemas.ts';
import type { IronicDeps } from '../index.ts';
import { byOf, needVersion, orEmptyBody } from '../lists.ts';
import { bad } from '../query.ts';
import type { Minor } from '../version.ts';
import { newerField } from '../view.ts';
import { nodeOf } from './find.ts';
import { needUnlocked } from './locked.ts';

const SINCE: Minor = 37;
/** More than a node may have: the domain says how many that is. */
const MAX_IN_BODY = 1000;
const traitPath = Type.Object({ id: idPath.properties.id, trait: Type.String({ minLength: 1, maxLength: 255 }) }, closed);
const traitsBody = Type.Object({ traits: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: MAX_IN_BODY })) }, closed);

export function nodeTraitsPlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  type Request = FastifyRequest<{ Params: Static<typeof idPath> }>;

  function change(request: Request, changed: (node: Node) => readonly string[]): Promise<Node> {
    const view = viewOf(request);
    // As in Ironic: reading them is 406 then, setting them 405, removing them 404.
    if (view.minor < SINCE && request.method === 'PUT') throw fail('api.method_not_allowed', { message: 'Method Not Allowed' });
    needVersion(view, SINCE);
    return services.transaction(async (tx) => {
      const node = await nodeOf({ find: (name) => services.nodes.find(name, tx) }, request.params.id, view);
      const traits = [...new Set(changed(node))].toSorted();
      const isSame = traits.length === node.traits.length && traits.every((trait, index) => trait === node.traits[index]);
      if (isSame) return node;
      await needUnlocked(services, tx, node.uuid);
      return services.nodes.update(tx, node, { traits }, byOf(request));
    });
  }

  const writes = { access: 'operator' } as const;
  return async (app) => {
    app.get('/:id/traits', { config: { access: 'reader' }, schema: { params: idPath } }, async (request) => {
      const view = viewOf(request);
      if (view.minor < SINCE) throw newerField('traits', SINCE, view.minor);
      return { traits: (await nodeOf(services.nodes, request.params.id, view)).traits };
    });

    app.put(
      '/:id/traits',
      { config: writes, preValidation: orEmptyBody, schema: { params: idPath, body: traitsBody } },
      async (request, reply) => {
        const traits = request.body.traits;
        if (traits === undefined)
          throw bad('All traits are replaced with {"traits": […]}; one is added with PUT …/traits/TRAIT and no body.');
        for (const trait of traits) checkTrait(trait);
        await change(request, () => traits);
        return reply.code(204).send();
      },
    );

    app.put('/:id/traits/:trait', { config: writes, schema: { params: traitPath } }, async (request, reply) => {
      const { id, trait } = request.params;
      if (typeof request.body === 'object' && request.body !== null && Object.keys(request.body).length > 0)
        throw bad('No body should be provided when adding a trait');
      checkTrait(trait);
      await change(request, (node) => [...node.traits, trait]);
      return reply
        .code(204)
        .header('location', `${viewOf(request).baseUrl}/v1/nodes/${id}/traits/${trait}`)
        .send();
    });

    app.delete('/:id/traits', { config: writes, schema: { params: idPath } }, async (request, reply) => {
      await change(request, () => []);
      return reply.code(204).send();
    });

    app.delete('/:id/traits/:trait', { config: writes, schema: { params: traitPath } }, async (request, reply) => {
      const { trait } = request.params;
      await change(request, (node) => {
        if (!node.traits.includes(trait)) throw fail('api.not_found', { message: `Node ${node.uuid} doesn't have a trait '${trait}'` });
        return node.traits.filter((one) => one !== trait);
      });
      return reply.code(204).send();
    });
  };
}

function checkTrait(trait: string): void {
  if (!isTraitName(trait)) throw bad(`'${trait}' is no trait: a standard one, or CUSTOM_ and A to Z, 0 to 9 and _`);
}
