// /v1/nodes/{id}/validate: for each interface, whether it can work on the node as it is described.

import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { BugError } from '../../../lib/index.ts';
import { INTERFACES } from '../../../nodes/index.ts';
import { idPath } from '../../schemas.ts';
import type { IronicDeps } from '../index.ts';
import { nodeOf } from './find.ts';

export function nodeValidatePlugin({ services, viewOf }: IronicDeps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get('/:id/validate', { config: { access: 'reader' }, schema: { params: idPath } }, async (request) => {
      const node = await nodeOf(services.nodes, request.params.id, viewOf(request));
      if (services.lifecycle === undefined) throw new BugError('the life cycle is not wired');
      const found = await services.lifecycle.validate(node);
      // Ironic does not validate the vendor interface, and leaves the reason out where there is none.
      const shown = INTERFACES.filter((which) => which !== 'vendor').map((which) => {
        const { result, reason } = found[which];
        return [which, reason === null ? { result } : { result, reason }] as const;
      });
      return Object.fromEntries(shown);
    });
  };
}
