// A rehearsal, as a task: the machine is restarted twice, asks us what to boot, and is sent on to its own disk each time. Says how long each
// part took, and whether its firmware really asks the network first. Nothing is written anywhere but in our own store.

import { type Static, Type } from 'typebox';
import { nodeTitle } from '../nodes/index.ts';
import { defineTask, done, type Step, type StepContext, type StepResult, type TaskDefinition, waitUntil } from '../tasks/index.ts';
import { writeCheck } from './book.ts';
import { fail } from './errors.ts';
import { type CheckDeps, nodeOf } from './parts.ts';

export const REHEARSE_KIND = 'node.rehearse';
export const rehearseArgs = Type.Object({ by: Type.String() });
type Args = Static<typeof rehearseArgs>;
type Context = StepContext<Args>;

const MINUTE = 60_000;
const LOOK_MS = 1000;
/** Big servers take ten minutes through their self-test, and a person may have to come. */
const ASK_LIMIT_MS = 30 * MINUTE;
/** A disk that does not start falls back to the network within this. */
const QUIET_MS = 2 * MINUTE;
const ROUNDS = [1, 2] as const;

const begun = Type.Object({ at: Type.Number() });
const asked = Type.Object({ seconds: Type.Number(), at: Type.Number() });

export function rehearseDefinition(deps: () => CheckDeps): TaskDefinition {
  const steps = ROUNDS.flatMap((round): Step<Args>[] => [
    {
      name: `restart-${round}`,
      title: `Restart it (${round} of 2)`,
      timeoutMs: 2 * MINUTE,
      // Somebody works on the node just now.
      retry: { attempts: 30, firstDelayMs: 500, maxDelayMs: 10_000 },
      run: (context) => restart(deps(), context),
    },
    {
      name: `network-${round}`,
      title: `It asks the network (${round} of 2)`,
      timeoutMs: MINUTE,
      run: (context) => asks(deps(), context, round),
    },
    {
      name: `disk-${round}`,
      title: `It starts its disk (${round} of 2)`,
      timeoutMs: MINUTE,
      run: (context) => starts(deps(), context, round),
    },
  ]);
  const last: Step<Args> = { name: 'finish', title: 'Finish', timeoutMs: MINUTE, run: (context) => finish(deps(), context) };
  const definition = defineTask({ kind: REHEARSE_KIND, title: 'Rehearse its restart', args: rehearseArgs, steps: [...steps, last] });
  return definition as TaskDefinition; // the engine checks the arguments before any step is called
}

async function restart({ lifecycle, clock, ...deps }: CheckDeps, context: Context): Promise<StepResult> {
  const node = await nodeOf(deps, context.nodeUuid);
  const at = clock.now();
  // On an answer that got lost it may be restarted once more, which harms nothing.
  await lifecycle.setPower(node, node.powerState === 'power off' ? 'power on' : 'rebooting', null, { who: 'user', actor: context.args.by });
  return done({ at });
}

async function asks(deps: CheckDeps, context: Context, round: number): Promise<StepResult> {
  const { at } = context.resultOf(`restart-${round}`, begun);
  const node = await nodeOf(deps, context.nodeUuid);
  const now = deps.clock.now();
  if (deps.sightings.wasSeen([node.uuid], 'boot', monotonicAt(deps, at))) return done({ seconds: Math.round((now - at) / 1000), at: now });
  if (node.lastError !== null && node.targetPowerState === null && node.powerState === 'power off' && now - at > MINUTE)
    throw notReady(nodeTitle(node), `it did not start: ${node.lastError}`, 'Look at how it is switched on: rackseed node why.');
  if (now - at > ASK_LIMIT_MS) {
    const hint = 'Put network boot first in its firmware, and look at cable and VLAN: rackseed node readiness says what is known.';
    throw notReady(nodeTitle(node), `it was restarted and did not ask the network what to boot for ${ASK_LIMIT_MS / MINUTE} minutes`, hint);
  }
  context.progress(0, 'restarted; waits until its firmware asks the network');
  return waitUntil(now + LOOK_MS);
}

/** It was told to start its own disk. A machine whose disk does not start comes back to ask. */
async function starts(deps: CheckDeps, context: Context, round: number): Promise<StepResult> {
  const { at } = context.resultOf(`network-${round}`, asked);
  const node = await nodeOf(deps, context.nodeUuid);
  const now = deps.clock.now();
  // Firmware and boot loader ask within the first seconds of one and the same start.
  if (deps.sightings.wasSeen([node.uuid], 'boot', monotonicAt(deps, at + MINUTE)))
    throw notReady(
      nodeTitle(node),
      'it was sent to its own disk and came back to the network',
      'Its disk has nothing that starts, or its firmware cannot start it.',
    );
  if (now - at < QUIET_MS) {
    context.progress((now - at) / QUIET_MS, 'sent to its own disk; waits whether it comes back');
    return waitUntil(Math.min(at + QUIET_MS, now + 5 * LOOK_MS));
  }
  return done({ at: now });
}

async function finish(deps: CheckDeps, context: Context): Promise<StepResult> {
  const node = await nodeOf(deps, context.nodeUuid);
  const seconds = ROUNDS.map((round) => context.resultOf(`network-${round}`, asked).seconds);
  const message = `it asked the network both times (after ${seconds.join(' s and ')} s) and stayed on its own disk`;
  const startedAt = context.resultOf('restart-1', begun).at;
  const figures = Object.fromEntries(seconds.map((value, at) => [`network_seconds_${at + 1}`, value]));
  return context.finish(
    async (tx) => {
      await writeCheck(tx, deps, node.uuid, { kind: 'rehearse', verdict: 'good', message, figures, startedAt });
      await deps.store.events.append(tx, {
        type: 'node.checked',
        nodeUuid: node.uuid,
        message: `rehearsal of ${nodeTitle(node)}: ${message}`,
      });
    },
    { message, figures },
  );
}

/** Sightings are by the monotonic clock of this process. */
function monotonicAt({ clock }: Pick<CheckDeps, 'clock'>, at: number): number {
  return clock.monotonic() - (clock.now() - at);
}

function notReady(title: string, what: string, hint: string): Error {
  return fail('checks.failed', { message: `${title}: ${what}`, hint });
}
