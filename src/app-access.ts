// Wiring of who may use the appliance: from the config to what the access domain takes, and the one-time link of a first start.

import type { Access, AccessOptions } from './access/index.ts';
import { localUrl } from './app-files.ts';
import type { Config } from './config/index.ts';
import type { Log } from './lib/index.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

export function accessSettings({ auth }: Config): Pick<AccessOptions, 'times' | 'basic'> {
  const times = { idleMs: auth.session_idle_minutes * MINUTE_MS, absoluteMs: auth.session_hours * HOUR_MS };
  if (auth.mode !== 'basic' || auth.htpasswd_file === undefined) return { times };
  return { times, basic: { path: auth.htpasswd_file, role: auth.basic_role, users: auth.user } };
}

/** Undefined when somebody can sign in already. */
export async function firstSetupLink(access: Pick<Access, 'users' | 'setupLink'>, config: Config): Promise<string | undefined> {
  if (await access.users.hasAdmin()) return undefined;
  const { word } = await access.setupLink.renew();
  return `${config.server.public_url?.replace(/\/+$/, '') ?? localUrl(config)}/setup#${word}`;
}

/** Without the link: a log is kept and passed on, and whoever reads it could be first. */
export async function tellNobodyCanSignIn({ users }: Pick<Access, 'users'>, log: Log): Promise<void> {
  if (!(await users.hasAdmin())) log.info({}, 'nobody can sign in yet: rackseed setup-link gives the way to the first administrator');
}
