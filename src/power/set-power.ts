// Switching a machine: look, tell, and look again until it is so. Each look is a call of its own, so that others get their turn in between.

import { type Clock, messageOf, RackseedError } from '../lib/index.ts';
import { fail } from './errors.ts';
import type { SetPower } from './gateway-seam.ts';
import type { PowerDriver, PowerReading, PowerTarget } from './seam.ts';

export interface Switching {
  readonly title: string;
  readonly power: PowerDriver;
  readonly wanted: PowerTarget;
  readonly asking: SetPower;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly read: () => Promise<PowerReading>;
  readonly tell: () => Promise<void>;
}

const FIRST_PAUSE_MS = 250;
const LAST_PAUSE_MS = 5000;

export async function setPower(switching: Switching): Promise<PowerReading> {
  const { title, power, wanted, asking, read, tell } = switching;
  const progress = (fraction: number, text: string): void => asking.progress?.(fraction, text);
  if (!power.targets.includes(wanted)) {
    throw fail('power.unsupported', {
      message: `node ${title} can not be told "${wanted}" through its power interface`,
      hint: `It can be told ${power.targets.map((target) => `"${target}"`).join(', ')}.`,
      detail: { wanted },
    });
  }
  const goal = goalOf(wanted);
  const isReboot = wanted === 'rebooting' || wanted === 'soft rebooting';
  if (!isReboot && (await read()) === goal) {
    progress(1, `it is ${shortOf(goal)} already`);
    return goal;
  }
  progress(0.2, `told "${wanted}"`);
  await tell();
  const reached = await lookUntil(switching, goal);
  progress(1, reached === null ? 'told; nobody can know its power state' : `it is ${shortOf(goal)}`);
  return reached;
}

async function lookUntil({ title, wanted, asking, clock, timeoutMs, read }: Switching, goal: PowerReading): Promise<PowerReading> {
  const end = clock.monotonic() + timeoutMs;
  let last = 'it never answered';
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LAST_PAUSE_MS)) {
    try {
      const reading = await read();
      if (reading === goal || reading === null) return reading;
      last = `it is still ${shortOf(reading)}`;
    } catch (thrown) {
      // A BMC may be deaf for a moment while the machine changes its state; it is asked again until the time is over.
      if (!(thrown instanceof RackseedError) || asking.signal.aborted) throw thrown;
      if (thrown.code === 'power.chain_failed') throw thrown; // every way was tried: waiting changes nothing
      last = messageOf(thrown);
    }
    const leftMs = end - clock.monotonic();
    if (leftMs <= 0) break;
    asking.progress?.(0.2 + 0.7 * (1 - leftMs / timeoutMs), `waits until it is ${shortOf(goal)}: ${last}`);
    await clock.sleep(Math.min(pauseMs, leftMs), asking.signal);
  }
  throw fail('power.not_reached', {
    message: `node ${title} was told "${wanted}" and did not get there in ${timeoutMs / 1000} s: ${last}`,
    hint: 'Look at the machine. If it only takes longer, raise [power] timeout_seconds, or give a timeout with the request.',
    detail: { wanted, timeoutMs },
  });
}

function goalOf(wanted: PowerTarget): 'power on' | 'power off' {
  return wanted === 'power off' || wanted === 'soft power off' ? 'power off' : 'power on';
}

function shortOf(reading: PowerReading): string {
  return reading === 'power on' ? 'on' : reading === 'power off' ? 'off' : 'unknown';
}
