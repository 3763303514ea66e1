// The two version documents that clients begin with: GET / and GET /v1. Pure.

import { links, type View } from './fields.ts';
import { MAX_MINOR, MIN_MINOR, type Minor } from './version.ts';

/** What /v1 links to, and since which version: a resource is listed once it is served. */
const RESOURCES: readonly (readonly [name: string, since: Minor])[] = [
  ['nodes', 1],
  ['ports', 1],
  ['drivers', 1],
  ['chassis', 1],
  ['lookup', 22],
  ['heartbeat', 22],
  ['portgroups', 23],
  ['volume', 32],
  ['conductors', 49],
  ['allocations', 52],
  ['events', 54],
  ['deploy_templates', 55],
  ['shards', 82],
  ['continue_inspection', 84],
  ['runbooks', 92],
  ['inspection_rules', 96],
];

export function rootBody(view: View): Record<string, unknown> {
  const version = versionEntry(view);
  return {
    name: 'OpenStack Ironic API',
    description: 'Rackseed, a bare-metal provisioner, by the bare-metal API of OpenStack Ironic.',
    default_version: version,
    versions: [version],
  };
}

export function versionBody(view: View): Record<string, unknown> {
  const served = RESOURCES.filter(([, since]) => since <= view.minor);
  return {
    id: 'v1',
    links: [
      { href: `${view.baseUrl}/v1/`, rel: 'self' },
      { href: 'https://docs.openstack.org//ironic/latest/contributor//webapi.html', rel: 'describedby', type: 'text/html' },
    ],
    // One object, not a list: as Ironic has it.
    media_types: { base: 'application/json', type: 'application/vnd.openstack.ironic.v1+json' },
    version: versionEntry(view),
    ...Object.fromEntries(served.map(([name]) => [name, links(view, name, '')])),
  };
}

function versionEntry(view: View): Record<string, unknown> {
  return {
    id: 'v1',
    links: [{ href: `${view.baseUrl}/v1/`, rel: 'self' }],
    status: 'CURRENT',
    min_version: `1.${MIN_MINOR}`,
    version: `1.${MAX_MINOR}`,
  };
}
