// The fake machine itself: takes its time, fails where it is told to, and remembers what it was told.

import type { Clock, Random } from '../../lib/index.ts';
import type { Interface, JsonObject, JsonValue } from '../../nodes/index.ts';
import { fail } from '../errors.ts';
import type { Memory } from '../memory.ts';
import type { Call, Target } from '../seam.ts';
import { delayOf, type FakeSettings, failureAt, readFakeSettings } from './settings.ts';

export interface FakeParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly memory: Memory;
}

export interface FakeMachine {
  refusal(target: Target): string | null;
  /** Takes its time, or fails. */
  act(target: Target, call: Call, which: Interface, what: string): Promise<FakeSettings>;
  recall(target: Target): Promise<JsonObject>;
  remember(target: Target, change: Readonly<Record<string, JsonValue>>): Promise<void>;
}

const NAME = 'fake';

export function createFakeMachine({ clock, random, memory }: FakeParts): FakeMachine {
  const recall: FakeMachine['recall'] = (target) => memory.read(NAME, target.uuid);
  const remember: FakeMachine['remember'] = async (target, change) =>
    memory.write(NAME, target.uuid, { ...(await recall(target)), ...change });

  /** How often it failed at this before, counting this time. */
  const countFailure = async (target: Target, text: string): Promise<number> => {
    const failed = (await recall(target)).failed;
    const counts = typeof failed === 'object' && failed !== null && !Array.isArray(failed) ? (failed as JsonObject) : {}; // by the test
    const before = counts[text];
    const times = typeof before === 'number' ? before + 1 : 1;
    await remember(target, { failed: { ...counts, [text]: times } });
    return times;
  };

  return {
    recall,
    remember,
    refusal: ({ driverInfo }) => {
      const settings = readFakeSettings(driverInfo);
      return 'refusal' in settings ? settings.refusal : null;
    },
    act: async (target, call, which, what) => {
      call.signal.throwIfAborted();
      const settings = readFakeSettings(target.driverInfo);
      if ('refusal' in settings) throw fail('power.bad_info', { message: settings.refusal, hint: 'Correct the key in driver_info.' });
      const ms = delayOf(settings, which, what, random.float());
      if (ms > 0) await clock.sleep(ms, call.signal);
      const failure = failureAt(settings, which, what);
      if (failure !== undefined && (failure.times === null || (await countFailure(target, failure.text)) <= failure.times)) {
        throw fail('power.fake_failure', {
          message: `${which}.${what} failed on node ${target.name ?? target.uuid}, as driver_info/fake_fail says`,
          hint: 'Take it out of driver_info/fake_fail and try again.',
          detail: { node: target.uuid, interface: which, what },
        });
      }
      return settings;
    },
  };
}
