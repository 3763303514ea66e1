// What somebody with a project may do, as data: Ironic's policies for a node's owner and lessee (common/policy.py, 2026). What is not
// here is denied. Pure.

import { isAtLeast } from '../access/index.ts';
import { RUN_PIPELINE } from '../power/index.ts';
import type { Role } from './services.ts';

/** What a project is to a node. */
export type Relation = 'owner' | 'lessee';

/** The least role of the project's people; null: never. Ironic's admin and manager of a project are our operator. */
export type Least = Readonly<Record<Relation, Role | null>>;

/**
 * What the path names: a thing whose owner the guard looks up, or one of those where there is nothing to look up: a list, which is
 * narrowed to what the project sees; an allocation, whose routes see to it; nothing that anybody owns.
 */
export type Subject = OwnedSubject | 'list' | 'allocation' | 'nothing';
export type OwnedSubject = 'node' | 'port' | 'portgroup' | 'connector' | 'target' | 'runbook' | 'newOfNode';

export interface Rule {
  readonly subject: Subject;
  readonly least: Least;
}

const READ: Least = { owner: 'reader', lessee: 'reader' };
const OWNERS_READ: Least = { owner: 'reader', lessee: null };
const USE: Least = { owner: 'member', lessee: 'member' };
/** SYSTEM_OR_OWNER_MEMBER_AND_LESSEE_ADMIN */
const RUN: Least = { owner: 'member', lessee: 'operator' };
/** SYSTEM_MEMBER_OR_OWNER_LESSEE_ADMIN */
const BOTH_RUN: Least = { owner: 'operator', lessee: 'operator' };
const OWNERS_USE: Least = { owner: 'member', lessee: null };
const OWNERS_RUN: Least = { owner: 'operator', lessee: null };
const OWNERS_ADMIN: Least = { owner: 'admin', lessee: null };

type Row = readonly [methods: string, route: RegExp, subject: Subject, least: Least];

const node = (methods: string, below: string, least: Least): Row => [methods, new RegExp(`^/v1/nodes/:[^/]+${below}$`), 'node', least];

const ROWS: readonly Row[] = [
  ['GET', /^\/v1\/(?:nodes|ports|portgroups|volume\/connectors|volume\/targets|runbooks|allocations)(?:\/detail)?$/, 'list', READ],
  ['POST', /^\/v1\/allocations$/, 'allocation', USE],
  ['GET', /^\/v1\/allocations\/:[^/]+$/, 'allocation', READ],
  ['PATCH DELETE', /^\/v1\/allocations\/:[^/]+$/, 'allocation', USE],
  ['GET', /^\/api\/(?:states|states\.svg|openapi\.json)$/, 'nothing', READ],
  ['GET PUT DELETE', /^\/api\/session(?:\/password)?$/, 'nothing', READ],
  ['GET POST DELETE', /^\/api\/tokens(?:\/:[^/]+)?$/, 'nothing', READ],

  node('GET', '', READ),
  node('PATCH', '', USE),
  node('DELETE', '', OWNERS_ADMIN),
  node('GET', '/states', READ),
  node('PUT', '/states/(?:power|boot_mode|secure_boot)', USE),
  node('PUT', '/states/provision', RUN),
  node('PUT', '/states/raid', OWNERS_USE),
  node('GET PUT', '/states/console', OWNERS_USE),
  node('GET', '/validate', RUN),
  node('PUT DELETE', '/maintenance', RUN),
  node('GET', '/(?:vifs|traits|bios|firmware|ports|portgroups|volume|vmedia)(?:/.*)?', READ),
  node('GET', '/allocation', READ),
  node('DELETE', '/allocation', USE),
  node('POST DELETE', '/vifs(?:/.*)?', RUN),
  node('POST DELETE', '/vmedia', USE),
  node('PUT DELETE', '/traits(?:/.*)?', OWNERS_RUN),
  node('GET', '/(?:history|inventory|children)(?:/.*)?', OWNERS_READ),
  node('GET PUT', '/management/boot_device(?:/supported)?', OWNERS_RUN),
  node('PUT', '/management/inject_nmi', OWNERS_RUN),
  node('GET', '/management/indicators(?:/.*)?', READ),
  node('PUT', '/management/indicators(?:/.*)?', OWNERS_USE),

  ['POST', /^\/v1\/(?:ports|portgroups)$/, 'newOfNode', OWNERS_RUN],
  ['POST', /^\/v1\/volume\/(?:connectors|targets)$/, 'newOfNode', BOTH_RUN],
  ['GET', /^\/v1\/ports\/:[^/]+$/, 'port', READ],
  ['PATCH DELETE', /^\/v1\/ports\/:[^/]+$/, 'port', OWNERS_RUN],
  ['GET', /^\/v1\/portgroups\/:[^/]+(?:\/ports(?:\/detail)?)?$/, 'portgroup', READ],
  ['PATCH DELETE', /^\/v1\/portgroups\/:[^/]+$/, 'portgroup', OWNERS_RUN],
  ['GET', /^\/v1\/volume\/connectors\/:[^/]+$/, 'connector', READ],
  ['PATCH', /^\/v1\/volume\/connectors\/:[^/]+$/, 'connector', RUN],
  ['DELETE', /^\/v1\/volume\/connectors\/:[^/]+$/, 'connector', BOTH_RUN],
  ['GET', /^\/v1\/volume\/targets\/:[^/]+$/, 'target', READ],
  ['PATCH', /^\/v1\/volume\/targets\/:[^/]+$/, 'target', RUN],
  ['DELETE', /^\/v1\/volume\/targets\/:[^/]+$/, 'target', BOTH_RUN],
  ['GET', /^\/v1\/runbooks\/:[^/]+(?:\/traits)?$/, 'runbook', OWNERS_READ],
];

export function projectRule(method: string, route: string): Rule | undefined {
  const asked = method === 'HEAD' ? 'GET' : method;
  const bare = route.length > 1 ? route.replace(/\/$/, '') : route;
  const row = ROWS.find(([methods, pattern]) => methods.split(' ').includes(asked) && pattern.test(bare));
  return row === undefined ? undefined : { subject: row[2], least: row[3] };
}

/** Fields of a node that are for the whole site's people only. */
const SITE_FIELDS = new Set(['owner', 'conductor_group', 'shard', 'parent_node', 'chassis_uuid', 'disable_power_off', 'automated_clean']);
/** What a lessee may patch of a node, and from which role on. */
const LESSEE_FIELDS: ReadonlyMap<string, Role> = new Map([
  ['extra', 'member'],
  ['instance_info', 'operator'],
]);

/** In `extra`, by which the appliance itself goes: the profile that the node is installed by, and the cluster it belongs to. */
export const OWNERS_EXTRA: readonly string[] = ['profile', 'cluster'];

/** Arguments of the step that runs pipelines by which it runs another one than the node's profile names. */
const OWNERS_PIPELINE: readonly string[] = ['pipeline', 'run'];

/** Why a lessee may not ask for these steps; undefined: it may. Pipelines are the operator's, and do all that root can. */
export function lesseeStepsRefusal(body: unknown): string | undefined {
  const steps = isObject(body) && Array.isArray(body.service_steps) ? (body.service_steps as readonly unknown[]) : []; // came as JSON
  const asked = steps.filter(isObject).filter(({ step }) => step === RUN_PIPELINE);
  const names = asked.some(({ args }) => isObject(args) && OWNERS_PIPELINE.some((key) => Object.hasOwn(args, key)));
  return names ? `may run no other pipeline than that of its profile: leave out the arguments ${OWNERS_PIPELINE.join(' and ')}` : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The role that a change of a field needs; undefined: nobody with a project may. */
export function patchLeast(field: string, subject: Subject, relation: Relation): Role | undefined {
  // What hangs on a node stays there: the other node may be somebody else's.
  if (subject !== 'node') return field === 'node_uuid' || field === '' ? undefined : 'reader';
  if (relation === 'lessee') return LESSEE_FIELDS.get(field);
  if (SITE_FIELDS.has(field) || field === '') return undefined;
  return field === 'driver' || field.endsWith('_interface') ? 'operator' : 'member';
}

export function mayPatch(role: Role, field: string, subject: Subject, relation: Relation): boolean {
  const least = patchLeast(field, subject, relation);
  return least !== undefined && isAtLeast(role, least);
}
