// apt on the machine: lists fetched and known to be fresh, changes tried before they are made, a broken connection that breaks no dpkg.

import { fail } from '../errors.ts';
import type { StepContext } from '../seam.ts';
import { holdingRemoved, readSimulation, type Simulated } from './apt-codec.ts';
import { few, refusal } from './verdicts.ts';

type Hands = Pick<StepContext, 'shell' | 'log' | 'node'>;

const FOLDER = '/var/lib/rackseed';
const STAMP = `${FOLDER}/apt-lists-fetched`;
const LOG = '/var/log/rackseed-apt.log';
/** Unattended ones, and those of another that was cut off. */
const LOCK_SECONDS = 900;

/** Its output goes into a file: nothing that ends with the connection. What an earlier one left half-done is finished first. */
const APT = `# runs apt-get, told to a file
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l
log=$1 lock=$2
shift 2
code=0
{
  echo "== $(date -u +%FT%TZ) apt-get $*"
  dpkg --configure -a --force-confdef --force-confold
  apt-get -o "DPkg::Lock::Timeout=$lock" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
} </dev/null >>"$log" 2>&1 || code=$?
tail -n 40 -- "$log"
exit "$code"`;

const FRESH = `# notes that the lists were fetched
mkdir -p -- "$(dirname -- "$1")"
touch -- "$1"`;

/** The lists were fetched by us within that time, and their sources have not changed since. */
export async function isFresh({ shell }: Hands, minutes: number): Promise<boolean> {
  return (await shell.run(['find', STAMP, '-mmin', `-${minutes}`])).out.trim() !== '';
}

/** Before sources are changed. */
export async function forgetLists({ shell }: Hands): Promise<void> {
  await shell.must(['rm', '-f', '--', STAMP]);
}

export async function fetchLists(hands: Hands): Promise<void> {
  // Without it apt is content when some lists could not be fetched.
  await apt(hands, ['-o', 'APT::Update::Error-Mode=any', 'update'], 900_000);
  const { code, err } = await hands.shell.script(FRESH, [STAMP]);
  if (code !== 0) throw refusal({ reason: `${STAMP} could not be written: ${err.trim()}`, hint: 'Is /var full?' });
}

export async function apt({ shell, log, node }: Hands, words: readonly string[], timeoutMs: number): Promise<void> {
  const ran = await shell.script(APT, [LOG, String(LOCK_SECONDS), ...words], { timeoutMs });
  for (const line of ran.out.split('\n').filter((one) => one !== '')) log(line);
  if (ran.code === 0) return;
  const said = ran.out.split('\n').filter((line) => /^(?:E|Err|W):?/.test(line));
  throw fail('pipeline.step_failed', {
    message: `apt-get ${words.filter((word) => !word.startsWith('-') && !word.includes('=')).join(' ')} ended on ${node.name} with ${ran.code ?? ran.signal}: ${said.slice(-6).join(' ') || ran.out.slice(-400)}`,
    hint: `${LOG} on the machine has all of it. 401: that repository needs a subscription (step apt-repositories).`,
  });
}

/** What it would do; on the lists that are there. */
export async function simulate({ shell }: Hands, words: readonly string[]): Promise<Simulated> {
  return readSimulation(await shell.must(['apt-get', '-s', '-q', ...words], { timeoutMs: 300_000 }));
}

/** Throws where apt would take away what makes it a Proxmox node. */
export function refuseRemovals(simulated: Simulated): void {
  const lost = holdingRemoved(simulated);
  if (lost.length === 0) return;
  throw refusal({
    reason: `apt would take away ${few(lost)}`,
    hint: 'The repositories do not fit each other or the release: look at the step apt-repositories, and at `apt-get -s` on the machine.',
  });
}
