// The two version documents that clients begin with: GET / and GET /v1. Pure.

import { links, type View } from './fields.ts';
import { MAX_MINOR, MIN_MINOR } from './version.ts';

/** What /v1 links to: a resource is listed once it is served. */
const RESOURCES = ['nodes', 'ports'] as const;

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
  return {
    id: 'v1',
    links: [{ href: `${view.baseUrl}/v1/`, rel: 'self' }],
    media_types: [{ base: 'application/json', type: 'application/vnd.openstack.ironic.v1+json' }],
    version: versionEntry(view),
    ...Object.fromEntries(RESOURCES.map((name) => [name, links(view, name, '')])),
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
