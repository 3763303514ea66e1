// Who may: privileges by ACLs as PVE::AccessControl counts them, and the checks that the schema names. Pure.

import { ApiError } from './errors.ts';
import type { ApiMethod, PermissionCheck } from './schema/index.ts';
import type { Pmxcfs } from './world.ts';

const AUDIT = ['Datastore.Audit', 'Mapping.Audit', 'Pool.Audit', 'SDN.Audit', 'Sys.Audit', 'VM.Audit'];
const SYSTEM = ['Sys.AccessNetwork', 'Sys.Audit', 'Sys.Console', 'Sys.Incoming', 'Sys.Modify', 'Sys.PowerMgmt', 'Sys.Syslog'];
const STORAGE = ['Datastore.Allocate', 'Datastore.AllocateSpace', 'Datastore.AllocateTemplate', 'Datastore.Audit'];
/** All that a role may have (PVE::AccessControl). */
export const PRIVILEGES: readonly string[] = [
  ...AUDIT,
  ...SYSTEM.filter((privilege) => privilege !== 'Sys.Audit'),
  ...STORAGE.filter((privilege) => privilege !== 'Datastore.Audit'),
  'Group.Allocate',
  'Permissions.Modify',
  'Realm.Allocate',
  'Realm.AllocateUser',
  'User.Modify',
  'Mapping.Modify',
  'Mapping.Use',
  'Pool.Allocate',
  'SDN.Allocate',
  'SDN.Use',
  ...['Allocate', 'Backup', 'Clone', 'Console', 'Migrate', 'PowerMgmt', 'Snapshot', 'Snapshot.Rollback'].map((one) => `VM.${one}`),
  ...['CDROM', 'CPU', 'Cloudinit', 'Disk', 'HWType', 'Memory', 'Network', 'Options'].map((one) => `VM.Config.${one}`),
];

/** Of the roles that come with it, those that pipelines give. */
const ROLES: Readonly<Record<string, readonly string[]>> = {
  Administrator: PRIVILEGES,
  PVEAuditor: AUDIT,
  PVEDatastoreAdmin: STORAGE,
  PVESysAdmin: ['Permissions.Modify', 'Sys.Audit', 'Sys.Console', 'Sys.Syslog'],
  NoAccess: [],
};

export function rolesOf(etc: Pmxcfs): ReadonlyMap<string, readonly string[]> {
  return new Map([...Object.entries(ROLES), ...etc.roles]);
}

/** The deepest entry on the way to a path counts; one that is not passed down counts only where it stands. */
function granted(etc: Pmxcfs, who: string, path: string): ReadonlySet<string> {
  if (who === 'root@pam') return new Set(PRIVILEGES);
  const roles = rolesOf(etc);
  const words = path.split('/').filter((word) => word !== '');
  let privileges: ReadonlySet<string> = new Set();
  for (let depth = 0; depth <= words.length; depth += 1) {
    const here = `/${words.slice(0, depth).join('/')}`;
    const entries = etc.acl.filter((entry) => entry.who === who && entry.path === here && (entry.propagate || depth === words.length));
    if (entries.length > 0) privileges = new Set(entries.flatMap(({ role }) => roles.get(role) ?? []));
  }
  return privileges;
}

/** A token with privileges of its own has no more than its user. */
export function privilegesOf(etc: Pmxcfs, who: string, path: string): ReadonlySet<string> {
  const [user = '', name] = who.split('!');
  if (name === undefined) return granted(etc, user, path);
  const ofUser = granted(etc, user, path);
  if (etc.users.get(user)?.tokens.get(name)?.isSeparate !== true) return ofUser;
  return new Set([...granted(etc, who, path)].filter((privilege) => ofUser.has(privilege)));
}

export function assertMay(etc: Pmxcfs, who: string, { permissions }: ApiMethod, params: Readonly<Record<string, string>>): void {
  if (who === 'root@pam' || permissions === 'world' || permissions === 'all') return;
  // A method of which the schema says nothing: root@pam itself, and no token of its.
  if (permissions === 'root') throw new ApiError(403, 'user != root@pam');
  const refused = refusal(etc, who, permissions, params);
  if (refused !== undefined) throw new ApiError(403, `Permission check failed${refused === '' ? '' : ` (${refused})`}`);
}

type Params = Readonly<Record<string, string>>;

function refusal(etc: Pmxcfs, who: string, check: PermissionCheck, params: Params): string | undefined {
  const [kind, first, second, ...more] = check;
  const parts = check.slice(1).filter((part) => Array.isArray(part)) as PermissionCheck[]; // nested checks are arrays
  const fill = (path: unknown): string => String(path).replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? '');
  if (kind === 'and') return parts.map((part) => refusal(etc, who, part, params)).find((text) => text !== undefined);
  if (kind === 'or') {
    const refused = parts.map((part) => refusal(etc, who, part, params));
    return refused.includes(undefined) ? undefined : (refused.at(-1) ?? '');
  }
  if (kind === 'perm') return lacks(etc, who, fill(first), words(second), more.includes('any'));
  if (kind === 'perm-modify') return lacks(etc, who, fill(first), ['Permissions.Modify'], true);
  if (kind === 'userid-param' && first === 'self') return params.userid === who.split('!')[0] ? undefined : '';
  if (kind === 'userid-param') return lacks(etc, who, '/access/realm', [String(first)], true);
  if (kind === 'userid-group') return lacks(etc, who, '/access/groups', words(first), true);
  throw new Error(`the stand-in knows no check of permissions called ${String(kind)}`);
}

function words(list: unknown): string[] {
  return Array.isArray(list) ? list.map(String) : [];
}

function lacks(etc: Pmxcfs, who: string, path: string, wanted: readonly string[], isAny: boolean): string | undefined {
  const has = privilegesOf(etc, who, path);
  const isGood = isAny ? wanted.some((privilege) => has.has(privilege)) : wanted.every((privilege) => has.has(privilege));
  return isGood ? undefined : `${path}, ${wanted.join(isAny ? '|' : ', ')}`;
}
