// The token by which the appliance asks a cluster: made as root over the shell, with privileges of its own, sealed before it is used. Whoever calls
// it holds the cluster's lock.

import { type Static, Type } from 'typebox';
import { Secret } from '../../lib/index.ts';
import { type Credentials, tokenCredentials } from '../address-decide.ts';
import { checked } from '../api-link.ts';
import type { Pve, RootShell } from '../seam.ts';
import { readPve } from './answers.ts';
import { pveByShell } from './by-shell.ts';

export const TOKEN_USER = 'rackseed@pve';
export const TOKEN_NAME = 'appliance';
export const TOKEN_ROLE = 'Rackseed';

/**
 * What the calls of our table ask for, without those that could give themselves more: users, realms and permissions are root's, by pvesh. A test
 * compares it with the table.
 */
export const TOKEN_PRIVILEGES: readonly string[] = [
  'Datastore.Allocate',
  'Datastore.AllocateSpace',
  'Datastore.Audit',
  'Mapping.Audit',
  'Mapping.Modify',
  'SDN.Allocate',
  'SDN.Audit',
  'Sys.Audit',
  'Sys.Console',
  'Sys.Modify',
  'VM.Audit',
];

export interface TokenVault {
  /** As it was sealed: USER@REALM!NAME=SECRET. */
  read(): Promise<Secret | undefined>;
  /** Durable when it resolves. */
  write(token: Secret): Promise<void>;
}

export interface TokenOptions {
  readonly vault: TokenVault;
  /** The one that we have is not taken: a new one is made. */
  readonly isRefused?: boolean;
}

const Made = Type.Object({ 'full-tokenid': Type.String(), value: Type.String() });
const COMMENT = 'Rackseed: made by the appliance';

/** May be cut off anywhere and is then begun anew: a token whose secret was not sealed is made again. */
export async function ensureToken(shell: RootShell, options: TokenOptions): Promise<Credentials> {
  const pve = pveByShell(shell);
  await ensureRole(pve);
  await ensureUser(pve);
  const credentials = (await kept(pve, options)) ?? (await made(pve, options.vault));
  await ensureAcl(pve);
  return credentials;
}

async function ensureRole(pve: Pve): Promise<void> {
  const roles = await readPve(pve, 'GET /access/roles');
  const role = roles.find(({ roleid }) => roleid === TOKEN_ROLE);
  const privs = TOKEN_PRIVILEGES.join(',');
  if (role === undefined) await pve.call('POST', '/access/roles', { roleid: TOKEN_ROLE, privs });
  else if (!isSame(role.privs ?? '')) await pve.call('PUT', '/access/roles/{roleid}', { roleid: TOKEN_ROLE, privs });
}

function isSame(privs: string): boolean {
  const has = new Set(privs.split(/[,;\s]+/).filter((one) => one !== ''));
  return has.size === TOKEN_PRIVILEGES.length && TOKEN_PRIVILEGES.every((one) => has.has(one));
}

async function ensureUser(pve: Pve): Promise<void> {
  const users = await readPve(pve, 'GET /access/users');
  if (users.some(({ userid }) => userid === TOKEN_USER)) return;
  await pve.call('POST', '/access/users', { userid: TOKEN_USER, comment: COMMENT });
}

async function kept(pve: Pve, { vault, isRefused = false }: TokenOptions): Promise<Credentials | undefined> {
  const tokens = await readPve(pve, 'GET /access/users/{userid}/token', { userid: TOKEN_USER });
  const known = tokens.find(({ tokenid }) => tokenid === TOKEN_NAME);
  if (known === undefined) return undefined;
  const sealed = isRefused ? undefined : await vault.read();
  const isSeparate = known.privsep === undefined || Number(known.privsep) === 1;
  if (sealed !== undefined && isSeparate) return tokenCredentials(sealed.reveal());
  // Its secret is shown once, and nobody has it.
  await pve.call('DELETE', '/access/users/{userid}/token/{tokenid}', { userid: TOKEN_USER, tokenid: TOKEN_NAME });
  return undefined;
}

async function made(pve: Pve, vault: TokenVault): Promise<Credentials> {
  const params = { userid: TOKEN_USER, tokenid: TOKEN_NAME, privsep: true, comment: COMMENT };
  const name = 'POST /access/users/{userid}/token/{tokenid}';
  const given: Static<typeof Made> = checked(Made, await pve.call('POST', '/access/users/{userid}/token/{tokenid}', params), {
    host: pve.address,
    name,
  });
  const token = new Secret(`${given['full-tokenid']}=${given.value}`);
  const credentials = tokenCredentials(token.reveal());
  await vault.write(token);
  return credentials;
}

/** A separate token has what both have: its user, and it. Its entry goes with it when it is removed. */
async function ensureAcl(pve: Pve): Promise<void> {
  const entries = await readPve(pve, 'GET /access/acl');
  const lacks = (who: string): boolean =>
    !entries.some(
      ({ path, roleid, ugid, propagate }) => path === '/' && roleid === TOKEN_ROLE && ugid === who && Number(propagate ?? 1) === 1,
    );
  const token = `${TOKEN_USER}!${TOKEN_NAME}`;
  const one = { path: '/', roles: TOKEN_ROLE, propagate: true };
  if (lacks(TOKEN_USER)) await pve.call('PUT', '/access/acl', { ...one, users: TOKEN_USER });
  if (lacks(token)) await pve.call('PUT', '/access/acl', { ...one, tokens: token });
}
