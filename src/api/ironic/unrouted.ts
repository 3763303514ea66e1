// What is said where no route stands: Ironic answers some methods on known addresses with other statuses than 404. Pure.

import { fail } from '../errors.ts';
import { bad } from './query.ts';

/** Lists whose records are changed one by one, and what then names the record. */
const RECORDS: Readonly<Record<string, string>> = {
  nodes: 'node_ident',
  ports: 'port_ident',
  portgroups: 'portgroup_ident',
  chassis: 'chassis_uuid',
  allocations: 'allocation_ident',
  deploy_templates: 'template_ident',
  runbooks: 'runbook_ident',
  inspection_rules: 'inspection_rule_uuid',
  'volume/connectors': 'connector_uuid',
  'volume/targets': 'target_uuid',
};
const ONE_OR_ALL = /^\/v1\/((?:volume\/)?[a-z_]+)(\/[^/]+)?\/?$/;
/** Lists that are only read there. */
const BELOW = /^\/v1\/(?:nodes\/[^/]+\/(?:ports|portgroups)|portgroups\/[^/]+\/ports)(?:\/[^/]+)?\/?$/;
const WRITES: ReadonlySet<string> = new Set(['POST', 'PATCH', 'DELETE']);

/** The refusal of a request that no route takes. `url` may have a query. */
export function unrouted(method: string, url: string): Error {
  const path = url.split('?', 1)[0] ?? '';
  if (WRITES.has(method) && BELOW.test(path))
    return fail('api.forbidden', {
      message: 'Operation not permitted.',
      hint: 'Here is only a list: write to /v1/ports or /v1/portgroups.',
    });
  const [, collection = '', one] = ONE_OR_ALL.exec(path) ?? [];
  const named = Object.hasOwn(RECORDS, collection) ? RECORDS[collection] : undefined;
  if (named !== undefined && one === undefined && (method === 'PATCH' || method === 'DELETE'))
    return bad(`Missing mandatory parameter: ${named}`);
  if (named !== undefined && method === 'PUT') return fail('api.method_not_allowed', { message: `${path} does not take ${method}` });
  return fail('api.not_found', { message: 'The resource could not be found.' });
}
