// The settings in force as rows, for people who ask where a value came from. Holds no secrets: the configuration has only references.

import { leaves } from './fill.ts';
import { jsonSchema } from './json-schema.ts';
import type { LoadedConfig } from './load.ts';
import { keyOfPointer, valueAt } from './pointer.ts';
import { tomlValue } from './toml-text.ts';

export interface Setting {
  readonly key: string;
  /** As TOML would write it. */
  readonly value: string;
  /** 'rackseed.toml:12', 'RACKSEED_DHCP_MODE' or 'default' */
  readonly origin: string;
}

export function listSettings({ config, path, origins }: LoadedConfig): Setting[] {
  return leaves(jsonSchema(), config).map((pointer) => {
    const key = keyOfPointer(pointer);
    const origin = origins.get(key);
    const place = origin?.source === 'file' ? `${path ?? 'config'}:${origin.line ?? 1}` : (origin?.variable ?? 'default');
    return { key, value: tomlValue(valueAt(config, pointer)), origin: place };
  });
}
