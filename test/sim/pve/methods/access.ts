// Tickets, users, tokens, roles and ACLs. All of it lies in /etc/pve, but root's password, which is the machine's own.

import { createHash } from 'node:crypto';
import { ApiError, died } from '../errors.ts';
import { PRIVILEGES, privilegesOf, rolesOf } from '../permissions.ts';
import { assertQuorum, withLock } from '../tasks.ts';
import type { AclEntry, Member, User, World } from '../world.ts';
import { type Call, isYes, listOf, type Methods } from './call.ts';

const TICKET_MS = 2 * 3_600_000;
const REALMS = [
  { realm: 'pam', type: 'pam', comment: 'Linux PAM standard authentication' },
  { realm: 'pve', type: 'pve', comment: 'Proxmox VE authentication server' },
];

function logIn({ world, member, params }: Call): unknown {
  const username = params.username?.includes('@') === true ? params.username : `${params.username}@${params.realm ?? 'pam'}`;
  const user = member.etc.users.get(username);
  const password = username === 'root@pam' ? member.rootPassword : user?.password;
  if (user === undefined || password === undefined || password !== params.password) throw new ApiError(401, 'authentication failure');
  const time = Math.floor(world.clock.now() / 1000)
    .toString(16)
    .toUpperCase()
    .padStart(8, '0');
  if (user.hasSecondFactor === true)
    return { username, ticket: `PVE:!tfa!${username}:${time}::challenge`, CSRFPreventionToken: `${time}:x`, NeedTFA: 1 };
  world.nextPid += 1;
  const csrf = `${time}:${signed(`csrf ${username} ${world.nextPid}`)}`;
  const ticket = `PVE:${username}:${time}::${signed(`${username} ${world.nextPid}`)}`;
  member.etc.tickets.set(ticket, { user: username, csrf, until: world.clock.now() + TICKET_MS });
  return { username, ticket, CSRFPreventionToken: csrf };
}

const signed = (text: string): string => createHash('sha256').update(text).digest('base64');

/** Changes of user.cfg. */
function change<T>({ world, member }: Call, code: () => T): Promise<T> {
  assertQuorum(world, member);
  return withLock(world, member, 'user.cfg', true, code);
}

function userOf({ member, params }: Call): User {
  const user = member.etc.users.get(params.userid ?? '');
  if (user === undefined) throw died(`no such user ('${params.userid}')`);
  return user;
}

function createUser(call: Call): Promise<void> {
  const { userid = '', password, comment } = call.params;
  return change(call, () => {
    if (call.member.etc.users.has(userid)) throw died(`create user failed: user '${userid}' already exists`);
    const more = { ...(password === undefined ? {} : { password }), ...(comment === undefined ? {} : { comment }) };
    call.member.etc.users.set(userid, { ...more, tokens: new Map() });
  });
}

function deleteUser(call: Call): Promise<void> {
  const { userid = '' } = call.params;
  return change(call, () => {
    userOf(call);
    call.member.etc.users.delete(userid);
    call.member.etc.acl = call.member.etc.acl.filter(({ who }) => who.split('!')[0] !== userid);
  });
}

function createToken(call: Call): Promise<unknown> {
  const { userid = '', tokenid = '', privsep = '1', comment, expire = '0' } = call.params;
  return change(call, () => {
    const { tokens } = userOf(call);
    if (tokens.has(tokenid)) throw new ApiError(400, 'Parameter verification failed.', { tokenid: 'Token already exists.' });
    call.world.nextPid += 1;
    const hex = createHash('sha256').update(`${userid} ${tokenid} ${call.world.nextPid}`).digest('hex');
    const secret = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
    tokens.set(tokenid, { secret, isSeparate: isYes(privsep), expire: Number(expire), ...(comment === undefined ? {} : { comment }) });
    return { 'full-tokenid': `${userid}!${tokenid}`, value: secret, info: { privsep: isYes(privsep) ? '1' : '0' } };
  });
}

function tokenOf(call: Call): NonNullable<ReturnType<User['tokens']['get']>> {
  const { userid = '', tokenid = '' } = call.params;
  const token = userOf(call).tokens.get(tokenid);
  if (token === undefined) throw died(`no such token '${tokenid}' for user '${userid}'`);
  return token;
}

function deleteToken(call: Call): Promise<void> {
  const { userid = '', tokenid = '' } = call.params;
  return change(call, () => {
    if (!userOf(call).tokens.delete(tokenid)) throw died(`no such token '${tokenid}' for user '${userid}'`);
    call.member.etc.acl = call.member.etc.acl.filter(({ who }) => who !== `${userid}!${tokenid}`);
  });
}

function setAcl(call: Call): Promise<void> {
  const { path = '/', roles, users, tokens, groups, propagate = '1' } = call.params;
  const { etc } = call.member;
  if (groups !== undefined) throw died(`no such group '${groups}'`);
  return change(call, () => {
    for (const role of listOf(roles)) if (!rolesOf(etc).has(role)) throw died(`role '${role}' does not exist`);
    const whom = [...listOf(users), ...listOf(tokens)];
    for (const who of whom) assertKnown(call, who);
    for (const who of whom) for (const role of listOf(roles)) put(call, { path, role, who, propagate: isYes(propagate) });
  });
}

function assertKnown({ member: { etc } }: Call, who: string): void {
  const [user = '', token] = who.split('!');
  if (!etc.users.has(user)) throw died(`user '${user}' does not exist`);
  if (token !== undefined && etc.users.get(user)?.tokens.has(token) !== true) throw died(`no such token '${token}' for user '${user}'`);
}

function put({ member: { etc }, params }: Call, entry: AclEntry): void {
  etc.acl = etc.acl.filter(({ path, role, who }) => path !== entry.path || role !== entry.role || who !== entry.who);
  if (!isYes(params.delete)) etc.acl.push(entry);
}

function roleOf({ member: { etc }, params }: Call): readonly string[] {
  const role = rolesOf(etc).get(params.roleid ?? '');
  if (role === undefined) throw died(`role '${params.roleid}' does not exist`);
  return role;
}

/** A privilege that nobody knows is refused. */
function privilegesIn(privs: string | undefined): string[] {
  const given = listOf(privs);
  const unknown = given.find((privilege) => !PRIVILEGES.includes(privilege));
  if (unknown !== undefined) throw died(`invalid privilege '${unknown}'`);
  return given;
}

/** One that came with it cannot be changed. */
function ownRole(call: Call): readonly string[] {
  const role = roleOf(call);
  if (!call.member.etc.roles.has(call.params.roleid ?? '')) throw died(`auto-generated role '${call.params.roleid}' cannot be modified`);
  return role;
}

const flag = (is: boolean): number => (is ? 1 : 0);

export const ACCESS: Methods = {
  'GET /access/ticket': () => null,
  'POST /access/ticket': logIn,
  'GET /access/domains': () => REALMS,
  'GET /access/users': ({ member }) =>
    [...member.etc.users].map(([userid, { comment }]) => ({ userid, enable: 1, expire: 0, ...(comment === undefined ? {} : { comment }) })),
  'POST /access/users': createUser,
  'GET /access/users/{userid}': (call) => ({
    enable: 1,
    expire: 0,
    groups: [],
    tokens: Object.fromEntries([...userOf(call).tokens].map(([id, { isSeparate }]) => [id, { privsep: flag(isSeparate), expire: 0 }])),
  }),
  'PUT /access/users/{userid}': (call) =>
    change(call, () => {
      const { userid = '', comment } = call.params;
      const user = userOf(call);
      call.member.etc.users.set(userid, { ...user, ...(comment === undefined ? {} : { comment }) });
    }),
  'DELETE /access/users/{userid}': deleteUser,
  'GET /access/users/{userid}/token': (call) =>
    [...userOf(call).tokens].map(([tokenid, { isSeparate, expire }]) => ({ tokenid, privsep: flag(isSeparate), expire })),
  'POST /access/users/{userid}/token/{tokenid}': createToken,
  'GET /access/users/{userid}/token/{tokenid}': (call) => {
    const { isSeparate, expire, comment } = tokenOf(call);
    return { privsep: flag(isSeparate), expire, ...(comment === undefined ? {} : { comment }) };
  },
  'PUT /access/users/{userid}/token/{tokenid}': (call) =>
    change(call, () => {
      const { tokenid = '', privsep, comment, expire } = call.params;
      const token = tokenOf(call);
      const more = {
        ...(privsep === undefined ? {} : { isSeparate: isYes(privsep) }),
        ...(comment === undefined ? {} : { comment }),
        ...(expire === undefined ? {} : { expire: Number(expire) }),
      };
      userOf(call).tokens.set(tokenid, { ...token, ...more });
      return { privsep: flag(isYes(privsep)), expire: Number(expire ?? token.expire) };
    }),
  'DELETE /access/users/{userid}/token/{tokenid}': deleteToken,
  'GET /access/roles': ({ member }) =>
    [...rolesOf(member.etc)].map(([roleid, privs]) => ({ roleid, privs: privs.join(','), special: flag(!member.etc.roles.has(roleid)) })),
  'POST /access/roles': (call) =>
    change(call, () => {
      const { roleid = '', privs } = call.params;
      if (rolesOf(call.member.etc).has(roleid)) throw died(`role '${roleid}' already exists`);
      call.member.etc.roles.set(roleid, privilegesIn(privs));
    }),
  'GET /access/roles/{roleid}': (call) => Object.fromEntries(roleOf(call).map((privilege) => [privilege, 1])),
  'PUT /access/roles/{roleid}': (call) =>
    change(call, () => {
      const { roleid = '', privs, append } = call.params;
      const before = ownRole(call);
      call.member.etc.roles.set(roleid, [...new Set([...(isYes(append) ? before : []), ...privilegesIn(privs)])]);
    }),
  'DELETE /access/roles/{roleid}': (call) =>
    change(call, () => {
      ownRole(call);
      call.member.etc.roles.delete(call.params.roleid ?? '');
      call.member.etc.acl = call.member.etc.acl.filter(({ role }) => role !== call.params.roleid);
    }),
  'GET /access/acl': ({ member, user }) =>
    member.etc.acl
      .filter(({ path }) => privilegesOf(member.etc, user, path).has('Permissions.Modify'))
      .map(({ path, role, who, propagate }) => ({
        path,
        roleid: role,
        ugid: who,
        type: who.includes('!') ? 'token' : 'user',
        propagate: flag(propagate),
      })),
  'PUT /access/acl': setAcl,
};

export interface Credentials {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  readonly csrf: string | undefined;
  readonly isWrite: boolean;
}

/** Throws ApiError 401. */
export function whoAsks(world: World, { etc }: Member, { authorization, cookie, csrf, isWrite }: Credentials): string {
  const token = /^PVEAPIToken=(.*)$/.exec(authorization ?? '')?.[1];
  if (token !== undefined) return byToken(world, etc.users, token);
  const ticket = /(?:^|;\s*)PVEAuthCookie=([^;]*)/.exec(cookie ?? '')?.[1];
  if (ticket === undefined) throw new ApiError(401, 'No ticket');
  const known = etc.tickets.get(ticket) ?? etc.tickets.get(decodeURIComponent(ticket));
  if (known === undefined || known.until < world.clock.now()) throw new ApiError(401, 'permission denied - invalid PVE ticket');
  if (isWrite && csrf !== known.csrf) throw new ApiError(401, 'Permission denied - invalid csrf token');
  return known.user;
}

function byToken(world: World, users: ReadonlyMap<string, User>, token: string): string {
  const [full = '', secret] = token.split('=');
  const [user = '', name = ''] = full.split('!');
  const known = users.get(user)?.tokens.get(name);
  if (known === undefined) throw new ApiError(401, `no such token '${name}' for user '${user}'`);
  if (known.expire > 0 && known.expire * 1000 < world.clock.now()) throw new ApiError(401, 'token expired');
  if (known.secret !== secret) throw new ApiError(401, 'invalid token value!');
  return full;
}
