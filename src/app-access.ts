// Wiring of who may use the appliance: from the config to what the access domain takes, and the one-time link of a first start.

import type { Access, AccessOptions } from './access/index.ts';
import { localUrl } from './app-files.ts';
import type { Config } from './config/index.ts';

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
