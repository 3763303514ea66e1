// A fake machine's power. What it was told last counts until the node's record has caught up; from then on the record is the machine,
// so that it survives restarts without a write of its own, and several appliances see the same machine.

import type { PowerState } from '../../nodes/index.ts';
import { POWER_TARGETS, type PowerDriver, type PowerReading, type PowerTarget, type Recorded } from '../seam.ts';
import type { FakeMachine } from './machine.ts';

interface Told {
  readonly state: 'power on' | 'power off';
  /** What was recorded when it was told. */
  readonly recorded: PowerState | null;
}

/** Machines that were told something that nobody recorded yet; at the cap the oldest is as it is recorded. */
const MAX_TOLD = 20_000;

export function fakePower(machine: FakeMachine): PowerDriver {
  const told = new Map<string, Told>();
  return {
    targets: POWER_TARGETS,
    state: async (target, call) => {
      const { stuckPower } = await machine.act(target, call, 'power', 'state');
      return stuckPower ?? reading(told, target.uuid, target.recorded);
    },
    set: async (target, wanted, call) => {
      await machine.act(target, call, 'power', 'set');
      told.delete(target.uuid);
      for (const oldest of told.keys()) {
        if (told.size < MAX_TOLD) break;
        told.delete(oldest);
      }
      told.set(target.uuid, { state: after(wanted), recorded: target.recorded.powerState });
    },
  };
}

function reading(told: Map<string, Told>, uuid: string, { powerState }: Recorded): PowerReading {
  const last = told.get(uuid);
  if (last === undefined) return believed(powerState);
  const hasCaughtUp = powerState === last.state || powerState !== last.recorded;
  if (hasCaughtUp) told.delete(uuid);
  return hasCaughtUp ? believed(powerState) : last.state;
}

/** A machine of which nothing is recorded is off; one that was rebooting has come up. */
function believed(recorded: PowerState | null): 'power on' | 'power off' {
  return recorded === null || recorded === 'power off' || recorded === 'soft power off' ? 'power off' : 'power on';
}

function after(wanted: PowerTarget): 'power on' | 'power off' {
  return wanted === 'power off' || wanted === 'soft power off' ? 'power off' : 'power on';
}
