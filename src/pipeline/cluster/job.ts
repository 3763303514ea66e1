// A command on a machine that outlives our connection, and us: begun once, looked at until it has ended. What it needs is a directory in
// /run, which a restart of the machine empties. The lock is held by the command itself: whether it still runs is asked of the kernel.

import type { RootShell } from '../../proxmox/index.ts';
import { fail } from '../errors.ts';

export type Job =
  | { readonly is: 'none' }
  | { readonly is: 'running'; readonly log: string }
  | { readonly is: 'ended'; readonly code: number; readonly log: string }
  /** It ended without saying how: it was killed. */
  | { readonly is: 'died'; readonly log: string };

/** Its directory, then the command. `env -u`: whatever ends our commands does not look for this one. */
export const BEGIN_JOB = `# begins a command that goes on without us
dir=$1
shift
mkdir -p -m 0700 "$(dirname -- "$dir")"
mkdir -m 0700 -- "$dir" || exit 45
exec 9>"$dir/lock"
flock -n 9
cat >"$dir/in"
env -u RACKSEED_COMMAND setsid sh -c '
dir=$1
shift
code=0
"$@" <"$dir/in" >"$dir/log" 2>&1 || code=$?
echo "$code" >"$dir/code.new"
mv -f -- "$dir/code.new" "$dir/code"
' sh "$dir" "$@" </dev/null >/dev/null 2>&1 &`;

export const LOOK_AT_JOB = `# looks how far a command is
dir=$1
if [ ! -d "$dir" ]; then echo none; exit 0; fi
if [ ! -s "$dir/code" ] && [ -e "$dir/lock" ] && ! flock -n "$dir/lock" true; then echo running
elif [ -s "$dir/code" ]; then echo "ended $(cat "$dir/code")"
else echo died; fi
if [ -e "$dir/log" ]; then tail -c 20000 "$dir/log"; fi`;

export const FORGET_JOB = `# forgets a command that has ended
rm -rf -- "$1"`;

const THERE_ALREADY = 45;

/** `input` is what the command reads; it lies in the directory until that is forgotten. */
export async function beginJob(shell: RootShell, dir: string, command: readonly string[], secret?: string): Promise<void> {
  const secrets = secret === undefined ? {} : { secrets: [secret] };
  const ran = await shell.script(BEGIN_JOB, [dir, ...command], { input: secret === undefined ? '' : `${secret}\n`, ...secrets });
  if (ran.code === 0 || ran.code === THERE_ALREADY) return;
  throw fail('pipeline.step_failed', {
    message: `${command.join(' ')} could not be begun on ${shell.address}: ${ran.err.trim() || `code ${ran.code}`}`,
    hint: `Look at /run and ${dir} on the machine.`,
  });
}

export async function lookAtJob(shell: RootShell, dir: string): Promise<Job> {
  const ran = await shell.script(LOOK_AT_JOB, [dir]);
  const at = ran.out.indexOf('\n');
  const [word = '', code = ''] = (at < 0 ? ran.out : ran.out.slice(0, at)).split(' ');
  const log = at < 0 ? '' : ran.out.slice(at + 1);
  if (ran.code === 0 && word === 'none') return { is: 'none' };
  if (ran.code === 0 && (word === 'running' || word === 'died')) return { is: word, log };
  if (ran.code === 0 && word === 'ended' && /^\d+$/.test(code)) return { is: 'ended', code: Number(code), log };
  throw fail('pipeline.step_failed', {
    message: `how far the command in ${dir} is on ${shell.address} could not be seen: ${ran.err.trim() || ran.out.slice(0, 200)}`,
    hint: 'Look at that directory on the machine.',
  });
}

export async function forgetJob(shell: RootShell, dir: string): Promise<void> {
  await shell.script(FORGET_JOB, [dir]);
}
