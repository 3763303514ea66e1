// The key with which one attempt to join signs in at the peer: made on the newcomer, good from there alone, gone afterwards. `pvecm add
// --use_ssh` calls ssh-copy-id, ssh and rsync, which all read /etc/ssh/ssh_config.d: there the key and the peer's host keys are named.

import { fail } from '../errors.ts';
import type { StepContext } from '../seam.ts';
import { attemptComment, attemptLine, keyOf, withLines, withoutAttempts } from './keys-decide.ts';
import { CLUSTER_KEYS, type Member } from './look.ts';

export interface Attempt {
  readonly node: string;
  /** As the newcomer calls it. */
  readonly peer: string;
  /** Addresses that the newcomer may come from. */
  readonly from: readonly string[];
}

const KEY = '/root/.ssh/rackseed-join';
const KNOWN_HOSTS = '/root/.ssh/rackseed-join-hosts';
/** Before all else in Debian's ssh_config; of a user's own configuration only what that does not name is taken from here. */
export const ATTEMPT_CONFIG = '/etc/ssh/ssh_config.d/00-rackseed-join.conf';
const HOST_KEYS = ['ed25519', 'ecdsa', 'rsa'];

export async function openAttempt({ shell, clock }: StepContext, member: Member, { node, peer, from }: Attempt): Promise<void> {
  await shell.must(['mkdir', '-p', '-m', '0700', '/root/.ssh']);
  await shell.must(['rm', '-f', KEY, `${KEY}.pub`]);
  await shell.must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', attemptComment(node), '-f', KEY]);
  const key = keyOf((await shell.readFile(`${KEY}.pub`))?.toString() ?? '');
  if (key === undefined) throw unread(`ssh-keygen on ${node} left no key in ${KEY}.pub`);
  const hosts = await hostKeysOf(member);
  await shell.writeFile(KNOWN_HOSTS, hosts.map((host) => `${peer} ${host}\n`).join(''), 0o600);
  await shell.writeFile(ATTEMPT_CONFIG, sshConfig(peer), 0o644);
  const text = (await member.readFile(CLUSTER_KEYS))?.toString() ?? '';
  const line = attemptLine({ node, key, from, now: clock.now() });
  await member.writeFile(CLUSTER_KEYS, withLines(withoutAttempts(text, node), [line]), 0o600);
}

/** At the peer last: as long as it is there, check says that something is left to do. */
export async function closeAttempt({ shell, node }: StepContext, member: Member): Promise<void> {
  await shell.must(['rm', '-f', KEY, `${KEY}.pub`, KNOWN_HOSTS, ATTEMPT_CONFIG]);
  const text = (await member.readFile(CLUSTER_KEYS))?.toString() ?? '';
  const without = withoutAttempts(text, node.name);
  if (without !== text) await member.writeFile(CLUSTER_KEYS, without, 0o600);
}

/** As its own files have them: read over a connection whose host key is pinned. */
async function hostKeysOf(member: Member): Promise<readonly string[]> {
  const files = HOST_KEYS.map((kind) => member.readFile(`/etc/ssh/ssh_host_${kind}_key.pub`));
  const keys = (await Promise.all(files)).flatMap((file) => keyOf(file?.toString() ?? '') ?? []);
  if (keys.length === 0) throw unread(`${member.name} has no host keys in /etc/ssh`);
  return keys;
}

export function sshConfig(peer: string): string {
  return `# While this machine joins a cluster. Taken away afterwards.
Host ${peer}
  IdentityFile ${KEY}
  UserKnownHostsFile ${KNOWN_HOSTS}
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  ControlMaster no
  ControlPath none
`;
}

function unread(message: string): Error {
  return fail('pipeline.step_failed', { message, hint: 'Look at /root/.ssh and /etc/ssh there.' });
}
