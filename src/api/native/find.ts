// "By UUID or name, or 404", once for all routes.

import type { Node } from '../../nodes/index.ts';
import { fail } from '../errors.ts';
import type { NodeService } from '../services.ts';

export async function nodeOr404(nodes: NodeService, idOrName: string): Promise<Node> {
  const node = await nodes.find(idOrName);
  if (node !== undefined) return node;
  throw fail('api.not_found', { message: `there is no node ${JSON.stringify(idOrName)}`, hint: 'GET /api/nodes lists them.' });
}
