// Addresses that Ironic answers beside its own: without /v1 (its replies link to them as "bookmark"), and a state before its node. Pure.

/** The first segments below /v1. */
const RESOURCES: readonly string[] = [
  'nodes',
  'ports',
  'portgroups',
  'drivers',
  'chassis',
  'lookup',
  'heartbeat',
  'volume',
  'conductors',
  'allocations',
  'events',
  'deploy_templates',
  'shards',
  'continue_inspection',
  'runbooks',
  'inspection_rules',
];
/** As tempest's client asks for the console of a node. */
const STATE_FIRST = /^\/v1\/nodes\/states\/(console|power|provision|raid|boot_mode|secure_boot)\/([^/?]+)(?=$|\?)/;

/** The address that is meant. A browser's pages are left alone: what asks for HTML is no client of this API. */
export function ironicPath(url: string, accept: string | undefined): string {
  if (url.startsWith('/v1')) return url.replace(STATE_FIRST, '/v1/nodes/$2/states/$1');
  if (accept?.includes('text/html') === true) return url;
  const first = /^\/([a-z_]+)(?:[/?]|$)/.exec(url)?.[1];
  return first !== undefined && RESOURCES.includes(first) ? `/v1${url}` : url;
}
