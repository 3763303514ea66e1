// Every resource that can be read, the version it came with, and what older clients are told instead: as Ironic answers. Data.

export interface Readable {
  /** {node}, {port} … stand for what the test has made. */
  readonly path: string;
  /** The first minor version that has it; 1 unless told. */
  readonly since?: number;
  /** What it is refused with before; 404 unless told. */
  readonly before?: 400 | 404 | 406;
}

const below = (parent: string, ...rows: readonly Readable[]): Readable[] =>
  rows.map(({ path, ...row }) => ({ ...row, path: `${parent}${path}` }));

export const READABLE: readonly Readable[] = [
  { path: '/' },
  { path: '/v1/' },
  { path: '/v1/nodes' },
  { path: '/v1/nodes/detail' },
  { path: '/v1/nodes?detail=true', since: 43, before: 400 },
  { path: '/v1/nodes?fields=uuid,extra', since: 8, before: 406 },
  ...below(
    '/v1/nodes/{node}',
    { path: '' },
    { path: '?fields=uuid,driver', since: 8, before: 406 },
    { path: '/states' },
    { path: '/states/console' },
    { path: '/validate' },
    { path: '/ports' },
    { path: '/ports/detail' },
    { path: '/portgroups', since: 24 },
    { path: '/portgroups/detail', since: 24 },
    { path: '/traits', since: 37, before: 406 },
    { path: '/vifs', since: 28 },
    { path: '/bios', since: 40 },
    { path: '/volume', since: 32 },
    { path: '/volume/connectors', since: 32 },
    { path: '/volume/targets?detail=true', since: 32 },
    { path: '/history', since: 78 },
    { path: '/history?detail=true', since: 78 },
    { path: '/children', since: 83 },
    { path: '/firmware', since: 86 },
    { path: '/vmedia', since: 93 },
    { path: '/management/boot_device' },
    { path: '/management/boot_device/supported' },
    { path: '/vendor_passthru/methods' },
  ),
  { path: '/v1/ports' },
  { path: '/v1/ports/detail' },
  { path: '/v1/ports?detail=true', since: 43, before: 400 },
  { path: '/v1/ports/{port}' },
  { path: '/v1/portgroups', since: 23 },
  { path: '/v1/portgroups/detail', since: 23 },
  { path: '/v1/portgroups/{portgroup}', since: 23 },
  { path: '/v1/portgroups/{portgroup}/ports', since: 24 },
  { path: '/v1/chassis' },
  { path: '/v1/chassis/detail' },
  { path: '/v1/chassis/{chassis}' },
  { path: '/v1/chassis/{chassis}/nodes' },
  { path: '/v1/volume', since: 32 },
  { path: '/v1/volume/connectors', since: 32 },
  { path: '/v1/volume/connectors?detail=true', since: 32 },
  { path: '/v1/volume/connectors/{connector}', since: 32 },
  { path: '/v1/volume/targets', since: 32 },
  { path: '/v1/volume/targets/{target}', since: 32 },
  { path: '/v1/conductors', since: 49 },
  { path: '/v1/conductors?detail=true', since: 49 },
  { path: '/v1/conductors/{conductor}', since: 49 },
  { path: '/v1/drivers' },
  { path: '/v1/drivers?detail=true', since: 30, before: 406 },
  { path: '/v1/drivers/fake-hardware' },
  { path: '/v1/drivers/fake-hardware/properties' },
  { path: '/v1/drivers/fake-hardware/raid/logical_disk_properties', since: 12, before: 406 },
  { path: '/v1/drivers/fake-hardware/vendor_passthru/methods' },
  { path: '/v1/allocations', since: 52 },
  { path: '/v1/allocations/{allocation}', since: 52 },
  { path: '/v1/deploy_templates', since: 55 },
  { path: '/v1/deploy_templates?detail=true', since: 55 },
  { path: '/v1/deploy_templates/{template}', since: 55 },
  { path: '/v1/shards', since: 82 },
  { path: '/v1/runbooks', since: 92 },
  { path: '/v1/runbooks?detail=true', since: 92 },
  { path: '/v1/runbooks/{runbook}', since: 92 },
  { path: '/v1/inspection_rules', since: 96 },
  { path: '/v1/inspection_rules?detail=true', since: 96 },
  { path: '/v1/inspection_rules/{rule}', since: 96 },
];

export interface Made {
  readonly name: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const STEP = { interface: 'bios', step: 'apply_configuration', args: { settings: [] } };

/** One of each, in this order; in a text {x} is the UUID of what was made as x. */
export const MADE: readonly Made[] = [
  { name: 'chassis', path: '/v1/chassis', body: { description: 'rack' } },
  { name: 'node', path: '/v1/nodes', body: { driver: 'fake-hardware', name: 'n1', chassis_uuid: '{chassis}' } },
  { name: 'portgroup', path: '/v1/portgroups', body: { node_uuid: '{node}', name: 'bond' } },
  { name: 'port', path: '/v1/ports', body: { node_uuid: '{node}', address: '52:54:00:00:77:01', portgroup_uuid: '{portgroup}' } },
  { name: 'allocation', path: '/v1/allocations', body: { resource_class: 'nosuch', name: 'a1' } },
  { name: 'template', path: '/v1/deploy_templates', body: { name: 'CUSTOM_T', steps: [{ ...STEP, priority: 150 }] } },
  { name: 'connector', path: '/v1/volume/connectors', body: { node_uuid: '{node}', type: 'iqn', connector_id: 'iqn.x:1' } },
  {
    name: 'target',
    path: '/v1/volume/targets',
    body: { node_uuid: '{node}', volume_type: 'iscsi', boot_index: 0, volume_id: 'v1' },
  },
  { name: 'runbook', path: '/v1/runbooks', body: { name: 'CUSTOM_R', steps: [{ ...STEP, order: 1 }] } },
  {
    name: 'rule',
    path: '/v1/inspection_rules',
    body: { description: 'd', conditions: [], actions: [{ op: 'set-attribute', args: { path: '/extra/a', value: 'b' } }] },
  },
];
