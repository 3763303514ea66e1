// Whether a deployed system has said that it runs. Pure: from what the node has.

import type { JsonObject } from '../../nodes/index.ts';
import type { Target } from '../seam.ts';

/** In driver_internal_info, written by whoever takes the report. */
export const FIRST_BOOT = 'first_boot';

export interface FirstBootStanding {
  readonly isDone: boolean;
  readonly words: string;
}

export function firstBootStands({ instanceInfo, internalInfo }: Pick<Target, 'instanceInfo' | 'internalInfo'>): FirstBootStanding {
  if (instanceInfo.first_boot !== true) return { isDone: true, words: 'the system was not asked to report its first boot' };
  const record = internalInfo[FIRST_BOOT];
  const reported = isObject(record) ? record.reported_at : undefined;
  if (typeof reported === 'number') return { isDone: true, words: 'the system has reported its first boot' };
  return {
    isDone: false,
    words:
      'waits for the report of the first boot; if it does not come: does the image have cloud-init with curl or python3, and can it reach the appliance over HTTPS?',
  };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
